#include "gateway/request_setup.h"

#include <algorithm>

#include "base/text.h"
#include "gateway/snapshot.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

using http::FieldName;

// What a proxy in front says of the client, where it is trusted.
struct Forwarded {
    std::vector<std::string_view> chain;  // addresses, the client's end first
    std::string_view proto;
    std::string_view host;
};

bool is_trusted(const config::Config& config, const IpAddress& ip) {
    return std::ranges::any_of(config.trusted_proxies, [&](const Cidr& c) { return c.contains(ip); });
}

// An address as proxies write it: bare, in brackets, with a port.
std::optional<IpAddress> address_in(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        return end == std::string_view::npos ? std::nullopt : IpAddress::parse(text.substr(1, end - 1));
    }
    if (const size_t colon = text.find(':'); colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
        text = text.substr(0, colon);
    }
    return IpAddress::parse(text);
}

// RFC 7239: for=…;proto=…;host=…, one element a proxy.
void read_forwarded(std::string_view value, Forwarded& into) {
    for_each_element(value, [&](std::string_view element) {
        while (!element.empty()) {
            const size_t end = std::min(element.find(';'), element.size());
            const std::string_view pair = trim_ows(element.substr(0, end));
            element.remove_prefix(std::min(end + 1, element.size()));
            const size_t eq = pair.find('=');
            if (eq == std::string_view::npos) continue;
            const std::string_view name = pair.substr(0, eq);
            std::string_view v = pair.substr(eq + 1);
            if (iequals(name, "for")) into.chain.push_back(v);
            if (v.size() >= 2 && v.front() == '"' && v.back() == '"') v = v.substr(1, v.size() - 2);
            if (iequals(name, "proto")) into.proto = v;
            else if (iequals(name, "host")) into.host = v;
        }
    });
}

Forwarded read_forwarding(const http::FieldList& fields) {
    Forwarded f;
    for (const http::Field& field : fields) {
        if (field.id == FieldName::x_forwarded_for) for_each_element(field.value, [&](std::string_view e) { f.chain.push_back(e); });
        else if (field.id == FieldName::x_forwarded_proto) f.proto = field.value;
        else if (field.id == FieldName::x_forwarded_host) f.host = field.value;
    }
    if (f.chain.empty() && f.proto.empty() && f.host.empty()) {
        for (const http::Field& field : fields) {
            if (field.id == FieldName::forwarded) read_forwarded(field.value, f);
        }
    }
    if (f.chain.empty()) {
        if (const http::Field* real = fields.find(FieldName::x_real_ip)) f.chain.push_back(real->value);
    }
    return f;
}

bool is_field_of_gateway(const Exchange& x, const http::Field& f) {
    switch (f.id) {
        case FieldName::forwarded:
        case FieldName::x_forwarded_for:
        case FieldName::x_forwarded_host:
        case FieldName::x_forwarded_proto:
        case FieldName::x_forwarded_port:
        case FieldName::x_forwarded_prefix:
        case FieldName::x_forwarded_other:
        case FieldName::x_real_ip: return true;
        case FieldName::other: return x.is_managed(f.name);
        // Names that the gateway knows for other reasons may be in `managed_headers` too.
        default: return !x.epoch->snapshot->managed.empty() && x.epoch->snapshot->managed.contains(f.name);
    }
}

// The client's address from the right: past every trusted proxy, to the first that is none (LANGUAGE.md §6).
void find_client(Exchange& x, const Forwarded& from, const config::Config& config) {
    x.client_address = x.peer;
    x.client_ip = x.forwarded_for = x.peer_text;
    if (from.chain.empty()) return;
    std::string passed;
    for (size_t i = from.chain.size(); i > 0; --i) {
        const auto ip = address_in(from.chain[i - 1]);
        if (!ip) break;  // "unknown", or a forgery: what is left of it says nothing
        x.client_address = {*ip, 0};
        passed = passed.empty() ? ip->text() : ip->text() + ", " + passed;
        if (!is_trusted(config, *ip)) break;
    }
    if (passed.empty()) return;
    if (x.client_address.ip != x.peer.ip) x.client_ip = x.arena.copy(x.client_address.ip.text());
    x.forwarded_for = x.arena.copy(passed.append(", ").append(x.peer_text));
}

