#include "policy/transform/condition.h"

#include <algorithm>

#include "base/text.h"

namespace portico::policy::transform {

std::string_view media_type(const http::FieldList& fields) {
    const http::Field* field = fields.find(http::FieldName::content_type);
    return field == nullptr ? std::string_view{} : trim_ows(field->value.substr(0, field->value.find(';')));
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

bool Condition::holds_for_fields(const http::FieldList& fields) const {
    std::string text;
    for (const gateway::ValueCondition& c : headers) {
        const bool there = gateway::header_value(fields, c.match().name, text);
        const std::string_view value = text;
        if (!c.holds(there ? &value : nullptr)) return false;
    }
    if (content_types.empty()) return true;
    const std::string_view type = media_type(fields);
    return std::ranges::any_of(content_types, [&](const std::string& pattern) { return is_of_type(type, pattern); });
}

bool Condition::holds_for_request(const http::FieldList& fields, std::string_view text) const {
    std::string found;
    for (const gateway::ValueCondition& c : query) {
        const bool there = gateway::query_value(text, c.match().name, found);
        const std::string_view value = found;
        if (!c.holds(there ? &value : nullptr)) return false;
    }
    return holds_for_fields(fields);
}

bool Condition::holds_for_answer(int status, const http::FieldList& fields) const {
    const bool of_status = statuses.empty() || std::ranges::any_of(statuses, [&](const auto& range) { return status >= range.first && status <= range.second; });
    return of_status && holds_for_fields(fields);
}

}  // namespace portico::policy::transform
