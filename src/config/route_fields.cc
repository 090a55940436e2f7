#include <re2/re2.h>

#include <algorithm>

#include "base/text.h"
#include "config/objects.h"
#include "config/read.h"
#include "config/route_names.h"
#include "http/message.h"

namespace portico::config {

void read_conditions(const Scope& scope, const Node& node, std::vector<ValueMatch>& into, bool headers) {
    if (!node.is_mapping()) return scope.expected(node, headers ? "headers by name" : "query parameters by name");
    for (const Entry& e : node.entries) {
        const Scope at(scope, e.key);
        ValueMatch m;
        m.name = e.key;
        m.mark = e.key_mark;
        if (headers && !is_header_name(e.key)) at.error(e.key_mark, "bad-header-name", "\"" + e.key + "\" is not a header's name");
        if (!headers) check_no_braces(at, e.key_mark, e.key);
        const Node& v = *e.value;
        if (v.is_scalar() && v.kind != NodeKind::null) {
            if (!check_no_braces(at, v)) continue;
            m.value = v.text;
        } else if (v.is_mapping() && v.entries.size() == 1 && v.entries[0].key == "regex" && v.entries[0].value->is_scalar()) {
            m.kind = ValueMatch::Kind::regex;
            m.value = v.entries[0].value->text;
            const RE2 compiled(m.value, RE2::Quiet);
            if (!compiled.ok()) at.error(v.entries[0].value->mark, "bad-regex", "not a regular expression (RE2): " + compiled.error());
        } else if (v.is_mapping() && v.entries.size() == 1 && v.entries[0].key == "present") {
            const auto present = read_bool(Scope(at, "present"), *v.entries[0].value);
            m.kind = present.value_or(true) ? ValueMatch::Kind::present : ValueMatch::Kind::absent;
        } else {
            static constexpr std::string_view kWords[] = {"regex", "present"};
            const std::string_view near = v.is_mapping() && v.entries.size() == 1 ? nearest(v.entries[0].key, kWords, 2) : std::string_view{};
            at.expected(v, "exact text, { regex: … } or { present: true }", near.empty() ? "" : "did you mean " + std::string(near) + "?");
            continue;
        }
        into.push_back(std::move(m));
    }
}

namespace {

// A text where a mapping is wanted.
bool is_text(const Node& node) { return node.is_scalar() && node.kind != NodeKind::null; }

// The hint that such a text is one key's.
std::string in_mapping(std::string_view key, const Node& node) {
    return "did you mean { " + std::string(key) + ": " + (node.substituted ? node.raw : node.text) + " }?";
}

constexpr Field<MatchConfig> kMatch[] = {
    {{"host", "host or list", "every host", "Compared without case, port and last dot; `*.example.com` stands for one or more labels.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, MatchConfig& m) { m.hosts = read_texts(s, n, "a host", Braces::notation); }},
    {{"path", "path or list", "", "Segments: fixed, `{name}`, `{name:pattern}`, and `**` at the end.", R"({"$ref":"#/$defs/textOrList"})", true},
     [](const Scope& s, const Node& n, MatchConfig& m) { m.paths = read_texts(s, n, "a path such as /users/{id}", Braces::notation); }},
    {{"methods", "list of methods", "every method", "`GET` includes `HEAD`.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, MatchConfig& m) { m.methods = read_texts(s, n, "a method"); }},
    {{"scheme", "http or https", "either", "Of the request; behind a trusted proxy the one that it names.", R"({"enum":["http","https"]})"},
     [](const Scope& s, const Node& n, MatchConfig& m) {
         constexpr std::string_view kWords[] = {"http", "https"};
         if (auto w = read_word(s, n, kWords)) m.scheme = *w == 0 ? Scheme::http : Scheme::https;
     }},
    {{"headers", "mapping", "", "By name: exact text, `{ regex: … }` (RE2, the whole value) or `{ present: true | false }`. A name is that one alone, without case: `X_Debug` is not `X-Debug` here, as it is for policies.", R"({"type":"object"})"},
     [](const Scope& s, const Node& n, MatchConfig& m) { read_conditions(s, n, m.headers, true); }},
    {{"query", "mapping", "", "The same, for query parameters, whose names have case.", R"({"type":"object"})"},
     [](const Scope& s, const Node& n, MatchConfig& m) { read_conditions(s, n, m.query, false); }},
};

constexpr Field<ForwardConfig> kForward[] = {
    {{"service", "name or template", "", "A service's name, or `{parameter}` for any that is not internal.", R"({"type":"string"})", true},
     [](const Scope& s, const Node& n, ForwardConfig& f) { if (auto t = read_text(s, n, "a service's name", Braces::notation)) f.service = *t; }},
    {{"path", "template", "the normal path", "The path sent on; one with a `?` replaces the query (`{query}` inserts the client's). `raw`: as it came, for services that verify signatures over it; only on a route with a host and the path `/**`, to a service that no other route reaches. Policies see the normal path.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, ForwardConfig& f) {
         auto t = read_text(s, n, "a path such as /users/{id}, or raw", Braces::notation);
         if (!t) return;
         f.raw = t->value == "raw";
         if (f.raw) f.path.mark = n.mark;
         else f.path = std::move(*t);
     }},
    {{"host", "client or text", "the endpoint's authority", "The Host that the service sees.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, ForwardConfig& f) { if (auto t = read_text(s, n, "client, or a host")) f.host = *t; }},
    {{"location", "map or pass", "mapped where it is not yet",
      "`Location` and `Content-Location` of a response that name the authority which the service was sent as `Host`, or a path on it, lead back through the route's path where that has one way back. "
      "One that begins with what was stripped is taken for mapped; `map` maps it too, `pass` leaves all of them.", R"({"enum":["map","pass"]})"},
     [](const Scope& s, const Node& n, ForwardConfig& f) {
         static constexpr std::string_view kModes[] = {"map", "pass"};
         if (const auto w = read_word(s, n, kModes)) f.location = *w == 0 ? LocationMode::map : LocationMode::pass;
     }},
    {{"timeouts", "mapping", "the service's", "Times of this route.", R"({"$ref":"#/$defs/timeouts"})"},
     [](const Scope& s, const Node& n, ForwardConfig& f) { read_timeouts(s, n, f.timeouts); }},
};

constexpr Field<RespondConfig> kRespond[] = {
    {{"status", "status", "200", "Of the answer.", R"({"type":"integer","minimum":200,"maximum":599})"},
     [](const Scope& s, const Node& n, RespondConfig& r) { if (auto v = read_integer(s, n, 200, 599)) r.status = static_cast<int>(*v); }},
    {{"headers", "mapping", "", "Fields of the answer; values are templates.", R"({"type":"object","additionalProperties":{"type":"string"}})"},
     [](const Scope& s, const Node& n, RespondConfig& r) { read_headers(s, n, r.headers); }},
    {{"body", "text, mapping or list", "", "Text goes out as text/plain, a mapping or list as JSON.", R"({})"},
     [](const Scope&, const Node& n, RespondConfig& r) { r.body = &n; }},
};

constexpr Field<RedirectConfig> kRedirect[] = {
    {{"to", "template", "", "Begins with `/` or with a literal `http(s)://authority/`. May end in `#text`, which is sent as it stands.", R"({"type":"string"})", true},
     [](const Scope& s, const Node& n, RedirectConfig& r) { if (auto t = read_text(s, n, "a path or URL", Braces::notation)) r.to = *t; }},
    {{"status", "301, 302, 303, 307 or 308", "308", "Of the answer.", R"({"enum":[301,302,303,307,308]})"},
     [](const Scope& s, const Node& n, RedirectConfig& r) {
         const auto v = read_integer(s, n, 301, 308);
         if (!v) return;
         if (*v == 304 || *v == 305 || *v == 306) return s.expected(n, "one of 301 302 303 307 308");
         r.status = static_cast<int>(*v);
     }},
};

constexpr Field<RouteConfig> kRoute[] = {
    {{"name", "text", "what it matches", "For logs, metrics and explain; unique. Without one: `GET api.example.com/users/{id}`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) {
         if (auto t = read_string(s, n, "a name")) r.name = *t, r.named = true;
     }},
    {{"match", "path or mapping", "", "Which requests: a path, or host, path, methods, scheme, headers, query.", R"({"oneOf":[{"type":"string"},{"$ref":"#/$defs/match"}]})", true},
     [](const Scope& s, const Node& n, RouteConfig& r) {
         r.match.mark = n.mark;
         if (n.is_mapping()) {
             read_object<MatchConfig>(s, n, r.match, "match", match_fields());
         } else if (auto t = read_text(s, n, "a path, or a mapping with host, path, methods, scheme, headers, query", Braces::notation)) {
             r.match.paths.push_back(*t);
         }
     }},
    {{"use", "list of policies", "", "Policies by name or in place, in the order in which they run.", R"({"type":"array"})"}, read_use},
    {{"forward", "mapping", "", "Action: to a service.", R"({"$ref":"#/$defs/forward"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) {
         r.forward.emplace().mark = n.mark;
         if (is_text(n)) return s.expected(n, "forward as a mapping", n.text.contains("://") ? "name it under services, and write { service: NAME }" : in_mapping("service", n));
         read_object<ForwardConfig>(s, n, *r.forward, "forward", forward_fields());
     }},
    {{"aggregate", "mapping", "", "Action: several calls, one answer.", R"({"$ref":"#/$defs/aggregate"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) { read_aggregate(s, n, r.aggregate); }},
    {{"respond", "mapping", "", "Action: a fixed answer.", R"({"$ref":"#/$defs/respond"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) { read_respond(s, n, r.respond); }},
    {{"redirect", "mapping", "", "Action: elsewhere.", R"({"$ref":"#/$defs/redirect"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) {
         r.redirect.emplace().mark = n.mark;
         if (is_text(n)) return s.expected(n, "redirect as a mapping", in_mapping("to", n));
         read_object<RedirectConfig>(s, n, *r.redirect, "redirect", redirect_fields());
     }},
    {{"tie_break", "whole number", "0", "Decides between two routes of equal rank; the higher wins. One that breaks no tie is an error.", R"({"type":"integer"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) {
         r.tie_break_written = true;
         r.tie_break_mark = n.mark;
         if (auto v = read_integer(s, n, -1'000'000, 1'000'000)) r.tie_break = static_cast<int>(*v);
     }},
    {{"extra_methods", "list of methods", "", "Methods of this route that IANA does not list.", R"({"$ref":"#/$defs/textOrList"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) { r.extra_methods = read_texts(s, n, "a method"); }},
    {{"encoded", "allow or refuse", "refuse", "Whether paths with an encoded `/ \\ ; ? #`, or a raw `\\` or `;`, may pass (400 otherwise). One that read leniently (slashes decoded, `;…` dropped) would lead to a guard that this route lacks stays 400.", R"({"enum":["allow","refuse"]})"},
     [](const Scope& s, const Node& n, RouteConfig& r) {
         constexpr std::string_view kWords[] = {"refuse", "allow"};
         if (auto w = read_word(s, n, kWords)) r.encoded_allow = *w == 1;
     }},
    {{"open", "boolean", "false", "The route is less guarded than others on purpose: `check` does not warn of it, and `check --strict` lists it.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) { r.open = read_bool(s, n).value_or(false); }},
    {{"limits", "mapping", "the file's", "Bounds of this route's requests: `body` and `min_rate`.", R"({"type":"object"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) {
         if (!n.is_mapping()) return s.expected(n, "limits as a mapping");
         for (const Entry& e : n.entries) {
             if (e.key == "body") r.body_limit = read_size(Scope(s, "body"), *e.value, UINT64_MAX, true);
             else if (e.key == "min_rate") r.min_rate = read_rate(Scope(s, "min_rate"), *e.value);
             else s.error(e.key_mark, "unknown-key", "a route may limit body and min_rate, found \"" + e.key + "\"");
         }
     }},
    {{"schema", "file", "", "The OpenAPI document of what clients are offered: what its answer for this route requires must be made by the route's template. Relative to this file.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RouteConfig& r) { if (auto t = read_text(s, n, "the path of an OpenAPI document")) r.schema = std::move(*t); }},
    {{"errors", "body template", "the file's", "The shape of the gateway's own errors on this route.", R"({})"},
     [](const Scope&, const Node& n, RouteConfig& r) { r.errors = &n; }},
};

}  // namespace

std::span<const Field<MatchConfig>> match_fields() { return kMatch; }
std::span<const Field<ForwardConfig>> forward_fields() { return kForward; }
std::span<const Field<RespondConfig>> respond_fields() { return kRespond; }
std::span<const Field<RedirectConfig>> redirect_fields() { return kRedirect; }
std::span<const Field<RouteConfig>> route_fields() { return kRoute; }

void read_respond(const Scope& scope, const Node& node, std::optional<RespondConfig>& into) {
    into.emplace().mark = node.mark;
    if (is_text(node)) return scope.expected(node, "respond as a mapping", in_mapping(node.kind == NodeKind::number ? "status" : "body", node));
    read_object<RespondConfig>(scope, node, *into, "respond", respond_fields());
    const Node* body = into->body;
    if (body != nullptr && body->kind == NodeKind::string && body->text.starts_with("{\"")) {
        scope.error(body->mark, "json-text", "this text looks like JSON, and {…} in a text is a template",
                    "write the body as a mapping: body: { ok: true }");
    }
}

void read_headers(const Scope& scope, const Node& node, std::vector<std::pair<Text, Text>>& into) {
    if (!node.is_mapping()) return scope.expected(node, "headers by name");
    for (const Entry& e : node.entries) {
        if (!is_header_name(e.key)) scope.error(e.key_mark, "bad-header-name", "\"" + e.key + "\" is not a header's name");
        // In any spelling: who reads Transfer_Encoding for Transfer-Encoding would see another end of the body.
        const auto id = http::spelled_field_name(e.key);
        if (http::is_hop_by_hop(id) || id == http::FieldName::content_length) {
            scope.error(e.key_mark, "bad-header-name", e.key + " belongs to the connection: the gateway writes it");
        }
        // Several cookies are several lines; of all else, the one that is sent would be anybody's guess.
        const auto is_it = [&](const auto& other) { return iequals(other.first.value, e.key); };
        if (!iequals(e.key, "set-cookie") && std::ranges::any_of(into, is_it)) {
            scope.error(e.key_mark, "duplicate-header", "the header " + e.key + " stands here twice, in two spellings");
        }
        if (auto t = read_text(Scope(scope, e.key), *e.value, "text", Braces::notation)) into.emplace_back(Text{e.key, e.key_mark, true, true}, *t);
    }
}

namespace {

// "forward and aggregate", as they stand there.
std::string actions_of(const Node& route) {
    std::vector<std::string_view> there;
    for (const Entry& e : route.entries) {
        if (e.key == "forward" || e.key == "aggregate" || e.key == "respond" || e.key == "redirect") there.push_back(e.key);
    }
    std::string text;
    for (size_t i = 0; i < there.size(); ++i) text.append(i == 0 ? "" : i + 1 == there.size() ? " and " : ", ").append(there[i]);
    return text;
}

}  // namespace

void read_routes(const Scope& scope, const Node& node, Draft& into) {
    if (!node.is_sequence()) return scope.expected(node, "a list of routes");
    into.config.routes.reserve(node.items.size());
    for (size_t i = 0; i < node.items.size(); ++i) {
        const Scope at(scope, i);
        RouteConfig route;
        route.mark = node.items[i]->mark;
        const size_t before = scope.faults().errors();
        (void)read_object<RouteConfig>(at, *node.items[i], route, "a route", route_fields());
        route.faulty = scope.faults().errors() != before;
        const int actions = route.forward.has_value() + route.respond.has_value() + route.redirect.has_value() + route.aggregate.has_value();
        if (actions != 1 && !route.faulty) {
            route.faulty = true;
            at.error(route.mark, "route-action",
                     actions == 0 ? "a route needs one action: forward, aggregate, respond or redirect"
                                  : "a route has exactly one action, this one has " + actions_of(*node.items[i]));
        }
        into.config.routes.push_back(std::move(route));
    }
    name_routes(into.config.routes);
}

}  // namespace portico::config
