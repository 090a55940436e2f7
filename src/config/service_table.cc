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

// http://host[:port] or https://host[:port], nothing behind it.
void read_endpoint(const Scope& scope, const Node& node, ServiceConfig& into) {
    constexpr std::string_view kWhat = "an endpoint such as http://10.0.0.1:8080 or https://users.internal";
    const auto url = read_string(scope, node, kWhat);
    if (!url) return;
    EndpointConfig e;
    e.mark = node.mark;
    std::string_view rest = *url;
    e.tls = rest.starts_with("https://");
    if (!e.tls && !rest.starts_with("http://")) {
        return scope.expected(node, kWhat, rest.find("://") == std::string_view::npos ? "did you mean http://" + *url + "?" : "");
    }
    rest.remove_prefix(e.tls ? 8 : 7);
    e.port = e.tls ? 443 : 80;
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
    }
    if (!is_host(host)) {
        const bool numbers = host.find_first_not_of("0123456789.") == std::string_view::npos;
        return scope.expected(node, kWhat, numbers ? "an IPv4 address is four numbers from 0 to 255, such as 10.0.0.1" : "");
    }
    e.host = host;
    into.endpoints.push_back(std::move(e));
}

template <Text UpstreamTlsConfig::*Member>
void file_into(const Scope& s, const Node& n, UpstreamTlsConfig& c) {
    if (auto t = read_file_name(s, n, "the path of a PEM file")) c.*Member = std::move(*t);
}

constexpr Field<UpstreamTlsConfig> kUpstreamTls[] = {
    {{"ca", "PEM file", "the system's authorities", "Certificates that are trusted, in place of the system's: an authority's, or the service's own.", R"({"type":"string"})"},
     file_into<&UpstreamTlsConfig::ca>},
    {{"server_name", "host name or IP address", "the endpoint's host", "The name that the service is asked for (SNI) and that its certificate must carry.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, UpstreamTlsConfig& c) {
         constexpr std::string_view kWhat = "a host name or an IP address such as users.internal";
         auto t = read_text(s, n, kWhat);
         if (!t) return;
         t->value = to_lower(t->value);
         if (!is_host(t->value)) return s.expected(n, kWhat);
         c.server_name = std::move(*t);
     }},
    {{"cert", "PEM file", "none", "The certificate that the gateway shows where one is wanted, with its chain behind it; needs `key`.", R"({"type":"string"})"},
     file_into<&UpstreamTlsConfig::cert>},
    {{"key", "PEM file", "none", "The key of `cert`, not encrypted.", R"({"type":"string"})"}, file_into<&UpstreamTlsConfig::key>},
    {{"verify", "boolean", "true", "`false` believes whoever answers: for tests only; `check` warns.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, UpstreamTlsConfig& c) {
         if (auto b = read_bool(s, n)) c.verify = *b;
         if (!c.verify) {
             s.warning(n.mark, "tls-unverified", "nobody's certificate is verified here: whoever answers is believed to be this service",
                       "name the authority that signed it: ca: FILE");
         }
     }},
};

// What only makes sense together.
void check_tls(const Scope& scope, const Node& service, const ServiceConfig& c) {
    const Node* written = service.get("tls");
    if (written == nullptr) return;
    const Scope at(scope, "tls");
    if (c.tls.cert.written != c.tls.key.written) {
        const char* other = c.tls.cert.written ? "key" : "cert";
        at.error(written->mark, "tls-half", std::string("cert and key go together: \"") + other + "\" is missing");
    }
    bool any = false;
    for (const EndpointConfig& e : c.endpoints) any |= e.tls;
    // Who writes tls believes that the connections are encrypted.
    if (!any) at.error(written->mark, "tls-unused", "none of the service's endpoints begins with https://, so that nothing here would be encrypted");
}

