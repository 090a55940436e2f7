#include "policy/forward_auth/settings.h"

#include <algorithm>

#include "base/text.h"
#include "config/read.h"
#include "gateway/claim_headers.h"

namespace portico::policy::forward_auth {
namespace {

using config::Field;
using config::Node;
using config::NodeKind;
using config::Scope;

constexpr std::string_view kOutcomes[] = {"deny", "allow"};

struct Draft : Settings {
    const Node* service_node = nullptr;
    config::Text path_text;
    const Node* on_failure_node = nullptr;
};

void read_send(const Scope& scope, const Node& node, Draft& d) {
    if (node.kind == NodeKind::string && node.text == "*") {
        d.send_all = true;
        return;
    }
    d.send.clear();
    for (config::Text& t : config::read_texts(scope, node, "a header's name")) {
        const auto id = http::spelled_field_name(t.value);
        if (t.value == "*") {
            scope.error(t.mark, "bad-header-name", "\"*\" stands alone: all headers, and no others beside them", "write send: \"*\"");
        } else if (!config::is_header_name(t.value)) {
            scope.error(t.mark, "bad-header-name", "\"" + t.value + "\" is not a header's name");
        } else if (id == http::FieldName::host || http::is_hop_by_hop(id) || http::folded_name(t.value).starts_with("content-")) {
            scope.error(t.mark, "bad-header", t.value + " belongs to the client's own message: the question has no body, and a form of its own");
        } else if (gateway::is_written_by_gateway(t.value)) {
            scope.error(t.mark, "bad-header", t.value + " is written by the gateway itself", "leave it out: where it says anything, it is sent");
        } else {
            d.send.push_back(std::move(t.value));
        }
    }
}

bool is_claim_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

void add_copied(const Scope& scope, config::Mark mark, Copied row, Draft& d) {
    const bool authorization = http::is_same_name(row.header, "Authorization");
    if (!authorization && !config::check_managed_header(scope, mark, row.header)) return;
    d.copies_authorization |= authorization;
    if (gateway::is_written_by_gateway(row.header)) {
        scope.error(mark, "unmanageable-header", row.header + " is written by the gateway itself");
        return;
    }
    for (const Copied& other : d.copy) {
        if (http::is_same_name(other.header, row.header)) {
            scope.error(mark, "duplicate-header", "the header " + row.header + " stands here twice");
            return;
        }
        if (!row.claim.empty() && other.claim == row.claim) {
            scope.error(mark, "duplicate-claim", "two headers bear the claim " + row.claim);
            return;
        }
    }
    d.copy.push_back(std::move(row));
}

// The claim that a header bears: `sub`, `{ list: groups }`, or `~` for none. @returns false after a fault
bool read_claim(const Scope& scope, const Node& node, Copied& row) {
    if (node.kind == NodeKind::null) return true;
    const Node* name = node.is_mapping() && node.entries.size() == 1 ? node.get("list") : &node;
    row.is_list = node.is_mapping();
    if (name == nullptr || !name->is_scalar() || !is_claim_name(name->text)) {
        scope.expected(node, "a claim's name such as sub, { list: groups } for a list between commas, or ~ for none");
        return false;
    }
    row.claim = name->text;
    return true;
}

void read_copy(const Scope& scope, const Node& node, Draft& d) {
    if (!node.is_mapping()) {
        for (config::Text& t : config::read_texts(scope, node, "a header's name")) add_copied(scope, t.mark, {std::move(t.value), {}, false}, d);
        return;
    }
    for (const config::Entry& e : node.entries) {
        const Scope at(scope, e.key);
        Copied row{e.key, {}, false};
        if (read_claim(at, *e.value, row)) add_copied(at, e.key_mark, std::move(row), d);
    }
}

void read_client_headers(const Scope& scope, const Node& node, Draft& d) {
    for (config::Text& t : config::read_texts(scope, node, "a header's name")) {
        const auto id = http::spelled_field_name(t.value);
        if (!config::is_header_name(t.value)) {
            scope.error(t.mark, "bad-header-name", "\"" + t.value + "\" is not a header's name");
        } else if (http::is_hop_by_hop(id) || id == http::FieldName::via || id == http::FieldName::x_request_id || http::folded_name(t.value).starts_with("content-")) {
            scope.error(t.mark, "bad-header", t.value + " belongs to the response itself, or to its way");
        } else {
            d.client_headers.push_back(std::move(t.value));
        }
    }
}

constexpr std::string_view kTextOrList = R"({"$ref":"#/$defs/textOrList"})";
constexpr Field<Draft> kFields[] = {
    {{"service", "service", "", "Who decides.", R"({"type":"string"})", true}, [](const Scope&, const Node& n, Draft& d) { d.service_node = &n; }},
    {{"path", "path template", "/", "What it is asked: `GET` this path.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, Draft& d) {
         if (auto t = config::read_text(s, n, "a path", config::Braces::notation)) d.path_text = std::move(*t);
     }},
    {{"send", "list of header names, or `*`", "Authorization, Cookie",
      "What of the request it sees. `*`: all but those for one hop, of the framing, `Content-*`, `Expect`, `Range` and `If-*`.", kTextOrList}, read_send},
    {{"copy", "list of header names, or mapping from headers to claims", "none",
      "What of its answer the service behind gets; as a mapping also the identity: `{ X-User-ID: sub, X-Groups: { list: groups } }`. "
      "No client can send these headers, on any route; a copied `Authorization` takes the place of the client's on this one.", R"({})"},
     read_copy},
    {{"client_headers", "list of header names", "none",
      "What of a passing answer the client gets, in the response: `Set-Cookie` beside the service's own; of another header that both have, the service's stands.", kTextOrList},
     read_client_headers},
    {{"timeout", "duration", "1s", "How long it may take, all in all.", R"({"$ref":"#/$defs/duration"})"},
     [](const Scope& s, const Node& n, Draft& d) { d.timeout = config::read_duration(s, n, false).value_or(d.timeout); }},
    {{"on_failure", "deny or allow", "deny", "What happens while it is away (no connection, no answer in time, 5xx): 503, or the request passes without an identity.", R"({"enum":["deny","allow"]})"},
     [](const Scope& s, const Node& n, Draft& d) {
         d.pass_on_failure = config::read_word(s, n, kOutcomes).value_or(0) == 1;
         d.on_failure_node = &n;
     }},
};

// Whether a route takes its service's name from the request.
bool names_services_by_value(const config::Config& config) {
    return std::ranges::any_of(config.routes, [](const config::RouteConfig& r) { return r.forward && r.forward->service.value.contains('{'); });
}

void find_service(const Scope& scope, Draft& d, gateway::PolicyBuild& build) {
    const Scope at(scope, "service");
    d.service = build.service(at, *d.service_node);
    if (d.service < 0) return;
    const config::ServiceConfig& service = build.config().services[static_cast<size_t>(d.service)];
    d.service_name = service.name;
    if (service.respond) {
        at.warning(d.service_node->mark, "fixed-decision", "\"" + service.name + "\" has a fixed answer: it decides about every request alike");
    } else if (!service.internal && names_services_by_value(build.config())) {
        at.warning(d.service_node->mark, "reachable-by-name", "\"" + service.name + "\" decides about requests, and a route to {service} would reach it",
                   "write internal: true on the service");
    }
}

}  // namespace

bool Settings::bears_claims() const {
    return std::ranges::any_of(copy, [](const Copied& c) { return !c.claim.empty(); });
}

std::optional<Settings> read_settings(const gateway::PolicySettings& from, config::FaultList& faults) {
    Draft d;
    d.path_text.value = "/";
    const size_t before = faults.errors();
    const Scope scope(faults, from.path);
    if (!config::read_object<Draft>(scope, from.settings, d, "forward_auth", kFields) || d.service_node == nullptr) return std::nullopt;
    find_service(scope, d, from.build);
    d.path = gateway::TargetTemplate::parse(Scope(scope, "path"), d.path_text, {.deferred = true});
    if (d.pass_on_failure) {
        Scope(scope, "on_failure").warning(d.on_failure_node->mark, "open-on-failure", "while \"" + d.service_name + "\" cannot answer, everybody passes",
                                           "write deny, or leave it out");
    }
    if (faults.errors() != before) return std::nullopt;
    return std::move(d);
}

std::vector<std::string> managed_headers(const Node& settings) {
    std::vector<std::string> names;
    const Node* copy = settings.get("copy");
    if (copy == nullptr) return names;
    for (const config::Entry& e : copy->entries) names.push_back(e.key);
    for (const Node* item : copy->items) names.push_back(item->text);
    if (copy->is_scalar() && !copy->text.empty()) names.push_back(copy->text);
    // The client's own, wherever it is not replaced.
    std::erase_if(names, [](const std::string& name) { return http::is_same_name(name, "Authorization"); });
    return names;
}

config::ObjectText describe() { return config::describe<Draft>("forward_auth", "forward_auth", kSummary, kFields); }

}  // namespace portico::policy::forward_auth