void take_forwarding(Exchange& x) {
    const config::Config& config = x.epoch->snapshot->config;
    Forwarded from;
    if (!config.trusted_proxies.empty() && is_trusted(config, x.peer.ip)) from = read_forwarding(x.request.fields);
    find_client(x, from, config);
    x.forwarded_proto = iequals(from.proto, "https") ? "https" : iequals(from.proto, "http") ? "http" : x.scheme;
    x.forwarded_host = x.request.host;
    if (!from.host.empty() && http::is_valid_authority(from.host)) x.forwarded_host = from.host;
    // A removed field's bytes stay: the views above are into the head.
    const size_t removed = x.request.fields.remove_if([&](const http::Field& f) { return is_field_of_gateway(x, f); });
    if (removed > 0) x.context.shard.add(x.context.cells.managed_removed, removed);
}

void choose_trace(Exchange& x) {
    const http::Field* sent = x.request.fields.find(FieldName::traceparent);
    std::optional<observe::TraceContext> trace;
    if (sent != nullptr && x.request.fields.count(FieldName::traceparent) == 1) trace = observe::parse_traceparent(sent->value);
    x.trace_from_client = trace.has_value();
    x.trace = trace ? *trace : observe::new_trace(x.context.random);
    observe::write_traceparent(x.trace, x.traceparent.data());
}

Result<void> judge_target(Exchange& x) {
    const http::RequestHead& request = x.request;
    auto target = http::parse_target(request.target, request.method);
    if (!target) return fail(std::move(target).error());
    if (request.method == http::Method::connect || request.method == http::Method::trace) {
        return fail(Fault::not_implemented, "CONNECT and TRACE are not served");
    }
    x.target = *target;
    if (target->form == http::TargetForm::asterisk) {
        x.view.path = "*";
    } else {
        auto path = http::normalise_path(target->path, x.arena);
        if (!path) return fail(std::move(path).error());
        x.view.path = path->text;
        x.view.ambiguous = path->ambiguous;
    }
    x.view.query = target->query;
    x.view.has_query = target->has_query;
    return {};
}

// A preflight is matched as the request that it asks about; only where the best route has `cors` does that route take it
// (LANGUAGE.md §5).
bool find_preflighted(Exchange& x) {
    if (x.view.method != http::Method::options) return false;
    const http::Field* wanted = x.request.fields.find(FieldName::access_control_request_method);
    if (wanted == nullptr || x.request.fields.find(FieldName::origin) == nullptr) return false;
    RequestView asked = x.view;
    asked.method = http::method_of(wanted->value);
    asked.method_text = wanted->value;
    asked.preflight = true;
    const Snapshot& snapshot = *x.epoch->snapshot;
    x.preflight = snapshot.table.find(asked, x.match) && snapshot.routes[x.match.route].answers_preflights;
    return x.preflight;
}

}  // namespace

void choose_ids(Exchange& x) {
    if (!x.request_id.empty()) return;
    choose_trace(x);
    const http::Field* sent = x.request.fields.find(FieldName::x_request_id);
    if (sent != nullptr && observe::is_valid_request_id(sent->value) && x.request.fields.count(FieldName::x_request_id) == 1) {
        x.request_id = sent->value;
        return;
    }
    observe::write_request_id(x.context.random, x.request_id_text.data());
    x.request_id = {x.request_id_text.data(), observe::kRequestIdSize};
}

Result<void> set_up_request(Exchange& x) {
    take_forwarding(x);
    choose_ids(x);
    x.view.method = x.request.method;
    x.view.method_text = x.request.method_text;
    x.view.fields = &x.request.fields;
    x.view.host = http::host_of(x.request.host, x.arena);
    return judge_target(x);
}

Result<void> find_route(Exchange& x) {
    const Snapshot& snapshot = *x.epoch->snapshot;
    const bool found = find_preflighted(x) || snapshot.table.find(x.view, x.match);
    if (found) x.rules = &snapshot.routes[x.match.route];
    else x.match.route = Match::kNone;  // what a preflight was looked up by is no route of an OPTIONS that none takes
    if (x.view.ambiguous && !(found && x.rules->encoded_allow)) {
        return fail(Fault::bad_path, "an encoded / \\ ; ? or #, or a raw \\, without encoded: allow");
    }
    if (!found) return fail(snapshot.table.allowed_methods(x.view).empty() ? Fault::no_route : Fault::method_not_allowed);
    const http::BodyLength& body = x.request.body;
    if (body.framing == http::Framing::length && body.length > x.rules->body_limit) {
        return fail(Fault::body_too_large, "Content-Length over the limit");
    }
    return {};
}

}  // namespace portico::gateway
