#include "gateway/templates/template_string.h"

#include <algorithm>

#include "base/meter.h"
#include "base/text.h"
#include "gateway/conditions.h"
#include "gateway/exchange.h"
#include "gateway/managed_headers.h"
#include "gateway/snapshot.h"
#include "gateway/templates/template_parser.h"
#include "http/credential.h"
#include "http/uri.h"

namespace portico::gateway {

using json::Value;

namespace {

std::optional<std::string_view> non_empty(std::string_view s) {
    return s.empty() ? std::nullopt : std::optional<std::string_view>(s);
}

}  // namespace

Template Template::literal(std::string text) {
    Template t;
    if (!text.empty()) t.parts_.push_back({Source::literal, std::move(text), 0});
    return t;
}

Template Template::parse(const config::Scope& scope, const config::Text& text, const TemplatePlace& place) {
    // What came from the environment is literal text (LANGUAGE.md §1), and what the file says around it is its own.
    if (text.as_template.empty()) return text.literal ? literal(text.value) : Template(parse_template(scope, text, place));
    if (text.as_template.starts_with('$') && !text.as_template.starts_with("$$")) {
        scope.error(text.mark, "bad-template", "a JSONPath holds no variable of the environment", "write the path without it");
        return {};
    }
    config::Text written = text;
    written.value = text.as_template;
    return Template(parse_template(scope, written, place));
}

Template Template::parse_value(const config::Scope& scope, const config::Text& text, const TemplatePlace& place) {
    config::Text braced = text;
    TemplatePlace here = place;
    here.bare = !text.literal && !text.value.starts_with('{');
    if (here.bare) braced.value = "{" + text.value + "}";
    Template t = parse(scope, braced, here);
    t.bare_ = here.bare;
    if (text.literal && !text.value.empty()) {
        scope.error(text.mark, "bad-value", "a value of the request is wanted here, such as client.ip or claims.sub");
    }
    return t;
}

bool Template::check_place(const PlaceValues& place, config::Mark mark, const config::Scope& scope) const {
    const std::vector<std::string>& parameters = place.parameters;
    for (const TemplatePart& part : parts_) {
        if (part.source == Source::header && place.reads != nullptr) place.reads->add(part.text, mark, scope.path());
        if (part.source == Source::claim && !place.identity) {
            scope.error(mark, "no-identity", shown_value("claims." + part.claim->text(), bare_) + " has no value here: nothing before it on this route guarantees an identity",
                        "put the policy that signs in before it");
            return false;
        }
        if (part.source == Source::rest && std::ranges::find(parameters, kRest) == parameters.end()) {
            scope.error(mark, "unknown-value", shown_value("**", bare_) + " has no value here: a path of this route does not end in /**");
            return false;
        }
        if (part.source == Source::named_parameter && std::ranges::find(parameters, part.text) == parameters.end()) {
            if (place.uneven != nullptr && std::ranges::find(*place.uneven, part.text) != place.uneven->end()) {
                scope.error(mark, "uneven-parameters", uneven_parameter(part.text), kUnevenHint);
                return false;
            }
            scope.error(mark, "unknown-value", shown_value(part.text, bare_) + " names nothing that is known on this route",
                        unknown_value_hint(part.text, TemplatePlace{.parameters = &parameters, .identity = place.identity, .bare = bare_}));
            return false;
        }
    }
    return true;
}

bool Template::names_claims() const {
    return std::ranges::any_of(parts_, [](const TemplatePart& p) { return p.source == Source::claim; });
}

void add_headers(const std::vector<TemplatePart>& parts, std::vector<std::string>& names) {
    for (const TemplatePart& part : parts) {
        const auto same = [&](const std::string& name) { return iequals(name, part.text); };
        if (part.source == Source::header && std::ranges::none_of(names, same)) names.push_back(part.text);
        const auto is_cookie = [](const std::string& name) { return iequals(name, "Cookie"); };
        if (part.source == Source::cookie && std::ranges::none_of(names, is_cookie)) names.emplace_back("Cookie");
    }
}

bool names_parameter(const std::vector<TemplatePart>& parts, std::string_view name) {
    return std::ranges::any_of(parts, [&](const TemplatePart& p) { return p.source == Source::rest ? name == kRest : p.source == Source::named_parameter && p.text == name; });
}

bool Template::names_parameter(std::string_view name) const { return gateway::names_parameter(parts_, name); }

bool Template::names_header(std::string_view name) const {
    return std::ranges::any_of(parts_, [&](const TemplatePart& p) {
        return (p.source == Source::header && http::is_same_name(p.text, name)) || (p.source == Source::cookie && http::is_same_name("Cookie", name));
    });
}

bool Template::names_response() const {
    return std::ranges::any_of(parts_, [](const TemplatePart& p) { return p.source == Source::response_header || p.source == Source::response_status; });
}

bool Template::is_response_field() const {
    return is_single() && (parts_[0].source == Source::call_header || parts_[0].source == Source::response_header);
}

void Template::add_headers(std::vector<std::string>& names) const { gateway::add_headers(parts_, names); }

const TemplatePart* Template::compound(const Values& values) const {
    for (const TemplatePart& part : parts_) {
        if (values.is_compound(part)) return &part;
    }
    return nullptr;
}

bool Template::reads(size_t root) const {
    return std::ranges::any_of(parts_, [&](const TemplatePart& p) { return p.source == Source::document && p.path->root() == root; });
}

bool Template::names_call(size_t call) const {
    return std::ranges::any_of(parts_, [&](const TemplatePart& p) {
        return (p.source == Source::call_status || p.source == Source::call_header) && p.slot == call;
    });
}

Fault blame_of(const TemplatePart& part) {
    if (part.source == Source::claim) return Fault::claim_refused;
    return part.from_answer ? Fault::answer_mapping : Fault::value_refused;
}

Fault blame_of(const Template& text) {
    const auto any = [&](Fault fault) {
        return std::ranges::any_of(text.parts(), [&](const TemplatePart& p) { return p.source != Source::literal && blame_of(p) == fault; });
    };
    if (any(Fault::answer_mapping)) return Fault::answer_mapping;
    return any(Fault::claim_refused) ? Fault::claim_refused : Fault::value_refused;
}

std::string name_of(const TemplatePart& part) {
    switch (part.source) {
        case Source::claim: return "claims." + part.claim->text();
        case Source::header: return "header." + part.text;
        case Source::query_value: return "query." + part.text;
        case Source::cookie: return "cookie." + part.text;
        case Source::response_status: return "response.status";
        case Source::response_header: return "response.header." + part.text;
        case Source::named_parameter:
        case Source::parameter: return part.text;
        case Source::document: return part.path->shown();
        default: return "a value";
    }
}

Error compound_error(const TemplatePart& part) {
    const std::string what = name_of(part) + " is a list or an object";
    return part.source == Source::claim ? Error(Fault::claim_refused, what) : Error::told(blame_of(part), what, what);
}

namespace {

// A claim or a document's value.
Value find(const TemplatePart& part, const Values& values, uint64_t& cost) {
    if (part.source == Source::claim) return part.claim->find(values.exchange->claims);
    if (part.path->root() >= values.roots.size()) return {};
    return part.path->find(values.roots, cost);
}

bool is_found(const TemplatePart& part) { return part.source == Source::claim || part.source == Source::document; }

// All of it is gone through, pair by pair, and names are decoded.
uint64_t cost_of_query(std::string_view query) { return 2 + 2 * static_cast<uint64_t>(std::ranges::count(query, '&')) + query.size() / 8; }
// Each name is compared.
uint64_t cost_of_fields(const http::FieldList& fields) { return 1 + fields.size() / 2; }

}  // namespace

bool Values::is_compound(const TemplatePart& part) const {
    if (!is_found(part)) return false;
    uint64_t cost = 0;
    const Value found = find(part, *this, cost);
    Meter::spend(cost);
    return gateway::is_compound(found);
}

size_t Values::times_given(const TemplatePart& part) const {
    if (part.source == Source::header) return http::presented_in_headers(exchange->request.fields, part.text).count;
    if (part.source == Source::cookie) return http::presented_in_cookies(exchange->request.fields, part.text).count;
    if (part.source != Source::query_value || !exchange->view.has_query) return 0;
    return http::presented_in_query(exchange->view.query, part.text).count;
}

std::string_view Values::encoded(const TemplatePart& part) const {
    const Match& match = exchange->match;
    if (part.source != Source::named_parameter) return part.source == Source::rest ? match.rest : match.values[part.slot];
    const auto& names = exchange->epoch->snapshot->table.rules()[match.route].parameters;
    return match.values[static_cast<size_t>(std::ranges::find(names, part.text) - names.begin())];
}

std::optional<std::string_view> Values::get(const TemplatePart& part, Arena& arena) const {
    uint64_t cost = 0;
    const auto text = get(part, arena, cost);
    Meter::spend(cost);
    return text;
}

std::optional<std::string_view> Values::get(const TemplatePart& part, Arena& arena, uint64_t& cost) const {
    const auto text = read(part, arena, cost);
    if (text) cost += text->size() / Meter::kBytesAStep;
    return text;
}

std::optional<std::string_view> Values::read(const TemplatePart& part, Arena& arena, uint64_t& cost) const {
    switch (part.source) {
        case Source::literal: return part.text;
        case Source::claim:
        case Source::document: return claim_text(find(part, *this, cost));
        case Source::parameter:
        case Source::named_parameter:
        case Source::rest: {
            const std::string_view text = encoded(part);
            cost += text.size() / 8;
            return http::decode_segment(text, arena);
        }
        case Source::client_ip: return non_empty(exchange->client_ip);
        case Source::request_method: return exchange->view.method_text;
        case Source::request_path: return exchange->view.path;
        case Source::request_host: return non_empty(exchange->view.host);
        case Source::request_scheme: return exchange->scheme;
        case Source::request_id: return exchange->request_id;
        case Source::header: {
            std::string value;
            cost += cost_of_fields(exchange->request.fields) + cost_of_fields(exchange->set_fields);
            if (!exchange->header_value(part.text, value)) return std::nullopt;
            return arena.copy(value);
        }
        case Source::query_value: {
            std::string value;
            if (!exchange->view.has_query) return std::nullopt;
            cost += cost_of_query(exchange->view.query);
            if (!query_value(exchange->view.query, part.text, value)) return std::nullopt;
            return arena.copy(value);
        }
        case Source::cookie: {
            cost += cost_of_fields(exchange->request.fields);
            const auto value = cookie_value(exchange->request.fields, part.text, cost);
            return value ? std::optional(arena.copy(*value)) : std::nullopt;
        }
        case Source::response_status: return arena.copy(std::to_string(exchange->response.status));
        case Source::response_header: {
            std::string value;
            cost += cost_of_fields(exchange->response.fields);
            if (!header_value(exchange->response.fields, part.text, value)) return std::nullopt;
            return arena.copy(value);
        }
        case Source::query: return exchange->view.query;
        case Source::call_status: {
            const int status = calls[part.slot].status;
            return status == 0 ? std::nullopt : std::optional(arena.copy(std::to_string(status)));
        }
        case Source::call_header: {
            std::string value;
            const http::FieldList* fields = calls[part.slot].fields;
            if (fields == nullptr) return std::nullopt;
            cost += cost_of_fields(*fields);
            if (!header_value(*fields, part.text, value)) return std::nullopt;
            return arena.copy(value);
        }
        case Source::error_title: return error->title;
        case Source::error_status: return arena.copy(std::to_string(error->status));
        case Source::error_detail: return error->detail;
        case Source::error_code: return error->code;
        case Source::error_request_id: return error->request_id;
    }
    return std::nullopt;
}

void Template::render(const Values& values, std::string& out) const {
    Arena arena;
    for (const TemplatePart& part : parts_) {
        if (const auto value = values.get(part, arena)) out += *value;
    }
}

Result<bool> Template::append(const Values& values, std::string& out, uint64_t& cost) const {
    Arena arena;
    bool any = !is_single();
    for (const TemplatePart& part : parts_) {
        std::optional<std::string_view> text;
        if (is_found(part)) {
            const Value found = find(part, values, cost);
            if (gateway::is_compound(found)) return fail(compound_error(part));
            text = claim_text(found);
            if (text) cost += text->size() / Meter::kBytesAStep;
        } else {
            text = values.get(part, arena, cost);
        }
        if (!text) continue;
        any = true;
        out += *text;
    }
    return any;
}

}  // namespace portico::gateway
