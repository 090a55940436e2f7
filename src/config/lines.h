// The lines of a file as the reader of YAML counts them, so that marks, hints and what is shown of a file mean the same ones: they end at
// CR, LF, CR LF, and at YAML 1.1's NEL, LS and PS.
#pragma once

#include <string_view>
#include <vector>

namespace portico::config {

// Without their breaks; at least one. Views into `source`.
std::vector<std::string_view> lines_of(std::string_view source);

}  // namespace portico::config
