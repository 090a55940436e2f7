// Rules over a query's pairs: those that no rule touches stay as they were written, byte for byte. Pure.
#pragma once

#include <string_view>

#include "policy/transform/rules.h"

namespace portico::policy::transform {

// Names are compared decoded; a pair that holds several to a service that takes ";" for "&" goes with each of them.
// @returns the query, in the arena  @errors value_refused where replacing takes too long
Result<std::string_view> apply_query(const Rules& rules, const Rendered& values, std::string_view query, Arena& arena);

}  // namespace portico::policy::transform