constexpr Field<ResponseLimits> kResponseLimits[] = {
    {{"head", "size", "64KiB", "The longest head.", R"({"$ref":"#/$defs/size"})"},
     [](const Scope& s, const Node& n, ResponseLimits& l) { if (auto v = read_size(s, n, 1 << 20, false)) l.head = static_cast<uint32_t>(*v); }},
    {{"headers", "count", "128", "The most header fields.", R"({"type":"integer","minimum":1,"maximum":10000})"},
     [](const Scope& s, const Node& n, ResponseLimits& l) { if (auto v = read_integer(s, n, 1, 10000)) l.headers = static_cast<uint32_t>(*v); }},
};

constexpr Field<ServiceConfig> kService[] = {
    {{"endpoints", "list of URLs", "", "`http://host[:port]` or `https://host[:port]` of each; names are resolved anew at their TTL.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) {
         const PlainList list(s, n);
         if (!list.is_list() && !n.substituted) return s.expected(n, "a list of endpoints", "write endpoints: [http://10.0.0.1:8080]");
         if (list.items().empty()) s.error(n.mark, "empty-list", "a service needs at least one endpoint");
         for (size_t i = 0; i < list.items().size(); ++i) read_endpoint(Scope(s, i), *list.items()[i], c);
     }},
    {{"respond", "mapping", "", "A fixed answer in place of endpoints: maintenance, stubs for development.", R"({"$ref":"#/$defs/respond"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { read_respond(s, n, c.respond); }},
    {{"internal", "boolean", "false", "Not reachable through `{service}`; only routes that name it reach it.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { if (auto b = read_bool(s, n)) c.internal = *b; }},
    {{"schema", "file", "", "Its OpenAPI document (3.0 or 3.1, YAML or JSON): what templates read of its answers is checked against it at load. Relative to this file.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { if (auto t = read_text(s, n, "the path of an OpenAPI document")) c.schema = std::move(*t); }},
    {{"timeouts", "mapping", "the file's", "Times of this service.", R"({"$ref":"#/$defs/timeouts"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { read_timeouts(s, n, c.timeouts); }},
    {{"limits", "mapping", "", "Bounds of its responses.", R"({"$ref":"#/$defs/responseLimits"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { read_object<ResponseLimits>(s, n, c.limits, "limits of a service", response_limit_fields()); }},
    {{"max_idle", "count", "256", "Idle connections kept, for each endpoint and worker.", R"({"type":"integer","minimum":0})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { if (auto v = read_integer(s, n, 0, 1'000'000)) c.max_idle = static_cast<uint32_t>(*v); }},
    {{"max_connections", "count", "4096", "Connections at once, for each endpoint and worker (503 beyond it).", R"({"type":"integer","minimum":1})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { if (auto v = read_integer(s, n, 1, 1'000'000)) c.max_connections = static_cast<uint32_t>(*v); }},
    {{"idle_connection", "duration", "55s", "How long an idle connection is kept; the service's own Keep-Alive hint may shorten it.", R"({"$ref":"#/$defs/duration"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { if (auto d = read_duration(s, n, false)) c.idle_connection = *d; }},
    {{"balance", "word", "round_robin", "How endpoints are chosen.", R"({"type":"string"})"}, nullptr},
    {{"tls", "mapping", "", "TLS towards its https endpoints.", R"({"$ref":"#/$defs/upstreamTls"})"},
     [](const Scope& s, const Node& n, ServiceConfig& c) { read_object<UpstreamTlsConfig>(s, n, c.tls, "tls", upstream_tls_fields()); }},
};

}  // namespace

std::span<const Field<ServiceConfig>> service_fields() { return kService; }
std::span<const Field<UpstreamTlsConfig>> upstream_tls_fields() { return kUpstreamTls; }
std::span<const Field<ResponseLimits>> response_limit_fields() { return kResponseLimits; }

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
        check_tls(scope, node, service);
    }
    into.config.services.push_back(std::move(service));
}

}  // namespace portico::config
