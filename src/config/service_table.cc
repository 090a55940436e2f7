#include "base/text.h"
#include "config/objects.h"
#include "config/read.h"

namespace portico::config {
namespace {

bool is_service_name(std::string_view s) {
    if (s.empty()) return false;
    for (const char c : s) {
        const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!ok) return false;
    }
    return true;
}

// http://host[:port], nothing behind it.
void read_endpoint(const Scope& scope, const Node& node, ServiceConfig& into) {
    constexpr std::string_view kWhat = "an endpoint such as http://10.0.0.1:8080";
    const auto url = read_string(scope, node, kWhat);
    if (!url) return;
    EndpointConfig e;
    e.mark = node.mark;
    std::string_view rest = *url;
    if (rest.starts_with("https://")) {
        return scope.error(node.mark, "not-yet", "https endpoints are part of the language, but this version does not have them yet");
    }
    if (!rest.starts_with("http://")) {
        return scope.expected(node, kWhat, rest.find("://") == std::string_view::npos ? "did you mean http://" + *url + "?" : "");
    }
    rest.remove_prefix(7);
    if (rest.ends_with('/') && rest.find('/') == rest.size() - 1) rest.remove_suffix(1);
    if (rest.find_first_of("/?#@") != std::string_view::npos) {
        return scope.error(node.mark, "bad-endpoint", "an endpoint is a host and a port only, found \"" + *url + "\"",
                           "a path belongs into the route: forward: { service: …, path: … }");
    }
    e.authority = to_lower(rest);
    std::string_view host = e.authority;
    const size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && (host.front() != '[' || host.find(']') < colon)) {
        const auto port = parse_decimal<uint16_t>(host.substr(colon + 1));
        if (!port || *port == 0) return scope.expected(node, std::string(kWhat) + " (a port from 1 to 65535)");
        e.port = *port;
        host = host.substr(0, colon);
    }
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        if (!IpAddress::parse(host)) return scope.expected(node, kWhat);
    } else {
        for (const char c : host) {
            const bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
            if (!ok) return scope.expected(node, kWhat);
        }
    }
    if (host.empty() || host.size() > 253) return scope.expected(node, kWhat);
    e.host = host;
    into.endpoints.push_back(std::move(e));
}

constexpr Field<ServiceConfig> kService[] = {
    {{"endpoints", "list of URLs", "", "`http://host[:port]` of each; names are resolved anew at their TTL.", R"({"type":"array","items":{"type":"string"},"minItems":1})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) {
         if (!n.is_sequence()) return s.expected(n, "a list of endpoints", "write endpoints: [http://10.0.0.1:8080]");
         if (n.items.empty()) s.error(n.mark, "empty-list", "a service needs at least one endpoint");
         for (size_t i = 0; i < n.items.size(); ++i) read_endpoint(Scope(s, i), *n.items[i], c);
     }},
    {{"respond", "mapping", "", "A fixed answer in place of endpoints: maintenance, stubs for development.", R"({"$ref":"#/$defs/respond"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { read_respond(s, n, c.respond); }},
    {{"internal", "boolean", "false", "Not reachable through `{service}`; only routes that name it reach it.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { if (auto b = read_bool(s, n)) c.internal = *b; }},
    {{"timeouts", "mapping", "the file's", "Times of this service.", R"({"$ref":"#/$defs/timeouts"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { read_timeouts(s, n, c.timeouts); }},
    {{"max_idle", "count", "256", "Idle connections kept, for each endpoint and worker.", R"({"type":"integer","minimum":0})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { if (auto v = read_integer(s, n, 0, 1'000'000)) c.max_idle = static_cast<uint32_t>(*v); }},
    {{"max_connections", "count", "4096", "Connections at once, for each endpoint and worker (503 beyond it).", R"({"type":"integer","minimum":1})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { if (auto v = read_integer(s, n, 1, 1'000'000)) c.max_connections = static_cast<uint32_t>(*v); }},
    {{"idle_connection", "duration", "55s", "How long an idle connection is kept; the service's own Keep-Alive hint may shorten it.", R"({"$ref":"#/$defs/duration"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { if (auto d = read_duration(s, n, false)) c.idle_connection = *d; }},
    {{"balance", "word", "round_robin", "How endpoints are chosen.", R"({"type":"string"})"}, nullptr},
    {{"tls", "mapping", "", "TLS towards the endpoints.", R"({"type":"object"})"}, nullptr},
};

}  // namespace

std::span<const Field<ServiceConfig>> service_fields() { return kService; }

void read_service(const Scope& parent, const Entry& entry, Draft& into) {
    const Scope scope(parent, entry.key);
    ServiceConfig service;
    service.name = entry.key;
    service.mark = entry.key_mark;
    if (!is_service_name(entry.key)) {
        scope.error(entry.key_mark, "bad-name", "a service's name is made of letters, digits, \"-\", \"_\" and \".\"");
    }
    const Node& node = *entry.value;
    if (node.is_scalar() && node.kind != NodeKind::null) {
        read_endpoint(scope, node, service);
    } else if (read_object<ServiceConfig>(scope, node, service, "a service", service_fields())) {
        const bool endpoints = node.get("endpoints") != nullptr;
        const bool respond = node.get("respond") != nullptr;
        if (endpoints == respond) {
            scope.error(entry.key_mark, "service-target",
                        endpoints ? "a service has endpoints or a fixed answer, not both" : "a service needs endpoints, or respond for a fixed answer");
        }
    }
    into.config.services.push_back(std::move(service));
}

}  // namespace portico::config
