#include "http/media_type.h"

#include "base/text.h"
#include "http/metered_text.h"

namespace portico::http {
namespace {

std::string_view without_parameters(std::string_view value) { return trim_ows(value.substr(0, value.find(';'))); }

template <class Is>
bool any_type(const FieldList& fields, Is is) {
    bool found = false;
    for (const Field& f : fields) {
        if (f.id != FieldName::content_type) continue;
        for_each_element(f.value, [&](std::string_view type) { found = found || is(without_parameters(type)); });
    }
    return found;
}

}  // namespace

std::string_view media_type(const FieldList& fields) {
    const Field* field = fields.find(FieldName::content_type);
    return field == nullptr ? std::string_view{} : without_parameters(field->value);
}

bool is_of_type(std::string_view type, std::string_view pattern) {
    if (pattern.ends_with("/*")) {
        const size_t slash = pattern.size() - 1;
        return type.size() > slash && iequals(type.substr(0, slash), pattern.substr(0, slash));
    }
    if (const size_t plus = pattern.find("*+"); plus != std::string_view::npos) {
        const std::string_view before = pattern.substr(0, plus), after = pattern.substr(plus + 1);
        if (type.size() <= before.size() + after.size()) return false;
        return iequals(type.substr(0, before.size()), before) && iequals(type.substr(type.size() - after.size()), after);
    }
    return iequals(type, pattern);
}

bool has_type(const FieldList& fields, std::string_view pattern) {
    return any_type(fields, [&](std::string_view type) { return is_of_type(type, pattern); });
}

bool claims_json(const FieldList& fields) {
    return any_type(fields, [](std::string_view type) { return iequals(type, "application/json") || iequals(type, "text/json") || is_of_type(type, "*+json"); });
}

bool claims_form(const FieldList& fields) { return has_type(fields, "application/x-www-form-urlencoded"); }

bool opens_json(std::string_view text) {
    MeteredText metered(text);
    for (size_t i = 0; i < text.size() && metered.reaches(i); ++i) {
        const char c = text[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return c == '{' || c == '[';
    }
    return false;
}

bool begins_as_json(std::string_view body) {
    // Who guesses the encoding as well finds JSON in UTF-16 and UTF-32 (RFC 4627 §3).
    constexpr std::string_view kMarks[] = {"\xEF\xBB\xBF", {"\0\0\xFE\xFF", 4}, "\xFE\xFF", "\xFF\xFE"};
    for (const std::string_view mark : kMarks) {
        if (!body.starts_with(mark)) continue;
        body.remove_prefix(mark.size());
        break;
    }
    MeteredText metered(body);
    for (size_t i = 0; i < body.size() && metered.reaches(i); ++i) {
        const char c = body[i];
        if (c != '\0' && c != ' ' && c != '\t' && c != '\r' && c != '\n') return c == '{' || c == '[';
    }
    return false;
}

bool may_be_json(const FieldList& fields, std::string_view body) {
    return claims_json(fields) || (media_type(fields).empty() && begins_as_json(body));
}

}  // namespace portico::http
