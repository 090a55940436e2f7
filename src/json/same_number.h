// Decimal numbers compared exactly, as text: an identifier of 20 digits is not rounded to its neighbour. Pure.
#pragma once

#include <string_view>

namespace portico::json {

// Whether two JSON numbers (RFC 8259 §6) have the same value. Two that are equal but for an exponent beyond 18 digits count as
// different unless they are written alike.
// @requires both are numbers by that grammar
bool same_number(std::string_view a, std::string_view b);

// False for a number whose exponent has more digits than can be compared.
bool is_comparable(std::string_view number);

}  // namespace portico::json
