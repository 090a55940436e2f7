// Numbers of JSON compared by value, whatever their length: as decimals, never as doubles. For json/ only.
#pragma once

#include <compare>
#include <string_view>

namespace portico::json {

// Both as JSON writes numbers (RFC 8259 §6). Exact; exponents beyond 10^17 on either side of zero count as that.
std::strong_ordering compare_numbers(std::string_view a, std::string_view b);

}  // namespace portico::json
