#include <memory>

#include "base/text.h"
#include "config/read.h"
#include "gateway/exchange.h"
#include "gateway/policy.h"
#include "gateway/snapshot.h"
#include "policy/cors/grant.h"

namespace portico::policy::cors {
namespace {

using config::Field;
using config::Node;
using config::NodeKind;
using config::Scope;
using http::FieldName;

constexpr std::string_view kSummary = "Lets pages of other origins use a route from a browser.";
constexpr std::string_view kDefaultHeaders = "Authorization, Content-Type";

void read_origin(const Scope& scope, const Node& node, Grant& g) {
    // YAML's null without quotes is the word that browsers send.
    const bool null = node.kind == NodeKind::null && node.text == "null";
    const auto text = null ? std::optional<std::string>("null") : config::read_string(scope, node, "an origin such as https://example.com");
    if (!text) return;
    if (const auto fault = g.origins.add(*text)) scope.error(node.mark, "bad-origin", fault->message, fault->hint);
}

void read_origins(const Scope& scope, const Node& node, Grant& g) {
    const config::PlainList list(scope, node);
    if (!list.is_list()) return read_origin(scope, *list.items().front(), g);
    if (list.items().empty()) scope.error(node.mark, "empty-list", "the list is empty: name the origins whose pages may use this");
    for (size_t i = 0; i < list.items().size(); ++i) read_origin(Scope(scope, i), *list.items()[i], g);
}

// A list of tokens as a field's value. @returns true for `*`
bool read_names(const Scope& scope, const Node& node, std::string_view what, std::string& into) {
    into.clear();
    const auto texts = config::read_texts(scope, node, what);
    if (texts.size() == 1 && texts[0].value == "*") return true;
    for (const config::Text& t : texts) {
        if (t.value == "*") scope.error(t.mark, "bad-list", "\"*\" stands alone", "write \"*\", or the names");
        else if (!http::is_token(t.value)) scope.error(t.mark, "bad-list", "expected " + std::string(what) + ", found \"" + t.value + "\"",
                                              config::written_list(t).empty() ? "" : "did you mean " + config::written_list(t) + "?");
        else into.append(into.empty() ? "" : ", ").append(t.value);
    }
    return false;
}

void read_methods(const Scope& scope, const Node& node, Grant& g) {
    g.any_method = read_names(scope, node, "a method such as PUT", g.methods);
    for_each_element(g.methods, [&](std::string_view method) {
        if (method.empty() || http::is_registered_method(method)) return;
        // Methods have case; a browser sends what it is given (but for the common ones).
        const std::string_view near = http::nearest_method(method);
        if (!near.empty()) {
            scope.error(node.mark, "unknown-method", "\"" + std::string(method) + "\" is not a registered method",
                        "did you mean " + std::string(near) + "?");
        }
    });
}

void read_max_age(const Scope& scope, const Node& node, Grant& g) {
    const auto age = config::read_duration(scope, node, false);
    if (!age) return;
    if (*age % std::chrono::seconds(1) != Duration::zero()) {
        return scope.error(node.mark, "bad-duration", "max_age is told in whole seconds", "write 1s or more");
    }
    g.max_age = std::to_string(*age / std::chrono::seconds(1));
}

constexpr std::string_view kTextOrList = R"({"$ref":"#/$defs/textOrList"})";
constexpr Field<Grant> kFields[] = {
    {{"origins", "list of origins", "", "Whose pages may: `https://example.com`, `https://*.example.com`, `*` for all, `null`.",
      R"({"oneOf":[{"type":["string","null"]},{"type":"array","items":{"type":["string","null"]},"minItems":1}]})", true},
     read_origins},
    {{"methods", "list of methods", "the route's", "What they may ask; `*` for every one.", kTextOrList}, read_methods},
    {{"headers", "list of header names", kDefaultHeaders, "What they may send; `*` for whatever they ask for.", kTextOrList},
     [](const Scope& s, const Node& n, Grant& g) { g.any_header = read_names(s, n, "a header's name", g.headers); }},
    {{"expose", "list of header names", "none", "What of the answer they may read, beside what they always may.", kTextOrList},
     [](const Scope& s, const Node& n, Grant& g) { if (read_names(s, n, "a header's name", g.expose)) g.expose = "*"; }},
    {{"credentials", "boolean", "false", "With cookies and the like. Not with `origins: \"*\"`: every page that a person visits could read what is meant for that person.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, Grant& g) { g.credentials = config::read_bool(s, n).value_or(false); }},
    {{"max_age", "duration", "the browser's (5s)", "How long a browser may remember a preflight's answer.", R"({"$ref":"#/$defs/duration"})"},
     read_max_age},
};

void judge(const Scope& scope, const Node& node, const Grant& g) {
    if (!g.credentials) return;
    const auto mark = [&](std::string_view key) { return node.get(key)->mark; };
    if (g.origins.any()) {
        Scope(scope, "origins").error(mark("origins"), "open-credentials", "with credentials every site on the web could act as whoever visits it",
                                      "list the origins, or leave credentials out");
    }
    if (g.origins.null()) {
        Scope(scope, "origins").warning(mark("origins"), "open-credentials", "any site can make a page of the origin null: with credentials it acts as its visitor");
    }
    if (g.expose == "*") {
        Scope(scope, "expose").error(mark("expose"), "bad-list", "with credentials browsers take \"*\" for a header of that name", "list the headers");
    }
}

class Cors final : public gateway::Policy {
  public:
    explicit Cors(Grant grant) : grant_(std::move(grant)) {}

    // The fields of every answer are on_response's, a preflight's included.
    gateway::Verdict on_request(gateway::Exchange& x) const override {
        if (!x.preflight) return gateway::Verdict::proceed();
        const std::string_view origin = origin_of(x);
        if (!grant_.admits(origin)) return gateway::Verdict::refuse(Error(Fault::cors_refused, "a preflight of the origin " + std::string(origin)));
        x.response.clear();
        x.response.status = 204;
        return gateway::Verdict::respond();
    }

    // What it says of origins is its alone.
    gateway::FieldRule field_rule(gateway::MessageSide side, std::string_view name) const override {
        constexpr std::string_view kPrefix = "access-control-";
        const bool said = side == gateway::MessageSide::response && http::is_same_name(name.substr(0, kPrefix.size()), kPrefix);
        return said ? gateway::FieldRule::withholds : gateway::FieldRule::none;
    }

    void on_response(gateway::Exchange& x, gateway::ResponseOut& response) const override {
        if (!x.preflight) return grant_.write_answer(origin_of(x), response.fields, x.arena);
        std::string asked;
        for (const http::Field& f : x.request.fields) {
            if (f.id == FieldName::other && iequals(f.name, "access-control-request-headers")) asked.append(asked.empty() ? "" : ",").append(f.value);
        }
        const Grant::Question question{origin_of(x), x.request.fields.find(FieldName::access_control_request_method)->value, asked, route_methods(x)};
        grant_.write_preflight(question, response.fields, x.arena);
    }

  private:
    static std::string_view origin_of(const gateway::Exchange& x) {
        const http::Field* origin = x.request.fields.find(FieldName::origin);
        return origin != nullptr && x.request.fields.count(FieldName::origin) == 1 ? origin->value : std::string_view{};
    }

    static std::string_view route_methods(gateway::Exchange& x) {
        const auto& methods = x.epoch->snapshot->table.rules()[x.match.route].conditions.methods;
        if (methods.any()) return {};
        std::vector<std::string> all;
        methods.list(all);
        std::string text;
        for (const std::string& m : all) text.append(text.empty() ? "" : ", ").append(m);
        return x.arena.copy(text);
    }

    Grant grant_;
};

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    Grant grant;
    grant.headers = kDefaultHeaders;
    const size_t before = faults.errors();
    const Scope scope(faults, settings.path);
    if (config::read_object<Grant>(scope, settings.settings, grant, "cors", kFields) && faults.errors() == before) {
        judge(scope, settings.settings, grant);
    }
    if (faults.errors() != before) return nullptr;
    return std::make_unique<Cors>(std::move(grant));
}

config::ObjectText describe() { return config::describe<Grant>("cors", "cors", kSummary, kFields); }

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "cors",
        .summary = kSummary,
        .stands_first = true,
        .make = make,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::cors
