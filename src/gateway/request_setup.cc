#include "gateway/request_setup.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "gateway/client_address.h"
#include "gateway/connection_names.h"
#include "gateway/guarded_elsewhere.h"
#include "gateway/snapshot.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

using http::FieldName;

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
        case FieldName::other: return is_forwarding_header(f.name) || x.epoch->snapshot->taken_off.contains(f.name);
        // Names that the gateway knows for other reasons may be in `managed_headers` too.
        default: return !x.epoch->snapshot->managed.empty() && x.epoch->snapshot->managed.contains(f.name);
    }
}

// The client as its connection shows it, or as a trusted proxy says.
ForwardingFields take_client(Exchange& x, std::span<const Cidr> trusted) {
    x.client_address = x.peer.ip;
    x.client_ip = x.forwarded_for = x.peer_text;
    if (trusted.empty() || !is_trusted(trusted, x.peer.ip)) return {};
    ForwardingFields said = read_forwarding(x.request.fields, x.epoch->snapshot->client_source);
    if (said.chain.empty()) return said;
    FoundClient found = find_client(said, x.peer.ip, trusted);
    said.proto = found.proto;
    said.host = found.host;
    x.client_address = found.address;
    x.client_ip = found.address ? x.arena.copy(found.address->text()) : std::string_view{};
    x.forwarded_for = x.arena.copy(found.passed.append(", ").append(x.peer_text));
    return said;
}

bool is_port(std::string_view text) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port != 0;
}

void take_forwarding(Exchange& x) {
    const ForwardingFields from = take_client(x, x.epoch->snapshot->config.trusted_proxies);
    if (iequals(from.proto, "https")) x.scheme = "https";
    else if (iequals(from.proto, "http")) x.scheme = "http";
    x.forwarded_proto = x.scheme;
    x.forwarded_host = x.request.host;
    if (!from.host.empty() && http::is_valid_authority(from.host)) x.forwarded_host = from.host;
    x.forwarded_port = is_port(from.port) ? from.port : http::port_of(x.request.host);
    if (x.forwarded_port.empty()) x.forwarded_port = x.forwarded_proto == "https" ? "443" : "80";
    // A removed field's bytes stay: the views above are into the head.
    const size_t removed = x.request.fields.remove_if([&](const http::Field& f) { return is_field_of_gateway(x, f); });
    if (removed > 0) x.context.shard.add(x.context.cells.managed_removed, removed);
}

// What the client says is for this hop goes no further (RFC 9110 §7.6.1), so nothing is judged by it either, and what policies set later
// under such a name stays. What frames or routes the message is the gateway's own to write, and cannot be named away.
void drop_what_ends_here(Exchange& x) {
    if (x.request.connection.names.empty()) return;
    const ConnectionNames named(x.request.connection);
    x.request.fields.remove_if([&](const http::Field& f) {
        switch (f.id) {
            case FieldName::host:
            case FieldName::content_length:
            case FieldName::expect: return false;
            default: return !http::is_hop_by_hop(f.id) && named.contains(f.name);
        }
    });
}

void choose_trace(Exchange& x) {
    const http::Field* sent = x.request.fields.find(FieldName::traceparent);
    std::optional<observe::TraceContext> trace;
    if (sent != nullptr && x.request.fields.count(FieldName::traceparent) == 1) trace = observe::parse_traceparent(sent->value);
    if (!trace) return;
    x.trace = *trace;
    x.traceparent = sent->value;
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
        auto path = http::normalise_path(target->path, x.arena, x.epoch->snapshot->config.paths.slashes);
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
    drop_what_ends_here(x);
    choose_ids(x);
    x.view.method = x.request.method;
    x.view.method_text = x.request.method_text;
    x.view.fields = &x.request.fields;
    x.view.scheme = x.scheme;
    x.view.host = http::host_of(x.request.host, x.arena);
    return judge_target(x);
}

Result<void> find_route(Exchange& x) {
    const Snapshot& snapshot = *x.epoch->snapshot;
    const bool found = find_preflighted(x) || snapshot.table.find(x.view, x.match);
    if (found) x.rules = &snapshot.routes[x.match.route];
    else x.match.route = Match::kNone;  // what a preflight was looked up by is no route of an OPTIONS that none takes
    if (x.view.ambiguous && !(found && x.rules->encoded_allow)) {
        return fail(Fault::bad_path, "an encoded / \\ ; ? or #, or a raw \\ or ;, without encoded: allow");
    }
    if (x.view.ambiguous && !x.preflight && is_guarded_elsewhere(x)) {
        return fail(Fault::bad_path, "a service that reads the path leniently would be asked for what a guarded route asks it");
    }
    if (!found) return fail(snapshot.table.allowed_methods(x.view).empty() ? Fault::no_route : Fault::method_not_allowed);
    const http::BodyLength& body = x.request.body;
    if (body.framing == http::Framing::length && body.length > x.rules->body_limit) {
        return fail(Fault::body_too_large, "Content-Length over the limit");
    }
    return {};
}

}  // namespace portico::gateway
