// A compiled JSONPath written in its one spelling. For json/path/path*.cc only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/path/path_program.h"

namespace portico::json::detail {

// Of its query or condition.
std::string text_of(const PathProgram& program);
// The queries that a condition asks of roots.
std::vector<std::string> queries_of(const PathProgram& program);
// A string in single quotes, escaped as normalized paths are (RFC 9535 §2.7).
void append_quoted(std::string& out, std::string_view text);

}  // namespace portico::json::detail
