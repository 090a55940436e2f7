#include "gateway/templates/field_value.h"

#include <algorithm>

#include "base/text.h"
#include "gateway/exchange.h"
#include "gateway/templates/template_slips.h"
#include "http/fields.h"

namespace portico::gateway {
namespace {

bool is_cookie_octet(char c) {
    const auto u = static_cast<unsigned char>(c);
    return u > 0x20 && u < 0x7F && c != '"' && c != ',' && c != ';' && c != '\\';
}

bool may_stand(std::string_view text, ValuePlace place) {
    if (place != ValuePlace::any && text.size() > kMostFieldValue) return false;
    switch (place) {
        case ValuePlace::header: return http::is_field_value(text);
        case ValuePlace::cookie: return std::ranges::all_of(text, is_cookie_octet);
        case ValuePlace::any: return true;
    }
    return false;
}

// Whether each value may, whatever stands around it.
bool all_may_stand(const Template& text, const Values& values, ValuePlace place, Arena& arena) {
    return std::ranges::all_of(text.parts(), [&](const TemplatePart& part) {
        return part.source == Source::literal || may_stand(values.get(part, arena).value_or(std::string_view{}), place);
    });
}

Fault blame(const Template& text, const Values& values, ValuePlace place, Arena& arena) {
    for (const TemplatePart& part : text.parts()) {
        if (part.source != Source::literal && !may_stand(values.get(part, arena).value_or(std::string_view{}), place)) return blame_of(part);
    }
    return blame_of(text);  // each could stand alone: together they are too long
}

}  // namespace

bool check_field(const config::Scope& scope, config::Mark mark, std::string_view text, ValuePlace where, bool of_environment) {
    const bool cookie = where == ValuePlace::cookie;
    if (where == ValuePlace::any || (http::is_field_value(text) && !(cookie && text.contains(';')))) return true;
    scope.error(mark, cookie ? "bad-cookie-value" : "bad-header-value",
                cookie ? "a cookie's value is one line without control characters or \";\"" : "a header's value is one line without control characters",
                line_break_hint(text, of_environment));
    return false;
}

std::string line_break_hint(std::string_view text, bool of_environment) {
    return of_environment && text.ends_with('\n') ? "the variable's value ends in a line break: set it without one" : "";
}

Template parse_field(const config::Scope& scope, const config::Text& text, const TemplatePlace& place, ValuePlace where) {
    TemplatePlace here = place;
    here.field_lines = where == ValuePlace::header;
    Template parsed = Template::parse(scope, text, here);
    warn_of_bare_value(scope, text, here);
    for (const TemplatePart& part : parsed.parts()) {
        if (part.source == Source::literal && !check_field(scope, text.mark, part.text, where, text.literal)) break;
    }
    return parsed;
}

Result<std::optional<std::string_view>> value_text(const Template& text, const Values& values, ValuePlace place, std::string_view what, Arena& arena) {
    if (text.is_literal()) return text.literal_text();
    if (const TemplatePart* part = text.compound(values)) return fail(compound_error(*part));
    if (text.is_single()) {
        const auto value = values.get(text.parts()[0], arena);
        if (!value) return std::nullopt;
    }
    std::string made;
    text.render(values, made);
    // What the file says of a cookie has been judged with it; a space there is the file's own.
    const bool fits = place == ValuePlace::cookie ? made.size() <= kMostFieldValue && all_may_stand(text, values, place, arena) : may_stand(made, place);
    if (!fits) return fail(blame(text, values, place, arena), "a value of " + std::string(what));
    return arena.copy(made);
}

Result<std::vector<std::string_view>> response_lines(std::string_view name, const Template& text, const Values& values, Arena& arena) {
    const TemplatePart& part = text.parts()[0];
    const http::FieldList* const came = part.source == Source::response_header ? &values.exchange->response.fields : values.calls[part.slot].fields;
    std::vector<std::string_view> lines;
    if (came == nullptr) return lines;
    std::string cookies;
    for (const http::Field& f : *came) {
        if (!iequals(f.name, part.text) || f.value.empty()) continue;
        if (!may_stand(f.value, ValuePlace::header)) return fail(blame_of(part), "a value of the header " + std::string(name));
        if (!iequals(name, "Cookie")) lines.push_back(arena.copy(f.value));
        else cookies.append(cookies.empty() ? "" : "; ").append(f.value);
    }
    if (!cookies.empty()) lines.push_back(arena.copy(cookies));
    return lines;
}

Result<bool> add_field(std::string_view name, const Template& text, const Values& values, http::FieldList& fields, Arena& arena) {
    if (text.is_response_field()) {
        auto lines = response_lines(name, text, values, arena);
        if (!lines) return fail(std::move(lines).error());
        for (const std::string_view line : *lines) fields.add(name, line);
        return !lines->empty();
    }
    auto value = value_text(text, values, ValuePlace::header, "the header " + std::string(name), arena);
    if (!value) return fail(std::move(value).error());
    if (!*value || ((*value)->empty() && text.is_single())) return false;
    fields.add(name, **value);
    return true;
}

}  // namespace portico::gateway
