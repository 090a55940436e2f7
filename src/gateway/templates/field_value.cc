#include "gateway/templates/field_value.h"

#include <algorithm>

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

Fault blame(const Template& text, const Values& values, ValuePlace place, Arena& arena) {
    for (const TemplatePart& part : text.parts()) {
        if (part.source != Source::literal && !may_stand(values.get(part, arena).value_or(std::string_view{}), place)) return blame_of(part);
    }
    return blame_of(text);  // each could stand alone: together they are too long
}

}  // namespace

Result<std::optional<std::string_view>> value_text(const Template& text, const Values& values, ValuePlace place, std::string_view what, Arena& arena) {
    if (text.is_literal()) return text.literal_text();
    if (const TemplatePart* part = text.compound(values)) return fail(compound_error(*part));
    if (text.is_single()) {
        const auto value = values.get(text.parts()[0], arena);
        if (!value) return std::nullopt;
    }
    std::string made;
    text.render(values, made);
    if (!may_stand(made, place)) return fail(blame(text, values, place, arena), "a value of " + std::string(what));
    return arena.copy(made);
}

}  // namespace portico::gateway
