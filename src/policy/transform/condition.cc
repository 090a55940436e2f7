#include "policy/transform/condition.h"

#include <algorithm>

#include "http/media_type.h"

namespace portico::policy::transform {

bool Condition::holds_for_fields(const http::FieldList& fields) const {
    std::string text;
    for (const gateway::ValueCondition& c : headers) {
        const bool there = gateway::header_value(fields, c.match().name, text);
        const std::string_view value = text;
        if (!c.holds(there ? &value : nullptr)) return false;
    }
    if (content_types.empty()) return true;
    return std::ranges::any_of(content_types, [&](const std::string& pattern) { return http::has_type(fields, pattern); });
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
