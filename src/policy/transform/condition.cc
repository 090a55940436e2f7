#include "policy/transform/condition.h"

#include <algorithm>

#include "http/credential.h"
#include "http/media_type.h"
#include "http/uri.h"

namespace portico::policy::transform {

namespace {

// @returns false where no field bears the name in any spelling
bool value_in_any_spelling(const http::FieldList& fields, std::string_view name, std::string& into) {
    into.clear();
    bool found = false;
    for (const http::Field& f : fields) {
        if (!http::is_same_name(f.name, name)) continue;
        if (found) into += f.id == http::FieldName::cookie ? "; " : ", ";
        into += f.value;
        found = true;
    }
    return found;
}

bool holds_for_query(const gateway::ValueCondition& c, std::string_view query) {
    bool found = false, holds = false;
    const auto judge = [&](std::string_view pair) {
        const http::Presented here = http::presented_in_query(pair, c.match().name);
        if (here.count == 0 || holds) return;
        found = true;
        const std::string decoded = http::decode_query_value(here.first);
        holds = c.holds(decoded);
    };
    http::for_each_pair(query, [&](std::string_view, std::string_view, std::string_view pair) {
        judge(pair);
        // For some a `;` stands between pairs as well.
        size_t end = pair.find(';');
        if (end == std::string_view::npos) return;
        judge(pair.substr(0, end));
        while (end != std::string_view::npos) {
            const size_t at = end + 1;
            end = pair.find(';', at);
            judge(pair.substr(at, end - at));
        }
    });
    return found ? holds : c.holds(std::nullopt);
}

// The name of the first member that a path goes into: `role` of $.role[0] and of $['role']; empty where it is none by name.
std::string_view first_name(std::string_view path) {
    if (path.starts_with("$.") && !path.starts_with("$..")) {
        path.remove_prefix(2);
        return path.substr(0, path.find_first_of(".["));
    }
    if (!path.starts_with("$['")) return {};
    path.remove_prefix(3);
    const std::string_view name = path.substr(0, path.find("']"));
    return name.contains('\\') ? std::string_view{} : name;
}

}  // namespace

std::vector<std::string> member_names(const gateway::DocumentCondition& condition) {
    std::vector<std::string> names;
    for (const std::string& path : condition.read_paths()) {
        const std::string_view name = first_name(path);
        if (!name.empty() && name != "*" && std::ranges::find(names, name) == names.end()) names.emplace_back(name);
    }
    return names;
}

bool Condition::holds_for_fields(const http::FieldList& fields) const {
    std::string text;
    for (const gateway::ValueCondition& c : headers) {
        const bool there = value_in_any_spelling(fields, c.match().name, text);
        if (!c.holds(there ? std::optional<std::string_view>(text) : std::nullopt)) return false;
    }
    if (content_types.empty()) return true;
    return std::ranges::any_of(content_types, [&](const std::string& pattern) { return http::has_type(fields, pattern); });
}

bool Condition::holds_for_request(const http::FieldList& fields, std::string_view text) const {
    for (const gateway::ValueCondition& c : query) {
        if (!holds_for_query(c, text)) return false;
    }
    return holds_for_fields(fields);
}

bool Condition::holds_for_answer(int status, const http::FieldList& fields) const {
    const bool of_status = statuses.empty() || std::ranges::any_of(statuses, [&](const auto& range) { return status >= range.first && status <= range.second; });
    return of_status && holds_for_fields(fields);
}

}  // namespace portico::policy::transform
