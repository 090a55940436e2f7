// What to say where YAML itself breaks on something that everyone will type (LANGUAGE.md §1): a template or a JSONPath
// without quotes inside a flow mapping.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/fault.h"

namespace portico::config {

struct SyntaxHint {
    Mark mark;         // of the value that wants quotes
    std::string hint;  // "put it in quotes: …" with the corrected line
};

// True where the indentation of a line (1-based) holds a tab.
bool line_begins_with_tab(std::string_view source, size_t line);

// @param line,context_line 1-based lines on which the reader gave up and where it had begun
std::optional<SyntaxHint> hint_for_syntax(std::string_view source, size_t line, size_t context_line);

}  // namespace portico::config
