// The reading half of json/document: text in, a Document's block out. For document.cc only.
#pragma once

#include <expected>
#include <string_view>

#include "json/document.h"

namespace portico::json::detail {

// @returns a block with one reference, which free_block() (json/text_block.h) takes back
std::expected<Block*, ParseError> read_text(std::string_view text, const ParseOptions& options);

}  // namespace portico::json::detail
