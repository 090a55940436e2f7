// Decimal numbers compared exactly, as text: an identifier of 20 digits is not rounded to its neighbour. Pure.
#pragma once

#include <string_view>

namespace portico::policy::authorize {

// Whether two JSON numbers (RFC 8259 §6) have the same value. Two that are equal but for an exponent beyond 18 digits count as
// different unless they are written alike.
bool same_number(std::string_view a, std::string_view b);

}  // namespace portico::policy::authorize
