// How JSON writes numbers (RFC 8259 §6). Layer 1.
#pragma once

#include <string_view>

namespace portico::json {

// Whether the whole text is a number as JSON spells one.
bool is_number(std::string_view text);

}  // namespace portico::json
