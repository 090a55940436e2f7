// Rules over a message's headers. Pure but for the lists that it changes.
#pragma once

#include <span>
#include <string_view>

#include "gateway/policy.h"
#include "http/fields.h"
#include "policy/transform/rules.h"

namespace portico::policy::transform {

struct HeaderTarget {
    // What there is; new fields go to the last list.
    std::span<http::FieldList* const> lists;
    // True for a header that only the gateway may set: what is copied or renamed from one takes its place even where it has none,
    // so that no client's stays there.
    bool (*is_managed)(const void* who, std::string_view name) = nullptr;
    const void* who = nullptr;
};

// Names are compared in every spelling (http::is_same_name): what a rule leaves is not what it was written against.
// @errors value_refused where a replaced value cannot stand in a header, or replacing takes too long
Result<void> apply_headers(const Rules& rules, const Rendered& values, const HeaderTarget& target, Arena& arena);

// What the rules do to fields of this name, whatever their values.
gateway::FieldRule rule_for(const Rules& rules, std::string_view name);

// True for headers that describe the message's form, not its content, and for those of one hop: no rule may touch them.
bool is_of_form(std::string_view name);

}  // namespace portico::policy::transform
