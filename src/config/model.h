// The configuration as values: what the file says after parsing, defaults filled in, every unit resolved, every reference to
// the environment replaced. Plain data; gateway/ and server/ build the running Snapshot from it. Each element keeps its Mark,
// so that later judges (routes, policies) can point at it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "config/document.h"
#include "config/fault.h"
#include "http/uri.h"

namespace portico::config {

inline constexpr uint64_t kNoLimit = UINT64_MAX;  // "none" where a size is wanted

struct Text {  // a string and where it stood
    std::string value;
    Mark mark;
    bool written = false;
    bool literal = false;  // some of it came from the environment
    std::string as_template{};  // of such a text: Node::as_template; empty where all of it did
};

enum class IoBackend : uint8_t { automatic, uring, epoll };

struct ListenerConfig {
    ListenAddress address;
    Mark mark;
};

struct AdminConfig : ListenerConfig {
    std::vector<std::string> hosts;  // names that its pages answer to beside `localhost` and addresses; in lower case
};

// Durations: kForever is "none".
struct Timeouts {
    std::optional<Duration> connect, first_byte, idle, total;
};
struct FileTimeouts : Timeouts {
    Duration head = std::chrono::seconds(10);          // first byte of a head to its last
    Duration idle_client = std::chrono::seconds(75);   // a client's connection between requests
    Duration half_close = std::chrono::seconds(1);     // how long an answer may still take once the client closed its sending side
    Duration drain = std::chrono::seconds(30);         // SIGTERM: how long what runs may still take
};
// Defaults where no place sets them: connect 5s, first_byte 60s, idle 60s, total none.
struct EffectiveTimeouts {
    Duration connect = std::chrono::seconds(5), first_byte = std::chrono::seconds(60), idle = std::chrono::seconds(60),
             total = kForever;
};

struct Limits {
    uint64_t body = 128ull << 20;  // bytes; kNoLimit is none
    uint64_t min_rate = 500;       // bytes of a body in a second; 0 is none
    uint32_t head = 64 << 10;      // bytes
    uint32_t target = 16 << 10;    // bytes
    uint32_t fields = 128;         // count
    uint64_t memory = 0;           // bytes that all workers together may hold of bodies; 0: a quarter of what there is
    uint32_t connections = 0;      // client connections a worker admits; 0: as many as the process's descriptors allow
};

// A fixed answer (`respond`).
struct RespondConfig {
    int status = 200;
    std::vector<std::pair<Text, Text>> headers;  // values are template strings
    const Node* body = nullptr;                  // a scalar (template string, text/plain), a mapping or list (JSON), or none
    Mark mark;
};

struct EndpointConfig {
    bool tls = false;  // https
    std::string host;  // name or IP literal, without brackets, lower case
    uint16_t port = 80;
    std::string authority;  // host[:port] as written: the Host that the service sees
    Mark mark;
};

// How a service's https endpoints are spoken to. Files are named here and read when the Snapshot is built.
struct UpstreamTlsConfig {
    Text ca;           // PEM file of authorities; not written: the system's store
    Text server_name;  // DNS name or IP address; not written: each endpoint's host
    Text cert, key;    // PEM files of the gateway's own certificate; both or none
    bool verify = true;
};

// Of a service's responses.
struct ResponseLimits {
    uint32_t head = 64 << 10;  // bytes
    uint32_t headers = 128;    // count of fields
};

struct ServiceConfig {
    std::string name;
    std::vector<EndpointConfig> endpoints;
    UpstreamTlsConfig tls;
    std::optional<RespondConfig> respond;  // in place of endpoints
    bool internal = false;
    Text schema;  // the file of its OpenAPI document, for contract checks; not written: none
    Timeouts timeouts;
    uint32_t max_idle = 256;                               // idle connections kept for each endpoint and worker
    Duration idle_connection = std::chrono::seconds(55);  // how long an idle upstream connection is kept
    uint32_t max_connections = 4096;                       // for each endpoint and worker
    ResponseLimits limits;
    Mark mark;
};

// Where counters shared by gateways are kept.
struct StoreConfig {
    std::string name;
    Text redis;  // its URL; not written: in this process's memory
    Duration timeout = std::chrono::milliseconds(5);  // the longest that a request waits for it
    Text ca;     // of rediss://; not written: the system's
    Mark mark;
};

// A policy as written: its type and settings, not yet understood (its own folder does that).
struct PolicyConfig {
    std::string name;   // empty where written in place without `name`
    std::string type;   // "ip_access"
    const Node* settings = nullptr;  // in Config::document
    bool shadow = false;
    Mark mark;       // of the type's key
    Mark name_mark;  // of the name, where it has one
};

struct ValueMatch {  // one header or query condition
    enum class Kind : uint8_t { exact, regex, present, absent } kind = Kind::exact;
    std::string name;
    std::string value;  // exact text or RE2 pattern
    Mark mark;
};

enum class Scheme : uint8_t { any, http, https };  // of a request, as a condition

struct MatchConfig {
    std::vector<Text> hosts;  // empty: every host
    std::vector<Text> paths;  // at least one
    std::vector<Text> methods;  // empty: every method
    Scheme scheme = Scheme::any;
    std::vector<ValueMatch> headers, query;
    Mark mark;
};

// What becomes of a response's Location and Content-Location.
enum class LocationMode : uint8_t {
    automatic,  // mapped back through the route's path, unless it seems mapped already
    map,        // in any case
    pass,       // left as it is
};
struct ForwardConfig {
    Text service;  // template string: a name or "{param}"
    Text path;     // template string; not written: the normal path
    bool raw = false;  // in its place: the path as it came
    Text host;     // "" (the endpoint's authority), "client", or text
    LocationMode location = LocationMode::automatic;
    Timeouts timeouts;
    Mark mark;
};
struct RedirectConfig {
    Text to;  // template string
    int status = 308;
    Mark mark;
};

// A call of an aggregate, as written; templates and conditions are not yet understood (gateway/aggregate/aggregate_compile.cc).
struct CallConfig {
    Text name;
    Text service, path;
    Text method;  // not written: GET
    std::vector<std::pair<Text, const Node*>> query;  // a template string, or a JSONPath (`$…`), which may give several
    std::vector<std::pair<Text, Text>> headers;       // values are template strings
    const Node* body = nullptr;
    std::optional<Duration> timeout;
    const Node* when = nullptr;      // a condition's text
    const Node* for_each = nullptr;  // a body template that gives a list
    Text as;                         // not written: "item"
    uint32_t concurrency = 8, max_items = 100;
    std::optional<uint32_t> limit;
    bool optional = false;
    const Node* fallback = nullptr;  // `default`
    std::vector<int> accept, pass;   // statuses; accept empty: every 2xx
    uint32_t max_body = 1 << 20;     // bytes of one answer
};

struct StatusCase {
    const Node* when = nullptr;  // a condition's text; nullptr: always
    int status = 200;
};

struct AggregateConfig {
    std::vector<CallConfig> calls;
    Duration timeout = std::chrono::seconds(30);
    std::vector<StatusCase> status;  // the first whose condition holds; none: 200
    std::vector<std::pair<Text, Text>> headers;
    const Node* body = nullptr;
    Text errors;  // the member that names the calls that failed; empty: none
    bool server_timing = false;
    bool etag = true;
    uint32_t max_body = 1 << 20;  // bytes of the client's body
    Mark mark;
};

struct UseEntry {  // one entry of `use`: a name, or a policy in place
    std::string name;             // of a named policy; empty where in place
    std::optional<PolicyConfig> in_place;
    Mark mark;
};

struct RouteConfig {
    std::string name;  // written, or made of what it matches (route_names.h)
    bool named = false;
    MatchConfig match;
    std::vector<UseEntry> use;
    int tie_break = 0;
    bool tie_break_written = false;
    Mark tie_break_mark;
    std::vector<Text> extra_methods;
    bool encoded_allow = false;                 // encoded: allow
    bool open = false;                          // less guarded than others on purpose
    std::optional<uint64_t> body_limit;         // limits.body
    std::optional<uint64_t> min_rate;           // limits.min_rate; 0 is none
    // Exactly one action:
    std::optional<ForwardConfig> forward;
    std::optional<RespondConfig> respond;
    std::optional<RedirectConfig> redirect;
    std::optional<AggregateConfig> aggregate;
    Text schema;                   // the file of the OpenAPI document of what clients are offered; not written: none
    const Node* errors = nullptr;  // the body template of the route's own error shape, or none
    Mark mark;
    bool faulty = false;  // not read whole: nothing that others say about it can be judged
};

struct DnsConfig {
    std::vector<SocketAddress> servers;                       // empty: the system's
    Duration min_ttl = std::chrono::seconds(1);
    Duration max_ttl = std::chrono::seconds(60);
    Duration timeout = std::chrono::seconds(2);               // one query
    Duration stale = kForever;  // how long addresses are kept after their last good answer
};

struct LogConfig {
    bool access = true;
    std::string file = "stdout";  // "stdout", "stderr" or a path
    Mark mark{};                  // of `file`, where it is written
    std::vector<Text> redact;     // names of path parameters
};

// How the path of a request is read, before it is matched (LANGUAGE.md §2).
struct PathsConfig {
    http::Slashes slashes = http::Slashes::merge;  // several in a row
};

// What services are told of the client, and whom it is learnt from (LANGUAGE.md §6).
struct ForwardingConfig {
    Text client_ip_from{"X-Forwarded-For", {}};
    bool via = true;  // messages that go on say `Via` (RFC 9110 §7.6.3)
};

struct Config {
    std::shared_ptr<const Document> document;  // keeps every Node alive
    std::string file_name;

    std::vector<ListenerConfig> listeners;
    std::optional<AdminConfig> admin;
    uint32_t workers = 0;  // 0: one for each core
    IoBackend io = IoBackend::automatic;
    std::vector<ServiceConfig> services;
    std::vector<StoreConfig> stores;
    std::vector<PolicyConfig> policies;
    std::vector<RouteConfig> routes;
    Limits limits;
    FileTimeouts timeouts;
    std::vector<Cidr> trusted_proxies;
    PathsConfig paths;
    ForwardingConfig forwarding;
    std::vector<Text> managed_headers;
    const Node* errors = nullptr;
    LogConfig log;
    DnsConfig dns;

    const ServiceConfig* service(std::string_view name) const {
        for (const auto& s : services) {
            if (s.name == name) return &s;
        }
        return nullptr;
    }
};

}  // namespace portico::config
