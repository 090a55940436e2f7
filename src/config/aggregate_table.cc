// `aggregate` and its calls: what is written where. What names what, and whether it can work, is judged in gateway/.
#include <algorithm>

#include "base/text.h"
#include "config/objects.h"
#include "config/read.h"
#include "http/message.h"

namespace portico::config {
namespace {

constexpr uint64_t kMostHeld = 16 << 20;  // bytes of one document

constexpr std::string_view kTextMap = R"({"type":"object","additionalProperties":{"type":["string","number","boolean"]}})";
constexpr std::string_view kStatuses = R"({"type":"array","items":{"type":"integer","minimum":200,"maximum":599},"minItems":1})";

bool is_call_name(std::string_view s) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !s.empty() && letter(s[0]) && std::ranges::all_of(s, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void read_name(const Scope& scope, const Node& node, Text& into, std::string_view what) {
    auto t = read_text(scope, node, what);
    if (!t) return;
    if (!is_call_name(t->value)) return scope.expected(node, std::string(what) + " of letters, digits and \"_\"");
    into = std::move(*t);
}

void read_statuses(const Scope& scope, const Node& node, std::vector<int>& into, int least) {
    const PlainList list(scope, node);
    if (list.items().empty() || (!list.is_list() && !node.substituted)) return scope.expected(node, "a list of statuses such as [200, 404]");
    for (size_t i = 0; i < list.items().size(); ++i) {
        if (const auto v = read_integer(Scope(scope, i), *list.items()[i], least, 599)) into.push_back(static_cast<int>(*v));
    }
}

void read_pass(const Scope& scope, const Node& node, CallConfig& into) {
    read_statuses(scope, node, into.pass, 400);
    for (const int status : into.pass) {
        if (status != 401 && status != 407) continue;
        scope.error(node.mark, "bad-status", std::to_string(status) + " cannot be passed on: it asks for a credential of the service, which is not the client's to give");
    }
}

void read_call_query(const Scope& scope, const Node& node, CallConfig& into) {
    if (!node.is_mapping()) return scope.expected(node, "query parameters by name");
    for (const Entry& e : node.entries) {
        if (!e.value->is_scalar()) {
            Scope(scope, e.key).expected(*e.value, "text, or a JSONPath such as $orders.ids[*], which gives a pair for each value");
            continue;
        }
        into.query.emplace_back(Text{e.key, e.key_mark, true, true}, e.value);
    }
}

void read_condition(const Scope& scope, const Node& node, const Node*& into) {
    if (node.is_scalar() && node.kind != NodeKind::null) into = &node;
    else scope.expected(node, "a condition such as \"$user.plan == 'gold'\"");
}

template <uint32_t CallConfig::*Member, int64_t Most>
void count_into(const Scope& s, const Node& n, CallConfig& c) {
    if (const auto v = read_integer(s, n, 1, Most)) c.*Member = static_cast<uint32_t>(*v);
}

constexpr Field<CallConfig> kCall[] = {
    {{"service", "name", "", "The service that is asked; one with `respond` answers too.", R"({"type":"string"})", true},
     [](const Scope& s, const Node& n, CallConfig& c) { if (auto t = read_text(s, n, "a service's name", Braces::notation)) c.service = *t; }},
    {{"path", "template", "", "What is asked for. Only the query that stands here and in `query` is sent.", R"({"type":"string"})", true},
     [](const Scope& s, const Node& n, CallConfig& c) { if (auto t = read_text(s, n, "a path such as /users/{claims.sub}", Braces::notation)) c.path = *t; }},
    {{"method", "method", "GET", "Of the call.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, CallConfig& c) { if (auto t = read_text(s, n, "a method")) c.method = *t; }},
    {{"query", "mapping", "", "Further pairs: templates, left out where they are nothing but one `{…}` without a value; a JSONPath gives a pair for each of its values.", kTextMap}, read_call_query},
    {{"headers", "mapping", "", "Fields of the call; values are templates.", kTextMap},
     [](const Scope& s, const Node& n, CallConfig& c) { read_headers(s, n, c.headers); }},
    {{"body", "body template or text", "", "A mapping, a list or a JSONPath is sent as JSON, other text as text/plain unless `headers` says otherwise.", R"({})"},
     [](const Scope&, const Node& n, CallConfig& c) { c.body = &n; }},
    {{"timeout", "duration", "what is left of the aggregate's", "Of the whole call, further attempts included.", R"({"$ref":"#/$defs/duration"})"},
     [](const Scope& s, const Node& n, CallConfig& c) { if (auto d = read_duration(s, n, false)) c.timeout = *d; }},
    {{"when", "condition", "always", "A JSONPath filter, such as `$user.plan == 'gold'`. Where it does not hold the call is not made, and its value is its `default` or missing.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, CallConfig& c) { read_condition(s, n, c.when); }},
    {{"for_each", "JSONPath or list", "", "One call for each distinct value; the call's value is the list of the answers, in the order of the values.", R"({})"},
     [](const Scope&, const Node& n, CallConfig& c) { c.for_each = &n; }},
    {{"as", "name", "item", "What the call's templates name each value by: `$item`, `{$item.id}`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, CallConfig& c) { read_name(s, n, c.as, "a name"); }},
    {{"concurrency", "count", "8", "Calls of a `for_each` at once.", R"({"type":"integer","minimum":1,"maximum":256})"}, count_into<&CallConfig::concurrency, 256>},
    {{"max_items", "count", "100", "Values of a `for_each`; with more the call fails.", R"({"type":"integer","minimum":1,"maximum":1000})"}, count_into<&CallConfig::max_items, 1000>},
    {{"limit", "count", "none", "Only so many values of a `for_each` are taken, from the front.", R"({"type":"integer","minimum":1,"maximum":1000})"},
     [](const Scope& s, const Node& n, CallConfig& c) { if (auto v = read_integer(s, n, 1, 1000)) c.limit = static_cast<uint32_t>(*v); }},
    {{"optional", "boolean", "false", "The answer goes out without it where it fails.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, CallConfig& c) { if (auto b = read_bool(s, n)) c.optional = *b; }},
    {{"default", "body template", "no value", "The value of an optional call that failed, or of one that `when` left out; of a `for_each`, of each value's.", R"({})"},
     [](const Scope&, const Node& n, CallConfig& c) { c.fallback = &n; }},
    {{"accept", "list of statuses", "every 2xx", "What counts as success. With a status of 300 and more, a body that is not JSON is `null`.", kStatuses},
     [](const Scope& s, const Node& n, CallConfig& c) { read_statuses(s, n, c.accept, 200); }},
    {{"pass", "list of statuses", "none", "Statuses of 400 and more of a required call that the client gets as they are (as a problem document); others are 502.", kStatuses}, read_pass},
    {{"max_body", "size", "1MiB", "Of one answer.", R"({"$ref":"#/$defs/size"})"},
     [](const Scope& s, const Node& n, CallConfig& c) { if (auto v = read_size(s, n, kMostHeld, false)) c.max_body = static_cast<uint32_t>(*v); }},
};

// What only makes sense together.
void check_call(const Scope& scope, const Node& node, const CallConfig& c) {
    const auto idle = [&](std::string_view key, std::string_view without) {
        if (const Entry* e = node.find(key)) {
            scope.error(e->key_mark, "idle-setting", "\"" + std::string(key) + "\" does nothing without " + std::string(without));
        }
    };
    if (c.for_each == nullptr) {
        for (const std::string_view key : {"as", "concurrency", "max_items", "limit"}) idle(key, "for_each");
    }
    if (!c.optional && c.when == nullptr) idle("default", "optional: true or when");
    if (c.optional && !c.pass.empty()) {
        Scope(scope, "pass").error(node.find("pass")->key_mark, "idle-setting", "an optional call decides no status: its failure is answered without it");
    }
    for (const int status : c.pass) {
        if (std::ranges::find(c.accept, status) == c.accept.end()) continue;
        Scope(scope, "pass").error(node.find("pass")->key_mark, "idle-setting", std::to_string(status) + " is accepted: it is no failure that could be passed on");
    }
    if (c.body != nullptr && (!c.method.written || c.method.value == "GET" || c.method.value == "HEAD")) {
        Scope(scope, "body").error(c.body->mark, "bad-body", "a GET has no body", "write method: POST");
    }
    if (c.method.written && !http::is_registered_method(c.method.value)) {
        const std::string_view near = http::nearest_method(c.method.value);
        Scope(scope, "method").error(c.method.mark, "unknown-method", "\"" + c.method.value + "\" is not a registered method",
                                     near.empty() ? "" : "did you mean " + std::string(near) + "?");
    } else if (c.method.value == "HEAD" || c.method.value == "CONNECT" || c.method.value == "TRACE") {
        Scope(scope, "method").error(c.method.mark, "bad-method", c.method.value + " gives no answer that could be read");
    }
}

void read_calls(const Scope& scope, const Node& node, AggregateConfig& into) {
    if (!node.is_mapping() || node.entries.empty()) return scope.expected(node, "calls by name");
    for (const Entry& e : node.entries) {
        const Scope at(scope, e.key);
        CallConfig call;
        call.name = {e.key, e.key_mark, true, true};
        if (!is_call_name(e.key)) {
            at.error(e.key_mark, "bad-name", "a call's name is made of letters, digits and \"_\": others name its value as $" + e.key);
        }
        if (read_object<CallConfig>(at, *e.value, call, "a call", call_fields())) check_call(at, *e.value, call);
        into.calls.push_back(std::move(call));
    }
}

// 200, or cases: [{ when: …, status: 207 }, 200].
void read_status(const Scope& scope, const Node& node, AggregateConfig& into) {
    if (!node.is_sequence()) {
        if (const auto v = read_integer(scope, node, 200, 599)) into.status.push_back({nullptr, static_cast<int>(*v)});
        return;
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
        const Scope at(scope, i);
        const Node& n = *node.items[i];
        if (!into.status.empty() && into.status.back().when == nullptr) {
            at.error(n.mark, "idle-case", "no case after one without \"when\" is ever looked at");
        }
        StatusCase one;
        if (n.is_mapping()) {
            for (const Entry& e : n.entries) {
                if (e.key == "when") read_condition(Scope(at, "when"), *e.value, one.when);
                else if (e.key != "status") at.error(e.key_mark, "unknown-key", "a case has when and status, found \"" + e.key + "\"");
            }
        }
        const Node* status = n.is_mapping() ? n.get("status") : &n;
        if (status == nullptr) {
            at.error(n.mark, "missing-key", "a case needs the key \"status\"");
        } else if (const auto v = read_integer(at, *status, 200, 599)) {
            one.status = static_cast<int>(*v);
            into.status.push_back(one);
        }
    }
}

constexpr Field<AggregateConfig> kAggregate[] = {
    {{"calls", "mapping", "", "Calls by name. Each is made as soon as what it names is there.", R"({"type":"object","additionalProperties":{"$ref":"#/$defs/call"},"minProperties":1})", true}, read_calls},
    {{"body", "body template", "", "The answer, made of the calls' values: `$user.name`.", R"({})", true},
     [](const Scope&, const Node& n, AggregateConfig& a) { a.body = &n; }},
    {{"timeout", "duration", "30s", "Of all calls together. Each has what is left of it.", R"({"$ref":"#/$defs/duration"})"},
     [](const Scope& s, const Node& n, AggregateConfig& a) { if (auto d = read_duration(s, n, false)) a.timeout = *d; }},
    {{"status", "status or list of cases", "200", "Of the answer. `[{ when: \"!$orders\", status: 207 }, 200]`: the first case whose condition holds.",
      R"({"oneOf":[{"type":"integer","minimum":200,"maximum":599},{"type":"array"}]})"},
     read_status},
    {{"headers", "mapping", "", "Fields of the answer; values are templates.", kTextMap},
     [](const Scope& s, const Node& n, AggregateConfig& a) { read_headers(s, n, a.headers); }},
    {{"errors", "true or name", "none", "The member of the body that names the optional calls that failed; `true` calls it `errors`. It is there only if one did.", R"({"type":["boolean","string"]})"},
     [](const Scope& s, const Node& n, AggregateConfig& a) {
         if (n.kind == NodeKind::string) {
             if (auto t = read_text(s, n, "a member's name")) a.errors = *t;
         } else if (auto b = read_bool(s, n); b && *b) {
             a.errors = {"errors", n.mark, true, true};
         }
     }},
    {{"server_timing", "boolean", "false", "Whether the answer's `Server-Timing` says how long each call took. Anyone then sees which calls there are.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, AggregateConfig& a) { if (auto b = read_bool(s, n)) a.server_timing = *b; }},
    {{"etag", "boolean", "true", "Whether a whole answer of 200 to GET carries an `ETag` of its body, and `If-None-Match` is answered 304.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, AggregateConfig& a) { if (auto b = read_bool(s, n)) a.etag = *b; }},
    {{"max_body", "size", "1MiB", "Of the client's body, where a call names `$`.", R"({"$ref":"#/$defs/size"})"},
     [](const Scope& s, const Node& n, AggregateConfig& a) { if (auto v = read_size(s, n, kMostHeld, false)) a.max_body = static_cast<uint32_t>(*v); }},
};

}  // namespace

std::span<const Field<AggregateConfig>> aggregate_fields() { return kAggregate; }
std::span<const Field<CallConfig>> call_fields() { return kCall; }

void read_aggregate(const Scope& scope, const Node& node, std::optional<AggregateConfig>& into) {
    into.emplace().mark = node.mark;
    read_object<AggregateConfig>(scope, node, *into, "aggregate", aggregate_fields());
}

}  // namespace portico::config
