#include <algorithm>

#include "base/text.h"
#include "config/objects.h"
#include "config/read.h"
#include "http/fields.h"

namespace portico::config {
namespace {

template <class T, class V, V T::*Member, bool None>
void duration_into(const Scope& s, const Node& n, T& t) {
    if (auto d = read_duration(s, n, None)) t.*Member = *d;
}
template <class T, class V, V T::*Member>
void bool_into(const Scope& s, const Node& n, T& t) {
    if (auto b = read_bool(s, n)) t.*Member = *b;
}

constexpr std::string_view kDuration = R"({"$ref":"#/$defs/duration"})";
constexpr std::string_view kDurationOrNone = R"({"$ref":"#/$defs/durationOrNone"})";
constexpr std::string_view kSize = R"({"$ref":"#/$defs/size"})";

void read_listeners(const Scope& scope, const Node& node, Draft& into) {
    if (!node.is_sequence()) return scope.expected(node, "a list of listeners", "write listeners: [{ address: 0.0.0.0:8080 }]");
    for (size_t i = 0; i < node.items.size(); ++i) {
        ListenerConfig l;
        l.mark = node.items[i]->mark;
        if (read_object<ListenerConfig>(Scope(scope, i), *node.items[i], l, "a listener", listener_fields())) {
            into.config.listeners.push_back(l);
        }
    }
}

void read_header_names(const Scope& scope, const Node& node, Draft& into) {
    for (Text& t : read_texts(scope, node, "a header's name")) {
        if (check_managed_header(scope, t.mark, t.value)) into.config.managed_headers.push_back(std::move(t));
    }
}

// An address, or `:80` for every address of both families.
std::optional<ListenAddress> read_listen_address(const Scope& scope, const Node& node) {
    if (node.is_scalar() && node.text.starts_with(':')) {
        if (const auto port = parse_decimal<uint16_t>(std::string_view(node.text).substr(1))) return ListenAddress{{IpAddress(), *port}, true, false};
    }
    if (auto a = read_address(scope, node)) return ListenAddress{*a, false, false};
    return std::nullopt;
}

constexpr Field<ListenerConfig> kListener[] = {
    {{"address", "address", "",
      "Where to listen: `IP:port`, `[IPv6]:port`, or `:port` for every address of both families. `[::]:port` is IPv6 alone where an IPv4 listener of that port stands beside it, else both. Port 0 lets the system choose.",
      R"({"type":"string"})", true},
     [](const Scope& s, const Node& n, ListenerConfig& l) {
         if (auto a = read_listen_address(s, n)) l.address = *a;
     }},
    {{"tls", "mapping", "", "TLS on this listener.", R"({"type":"object"})"}, nullptr},
};
void read_admin_hosts(const Scope& scope, const Node& node, AdminConfig& into) {
    for (const Text& t : read_texts(scope, node, "a host name such as gateway.internal")) {
        std::string host = to_lower(t.value);
        if (!is_host(host)) {
            scope.error(t.mark, "bad-host", "expected a host name such as gateway.internal, found \"" + t.value + "\"",
                        t.value.find(':') == std::string::npos ? "" : "a host stands here without scheme and port");
            continue;
        }
        if (host.ends_with('.')) host.pop_back();
        into.hosts.push_back(std::move(host));
    }
}

constexpr Field<AdminConfig> kAdmin[] = {
    {{"address", "address", "", "Where metrics, health and the like are served; keep it on the loopback or an inner network.", R"({"type":"string"})", true},
     [](const Scope& s, const Node& n, AdminConfig& l) {
         if (auto a = read_listen_address(s, n)) {
             l.address = *a;
             const bool loopback = a->ip.is_v4() ? a->ip.bytes[12] == 127 : a->ip == *IpAddress::parse("::1");
             if (!loopback) s.warning(n.mark, "public-admin", "the admin pages are reachable beyond this machine at " + a->text());
         }
     }},
    {{"hosts", "host name or list of them", "none",
      "Names by which the pages may be asked for, beside `localhost` and addresses: any other `Host` is 403, so that a page of another site cannot read them through a name of its own.",
      R"({"$ref":"#/$defs/textOrList"})"},
     read_admin_hosts},
};
constexpr Field<Limits> kLimits[] = {
    {{"body", "size or none", "128MiB", "The longest request body (413).", R"({"$ref":"#/$defs/sizeOrNone"})"},
     [](const Scope& s, const Node& n, Limits& l) {
         if (auto v = read_size(s, n, UINT64_MAX, true)) l.body = *v;
     }},
    {{"min_rate", "bytes a second or none", "500B/s", "The slowest that a request's body may come, over any 60 s in which nothing else is waited for (408). It ends with the response's head, and does not apply to `application/grpc`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, Limits& l) {
         if (auto v = read_rate(s, n)) l.min_rate = *v;
     }},
    {{"head", "size", "64KiB", "The longest request head (431).", kSize},
     [](const Scope& s, const Node& n, Limits& l) {
         if (auto v = read_size(s, n, 1 << 20, false)) l.head = static_cast<uint32_t>(*v);
     }},
    {{"target", "size", "16KiB", "The longest request target (414).", kSize},
     [](const Scope& s, const Node& n, Limits& l) {
         if (auto v = read_size(s, n, 1 << 20, false)) l.target = static_cast<uint32_t>(*v);
     }},
    {{"fields", "count", "128", "The most header fields of a request (431).", R"({"type":"integer","minimum":1,"maximum":10000})"},
     [](const Scope& s, const Node& n, Limits& l) {
         if (auto v = read_integer(s, n, 1, 10000)) l.fields = static_cast<uint32_t>(*v);
     }},
    {{"connections", "count", "as many as descriptors allow", "The most client connections of one worker; over it one gives way that waits for nothing (docs/operations.md says which), else the newcomer is closed.", R"({"type":"integer","minimum":1})"},
     [](const Scope& s, const Node& n, Limits& l) {
         if (auto v = read_integer(s, n, 1, 10'000'000)) l.connections = static_cast<uint32_t>(*v);
     }},
    {{"memory", "size", "a quarter of the machine's, or the container's", "What all workers together may hold of clients' and services' bodies and of what is made of them, each its share, and one client's address three quarters of that; beyond it a request is refused (503 `gateway.memory`). At least 1MiB a worker.", kSize},
     [](const Scope& s, const Node& n, Limits& l) {
         if (auto v = read_size(s, n, uint64_t{1} << 50, false)) l.memory = *v;
     }},
};
template <class T>
constexpr std::array<Field<T>, 4> timeout_rows() {
    return {{
        {{"connect", "duration", "5s", "Until a connection to an endpoint stands.", kDuration},
         [](const Scope& s, const Node& n, T& t) { if (auto d = read_duration(s, n, true)) t.connect = *d; }},
        {{"first_byte", "duration or none", "60s", "From the last byte of the request sent to the first of the answer.", kDurationOrNone},
         [](const Scope& s, const Node& n, T& t) { if (auto d = read_duration(s, n, true)) t.first_byte = *d; }},
        {{"idle", "duration or none", "60s", "From the last byte in either direction to the next.", kDurationOrNone},
         [](const Scope& s, const Node& n, T& t) { if (auto d = read_duration(s, n, true)) t.idle = *d; }},
        {{"total", "duration or none", "none", "The whole exchange with the service, and in a forward all that is made of the response.", kDurationOrNone},
         [](const Scope& s, const Node& n, T& t) { if (auto d = read_duration(s, n, true)) t.total = *d; }},
    }};
}
constexpr auto kTimeouts = timeout_rows<Timeouts>();
constexpr auto kUpstreamTimeouts = timeout_rows<FileTimeouts>();
constexpr Field<FileTimeouts> kFileTimeouts[] = {
    kUpstreamTimeouts[0], kUpstreamTimeouts[1], kUpstreamTimeouts[2], kUpstreamTimeouts[3],
    {{"head", "duration", "10s", "From the first byte of a request's head to its last (408).", kDuration},
     duration_into<FileTimeouts, Duration, &FileTimeouts::head, false>},
    {{"idle_client", "duration or none", "75s", "How long a client's connection may rest between requests.", kDurationOrNone},
     duration_into<FileTimeouts, Duration, &FileTimeouts::idle_client, true>},
    {{"half_close", "duration or none", "1s", "How long an answer may still take after the client has closed its sending side; a client that has left looks the same.", kDurationOrNone},
     duration_into<FileTimeouts, Duration, &FileTimeouts::half_close, true>},
    {{"drain", "duration", "30s", "After SIGTERM: how long what runs may still take.", kDuration},
     duration_into<FileTimeouts, Duration, &FileTimeouts::drain, false>},
};
constexpr Field<LogConfig> kLog[] = {
    {{"access", "boolean", "true", "Whether each request is logged.", R"({"type":"boolean"})"}, bool_into<LogConfig, bool, &LogConfig::access>},
    {{"file", "stdout, stderr or a path", "stdout", "Where access log lines (JSON) go; a path is relative to this file.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, LogConfig& l) {
         auto t = read_text(s, n, "stdout, stderr or a path");
         if (!t) return;
         const bool standard = t->value == "stdout" || t->value == "stderr";
         l.mark = n.mark;
         l.file = standard ? std::move(t->value) : s.faults().beside(t->value);
     }},
    {{"redact", "name or list of names", "password, token, secret", "Parameters of paths whose values the log shows as `…`, such as `code` of `/invite/{code}`, beside those of the default; `**` is what `{**}` holds.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, LogConfig& l) {
         for (Text& t : read_texts(s, n, "the name of a path's parameter, such as code", Braces::notation)) {
             if (t.value.starts_with('{') && t.value.ends_with('}')) s.error(t.mark, "bad-name", "a parameter is named without its braces", "write " + t.value.substr(1, t.value.size() - 2));
             else l.redact.push_back(std::move(t));
         }
     }},
};
constexpr Field<DnsConfig> kDns[] = {
    {{"servers", "list of addresses", "the system's", "Name servers as `IP:port`.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, DnsConfig& d) {
         const PlainList list(s, n);
         if (!list.is_list() && !n.substituted) return s.expected(n, "a list of addresses");
         for (size_t i = 0; i < list.items().size(); ++i) {
             if (auto a = read_address(Scope(s, i), *list.items()[i])) d.servers.push_back(*a);
         }
     }},
    {{"min_ttl", "duration", "1s", "Addresses are kept at least this long.", kDuration}, duration_into<DnsConfig, Duration, &DnsConfig::min_ttl, false>},
    {{"max_ttl", "duration", "60s", "Addresses are asked for anew at least this often.", kDuration}, duration_into<DnsConfig, Duration, &DnsConfig::max_ttl, false>},
    {{"timeout", "duration", "2s", "One query to one server.", kDuration}, duration_into<DnsConfig, Duration, &DnsConfig::timeout, false>},
    {{"stale", "duration or none", "none", "How long addresses are used after their last good answer.", kDurationOrNone}, duration_into<DnsConfig, Duration, &DnsConfig::stale, true>},
};

constexpr Field<PathsConfig> kPaths[] = {
    {{"slashes", "merge or refuse", "merge", "What becomes of several slashes in a row in a request's path: one, before anything else, or 400.", R"({"enum":["merge","refuse"]})"},
     [](const Scope& s, const Node& n, PathsConfig& p) {
         constexpr std::string_view kWords[] = {"merge", "refuse"};
         if (auto w = read_word(s, n, kWords)) p.slashes = static_cast<http::Slashes>(*w);
     }},
};

constexpr Field<ForwardingConfig> kForwarding[] = {
    {{"client_ip_from", "header name", "X-Forwarded-For", "The header in which trusted proxies name the client: a list (`X-Forwarded-For`), `Forwarded` (RFC 7239), or one address (`X-Real-IP`, `CF-Connecting-IP` …). No second one is asked where it is missing.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, ForwardingConfig& f) {
         const auto name = read_string(s, n, "a header's name");
         if (!name) return;
         if (!is_header_name(*name)) return s.error(n.mark, "bad-header-name", "\"" + *name + "\" is not a header's name");
         const bool other_word = std::ranges::any_of(std::initializer_list<std::string_view>{"X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix"},
                                                     [&](std::string_view said) { return http::is_same_name(*name, said); });
         if (other_word || !is_manageable_header(*name)) {
             return s.error(n.mark, "no-client-address", *name + " names no client: " + (other_word ? "it says how the client asked" : "it is the client's own, or part of the message's form") +
                                                             ", and it is taken off every request once proxies speak by it",
                            "write X-Forwarded-For, Forwarded, X-Real-IP, CF-Connecting-IP or the like");
         }
         f.client_ip_from = {*name, n.mark};
     }},
    {{"via", "add or none", "add", "Whether requests to services and responses to clients say `Via: 1.1 portico`. Some servers, nginx among them, compress nothing for who says it.", R"({"enum":["add","none"]})"},
     [](const Scope& s, const Node& n, ForwardingConfig& f) {
         constexpr std::string_view kWords[] = {"add", "none"};
         if (auto w = read_word(s, n, kWords)) f.via = *w == 0;
     }},
};

constexpr Field<Draft> kFile[] = {
    {{"listeners", "list of listeners", "", "Where clients come in.", R"({"type":"array","items":{"$ref":"#/$defs/listener"}})"}, read_listeners},
    {{"admin", "mapping", "none", "The admin listener; without it there is none.", R"({"$ref":"#/$defs/admin"})"},
     [](const Scope& s, const Node& n, Draft& d) {
         AdminConfig l;
         l.mark = n.mark;
         if (read_object<AdminConfig>(s, n, l, "the admin listener", admin_fields())) d.config.admin = l;
     }},
    {{"workers", "auto or count", "auto", "Event loops; auto is one for each processor that this process may use: its affinity and the quota of its control groups count, half a processor as one.", R"({"oneOf":[{"const":"auto"},{"type":"integer","minimum":1,"maximum":1024}]})"},
     [](const Scope& s, const Node& n, Draft& d) {
         if (n.is_scalar() && n.text == "auto") return;
         if (auto v = read_integer(s, n, 1, 1024)) d.config.workers = static_cast<uint32_t>(*v);
     }},
    {{"io", "auto, uring or epoll", "auto", "How the event loops wait; auto takes io_uring where it works.", R"({"enum":["auto","uring","epoll"]})"},
     [](const Scope& s, const Node& n, Draft& d) {
         constexpr std::string_view kWords[] = {"auto", "uring", "epoll"};
         if (auto w = read_word(s, n, kWords)) d.config.io = static_cast<IoBackend>(*w);
     }},
    {{"services", "mapping of services", "", "The services behind the gateway, by name.", R"({"type":"object","additionalProperties":{"$ref":"#/$defs/service"}})"},
     [](const Scope& s, const Node& n, Draft& d) {
         if (!n.is_mapping()) return s.expected(n, "services by name");
         for (const Entry& e : n.entries) read_service(s, e, d);
     }},
    {{"stores", "mapping of stores", "", "Where counters shared by gateways are kept, by name.", R"({"type":"object","additionalProperties":{"$ref":"#/$defs/store"}})"}, read_stores},
    {{"policies", "mapping of policies", "", "Policies by name, for `use`.", R"({"type":"object","additionalProperties":{"$ref":"#/$defs/policy"}})"}, read_policies},
    {{"routes", "list of routes", "", "What goes where. Their order has no meaning: the most specific wins.", R"({"type":"array","items":{"$ref":"#/$defs/route"}})"}, read_routes},
    {{"limits", "mapping", "", "Bounds of requests.", R"({"$ref":"#/$defs/limits"})"},
     [](const Scope& s, const Node& n, Draft& d) { read_object<Limits>(s, n, d.config.limits, "limits", limit_fields()); }},
    {{"timeouts", "mapping", "", "Times of the whole file; services and routes may set their own.", R"({"$ref":"#/$defs/fileTimeouts"})"},
     [](const Scope& s, const Node& n, Draft& d) { read_object<FileTimeouts>(s, n, d.config.timeouts, "timeouts", file_timeout_fields()); }},
    {{"paths", "mapping", "", "How the path of a request is read.", R"({"$ref":"#/$defs/paths"})"},
     [](const Scope& s, const Node& n, Draft& d) { read_object<PathsConfig>(s, n, d.config.paths, "paths", paths_fields()); }},
    {{"trusted_proxies", "list of CIDRs", "none", "Peers whose forwarding headers are believed; the client's address is found from the right.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, Draft& d) {
         d.config.trusted_proxies = read_cidrs(s, n);
         if (std::ranges::any_of(d.config.trusted_proxies, is_nearly_everybody)) {
             s.warning(n.mark, "trusted-everybody", "nearly every peer is believed to be a proxy: whoever connects may write any address into X-Forwarded-For, and limits and address rules believe it",
                       "name the networks of the proxies in front of this gateway, such as 10.0.0.0/8");
         }
     }},
    {{"forwarding", "mapping", "", "What services are told of the client, and whom it is learnt from.", R"({"$ref":"#/$defs/forwarding"})"},
     [](const Scope& s, const Node& n, Draft& d) { read_object<ForwardingConfig>(s, n, d.config.forwarding, "forwarding", forwarding_fields()); }},
    {{"managed_headers", "list of header names", "none", "Further headers that clients may not send: removed from every request, in every spelling.", R"({"type":"array","items":{"type":"string"}})"}, read_header_names},
    {{"errors", "body template", "problem+json", "The shape of the gateway's own errors, with `{error.title}`, `{error.status}`, `{error.detail}`, `{error.code}`, `{error.request_id}`.", R"({})"},
     [](const Scope&, const Node& n, Draft& d) { d.config.errors = &n; }},
    {{"log", "mapping", "", "The access log.", R"({"$ref":"#/$defs/log"})"},
     [](const Scope& s, const Node& n, Draft& d) { read_object<LogConfig>(s, n, d.config.log, "log", log_fields()); }},
    {{"dns", "mapping", "", "How names of endpoints are resolved.", R"({"$ref":"#/$defs/dns"})"},
     [](const Scope& s, const Node& n, Draft& d) { read_object<DnsConfig>(s, n, d.config.dns, "dns", dns_fields()); }},
};

}  // namespace

std::span<const Field<Draft>> file_fields() { return kFile; }
std::span<const Field<ListenerConfig>> listener_fields() { return kListener; }
std::span<const Field<AdminConfig>> admin_fields() { return kAdmin; }
std::span<const Field<Limits>> limit_fields() { return kLimits; }
std::span<const Field<FileTimeouts>> file_timeout_fields() { return kFileTimeouts; }
std::span<const Field<Timeouts>> timeout_fields() { return kTimeouts; }
std::span<const Field<LogConfig>> log_fields() { return kLog; }
std::span<const Field<DnsConfig>> dns_fields() { return kDns; }
std::span<const Field<PathsConfig>> paths_fields() { return kPaths; }
std::span<const Field<ForwardingConfig>> forwarding_fields() { return kForwarding; }

void read_timeouts(const Scope& scope, const Node& node, Timeouts& into) {
    read_object<Timeouts>(scope, node, into, "timeouts", timeout_fields());
}

}  // namespace portico::config
