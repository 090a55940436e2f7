#include "policy/rate_limit/settings.h"

#include "config/read.h"
#include "config/scalar.h"
#include "gateway/snapshot.h"

namespace portico::policy::rate_limit {
namespace {

using config::Field;
using config::Node;
using config::Scope;

struct KeyedQuota {
    std::string key;
    config::Mark mark;  // of the key
    uint64_t quota;
};

struct Draft {
    explicit Draft(gateway::PolicyBuild& b) : build(b) {}
    gateway::PolicyBuild& build;
    Settings settings;
    Limit limit;  // its algorithm and how it charges
    std::optional<uint64_t> quota;
    std::vector<KeyedQuota> values, overrides;
    std::optional<Duration> window;
    uint64_t burst = 0;
    std::vector<Window> windows;
    bool has_windows = false;
    bool failure_written = false;
    config::Mark mark, store_mark, burst_mark;
};

struct WindowDraft {
    std::optional<uint64_t> quota;
    std::optional<Duration> window;
    uint64_t burst = 0;
};

constexpr std::string_view kCount = R"({"type":"integer","minimum":0})";
constexpr std::string_view kBurst = R"({"type":"integer","minimum":1})";
constexpr std::string_view kDuration = R"({"$ref":"#/$defs/duration"})";

std::optional<uint64_t> read_quota(const Scope& scope, const Node& node) {
    const auto n = config::read_integer(scope, node, 0, static_cast<int64_t>(kMaxQuota));
    return n ? std::optional(static_cast<uint64_t>(*n)) : std::nullopt;
}

std::optional<uint64_t> read_burst(const Scope& scope, const Node& node) {
    const auto n = config::read_integer(scope, node, 1, static_cast<int64_t>(kMaxQuota));
    return n ? std::optional(static_cast<uint64_t>(*n)) : std::nullopt;
}

gateway::Template read_value(const Scope& scope, const Node& node, std::string_view what) {
    const auto text = config::read_text(scope, node, what, config::Braces::notation);
    gateway::TemplatePlace place;
    place.deferred = true;
    return text ? gateway::Template::parse_value(scope, *text, place) : gateway::Template{};
}

void read_quotas(const Scope& scope, const Node& node, std::string_view what, std::vector<KeyedQuota>& into) {
    if (!node.is_mapping()) return scope.expected(node, what);
    for (const config::Entry& e : node.entries) {
        if (const auto quota = read_quota(Scope(scope, e.key), *e.value)) into.push_back({e.key, e.key_mark, *quota});
    }
}

constexpr Field<Draft> kBy[] = {
    {{"by", "value", "", "A value of the request, such as `claims.plan`.", R"({"type":"string"})", true},
     [](const Scope& s, const Node& n, Draft& d) { d.settings.by = read_value(s, n, "a value such as claims.plan"); }},
    {{"values", "mapping", "", "The limit for each text of that value.", R"({"type":"object","additionalProperties":{"type":"integer"}})", true},
     [](const Scope& s, const Node& n, Draft& d) { read_quotas(s, n, "limits by value, such as { gold: 1000, free: 60 }", d.values); }},
    {{"default", "count", "", "The limit for every other text, and where there is none.", kCount, true},
     [](const Scope& s, const Node& n, Draft& d) { d.quota = read_quota(s, n); }},
};

void read_limit(const Scope& scope, const Node& node, Draft& into) {
    if (node.is_mapping()) config::read_object<Draft>(scope, node, into, "a limit by a value", kBy);
    else into.quota = read_quota(scope, node);
}

constexpr Field<WindowDraft> kWindow[] = {
    {{"limit", "count", "", "How much may pass in the window.", kCount, true},
     [](const Scope& s, const Node& n, WindowDraft& d) { d.quota = read_quota(s, n); }},
    {{"window", "duration", "", "The window's length.", kDuration, true},
     [](const Scope& s, const Node& n, WindowDraft& d) { if (auto v = config::read_duration(s, n, false)) d.window = *v; }},
    {{"burst", "count", "the limit", "What a full bucket holds.", kBurst},
     [](const Scope& s, const Node& n, WindowDraft& d) { if (auto v = read_burst(s, n)) d.burst = *v; }},
};

void read_windows(const Scope& scope, const Node& node, Draft& into) {
    into.has_windows = true;
    if (!node.is_sequence() || node.items.empty()) {
        return scope.expected(node, "a list of windows", "write windows: [{ limit: 10, window: 1s }, { limit: 100, window: 60s }]");
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
        WindowDraft w;
        if (!config::read_object<WindowDraft>(Scope(scope, i), *node.items[i], w, "a window", kWindow) || !w.quota || !w.window) continue;
        into.windows.push_back({*w.quota, std::chrono::duration_cast<Micros>(*w.window), w.burst});
    }
}

void read_cost(const Scope& scope, const Node& node, Draft& into) {
    if (config::kind_where_wanted(node) == config::NodeKind::number) {
        if (const auto n = config::read_integer(scope, node, 1, 1'000'000)) into.settings.cost = static_cast<uint64_t>(*n);
    } else {
        into.settings.cost_of = read_value(scope, node, "a whole number, or a value such as query.items");
    }
}

constexpr std::string_view kAlgorithms[] = {"sliding_window", "sliding_counter", "token_bucket", "fixed_window"};
constexpr std::string_view kFailures[] = {"allow", "deny", "memory"};
constexpr std::string_view kFields[] = {"always", "refused", "never"};

constexpr Field<Draft> kRows[] = {
    {{"limit", "count or mapping", "", "How much may pass in a window: a number, or `{ by: claims.plan, values: { gold: 1000 }, default: 60 }`.", "{}"}, read_limit},
    {{"window", "duration", "", "The window's length, from `1ms` to `31d`.", kDuration},
     [](const Scope& s, const Node& n, Draft& d) { if (auto v = config::read_duration(s, n, false)) d.window = *v; }},
    {{"windows", "list", "", "Several at once, in place of `limit` and `window`: each of `{ limit, window, burst }`. A request passes when all admit it, and then counts in all.", R"({"type":"array"})"}, read_windows},
    {{"algorithm", "word", "sliding_window", "`sliding_window` (exact), `sliding_counter` (a few bytes a key, approximate), `token_bucket` (steady, with bursts) or `fixed_window`.", R"({"enum":["sliding_window","sliding_counter","token_bucket","fixed_window"]})"},
     [](const Scope& s, const Node& n, Draft& d) {
         if (auto w = config::read_word(s, n, kAlgorithms)) d.limit.algorithm = static_cast<Algorithm>(*w);
     }},
    {{"burst", "count", "the limit", "Of `token_bucket`: what a full bucket holds.", kBurst},
     [](const Scope& s, const Node& n, Draft& d) { if (auto v = read_burst(s, n)) { d.burst = *v; d.burst_mark = n.mark; } }},
    {{"key", gateway::LimitKey::kType, "client.ip", "Who is counted: `client.ip` (IPv6 by its /64), `claims.sub`, `header.x`, `query.x`, `cookie.x`, a path parameter, or a list of them. "
      "`{ first: [claims.sub, client.ip] }`: the first that is there. `all`: one count for everybody.", gateway::LimitKey::kSchema},
     [](const Scope& s, const Node& n, Draft& d) { d.settings.key = gateway::LimitKey::read(s, n); }},
    {{"cost", "count or value", "1", "What a request counts for: a number, or a value such as `query.items`.", "{}"}, read_cost},
    {{"overrides", "mapping", "none", "Other limits for single keys: `{ \"10.0.0.1\": 1000 }`.", R"({"type":"object","additionalProperties":{"type":"integer"}})"},
     [](const Scope& s, const Node& n, Draft& d) { read_quotas(s, n, "limits by key, such as { \"10.0.0.1\": 1000 }", d.overrides); }},
    {{"charge_refused", "boolean", "false", "Whether refused requests count too.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, Draft& d) { if (auto b = config::read_bool(s, n)) d.limit.charge_refused = *b; }},
    {{"store", "name", "this process's memory", "The store that counts, shared by several gateways.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, Draft& d) {
         d.settings.store = d.build.store(s, n);
         d.store_mark = n.mark;
     }},
    {{"on_store_failure", "allow, deny or memory", "", "What happens while the store is out of reach; needed with a store. `memory`: each gateway counts by itself.", R"({"enum":["allow","deny","memory"]})"},
     [](const Scope& s, const Node& n, Draft& d) {
         d.failure_written = true;
         if (auto w = config::read_word(s, n, kFailures)) d.settings.on_store_failure = static_cast<OnStoreFailure>(*w);
     }},
    {{"fields", "always, refused or never", "always", "Which answers bear `RateLimit` and `RateLimit-Policy`.", R"({"enum":["always","refused","never"]})"},
     [](const Scope& s, const Node& n, Draft& d) { if (auto w = config::read_word(s, n, kFields)) d.settings.fields = static_cast<Fields>(*w); }},
};

// What only the whole tells about the store. @returns false after a fault
bool check_store(const Scope& scope, const gateway::PolicySettings& from, Draft& d) {
    if (d.store_mark.line == 0) {
        if (d.failure_written) scope.error(d.mark, "idle-setting", "on_store_failure says something about a store, and there is none");
        return !d.failure_written;
    }
    bool good = true;
    if (!d.failure_written) {
        scope.error(d.store_mark, "missing-key", "a limit with a store needs the key \"on_store_failure\": what happens while it is out of reach",
                    "allow, deny or memory");
        good = false;
    }
    if (!from.named) {
        scope.error(d.store_mark, "unnamed-limit", "a limit that is counted in a store needs a name there",
                    "write it under policies, or add name: beside rate_limit");
        good = false;
    }
    return good && d.settings.store >= 0;
}

// The windows of the limit for one quota.
Limit limit_of(const Draft& d, std::string name, uint64_t quota) {
    Limit limit = d.limit;
    limit.name = std::move(name);
    if (d.has_windows) limit.windows = d.windows;
    // A limit of 0 lets nothing pass, however large the burst of the others is.
    else limit.windows = {{quota, std::chrono::duration_cast<Micros>(*d.window), quota > 0 ? d.burst : 0}};
    return limit;
}

bool check_numbers(const Scope& scope, Draft& d) {
    if (d.has_windows) {
        if (d.quota || d.settings.by || d.window || !d.overrides.empty()) {
            scope.error(d.mark, "limit-shape", "windows stands in place of limit and window, and knows no values or overrides");
            return false;
        }
        if (d.burst_mark.line != 0) scope.error(d.burst_mark, "limit-shape", "burst stands beside the limit of each of the windows");
        return d.burst_mark.line == 0 && !d.windows.empty();
    }
    if (!d.quota || !d.window) {
        scope.error(d.mark, "missing-key", std::string("rate_limit needs the key \"") + (d.quota ? "window" : "limit") + "\"",
                    "such as { limit: 100, window: 60s, key: client.ip }");
        return false;
    }
    return true;
}

// The key of an override as requests are counted by it: an address in its one spelling, IPv6 as its /64.
std::string override_key(const Scope& scope, const Draft& d, const KeyedQuota& from) {
    const std::string& text = from.key;
    if (!d.settings.key.is_address()) return text;
    const std::string bare = text.ends_with("/64") ? text.substr(0, text.size() - 3) : text;
    const auto address = IpAddress::parse(bare);
    if (!address || (bare != text && address->is_v4())) {
        scope.error(from.mark, "bad-override", "the key is client.ip, and \"" + text + "\" is no address");
        return text;
    }
    std::string key;
    gateway::append_limited_address(*address, key);
    return key;
}

void settle_overrides(const Scope& scope, Draft& d, const std::string& name) {
    std::map<std::string, std::string> written;
    for (const KeyedQuota& from : d.overrides) {
        const std::string key = override_key(scope, d, from);
        const auto [first, is_new] = written.try_emplace(key, from.key);
        if (is_new) d.settings.overrides.emplace(key, limit_of(d, name, from.quota));
        else scope.error(from.mark, "duplicate-override", "\"" + first->second + "\" and \"" + from.key + "\" are one key: both are counted as " + key, "leave one of them out");
    }
}

}  // namespace

std::optional<Settings> read_settings(const gateway::PolicySettings& from, config::FaultList& faults) {
    const size_t before = faults.errors();
    const Scope scope(faults, from.path);
    Draft d(from.build);
    d.mark = from.settings.mark;
    if (!config::read_object<Draft>(scope, from.settings, d, "rate_limit", kRows)) return std::nullopt;
    const bool good = faults.errors() == before && check_numbers(scope, d);
    if (!check_store(scope, from, d) || !good) return std::nullopt;
    if (d.burst_mark.line != 0 && d.limit.algorithm != Algorithm::token_bucket) {
        scope.error(d.burst_mark, "idle-setting", "burst is a setting of token_bucket", "algorithm: token_bucket");
        d.burst = 0;  // told, and nothing more follows from it
    }
    // In shadow it counts under a name of its own, so that it takes nothing from the limit that enforces.
    const std::string name = from.identity + (from.shadow ? "/shadow" : "");
    Settings& s = d.settings;
    for (const KeyedQuota& v : d.values) s.values.emplace(v.key, limit_of(d, name, v.quota));
    if (!d.overrides.empty() && !s.key.is_one_value()) {
        scope.error(d.mark, "limit-shape", "overrides name keys of one value, and this key is none", "write a limit of its own for that client");
    }
    settle_overrides(scope, d, name);
    s.limit = limit_of(d, name, d.quota.value_or(0));
    const auto judge = [&](const std::string& of, const CountedLimit& l) {
        if (const auto flaw = flaw_in(l.limit)) scope.error(d.mark, "bad-limit", of + *flaw);
    };
    judge("", s.limit);
    for (const auto& [value, limit] : s.values) judge(value + ": ", limit);
    for (const auto& [key, limit] : s.overrides) judge(key + ": ", limit);
    if (s.store >= 0 && s.on_store_failure == OnStoreFailure::deny && from.shadow) s.on_store_failure = OnStoreFailure::allow;
    if (faults.errors() != before) return std::nullopt;
    return std::move(d.settings);
}

config::ObjectText describe_settings() {
    return config::describe<Draft>("rate_limit", "rate_limit", "Lets so many requests of a client pass in a window (429).", kRows);
}

}  // namespace portico::policy::rate_limit
