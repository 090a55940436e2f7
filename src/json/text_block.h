// The memory of a document: its text, and room for what a reader finds in it. For document.cc and text_reader.cc only.
#pragma once

#include <expected>
#include <string_view>

#include "json/document.h"

namespace portico::json::detail {

// Zeros behind the text: they end every scan, so that no loop asks where the text ends, and let eight bytes be read at once.
inline constexpr size_t kPadding = 8;

// A block with one reference, the text in it, and room for as many nodes and decoded bytes as there can be.
// @errors too_large, byte_order_mark, not_utf8; too_costly where nothing more may be spent (base/meter.h) or held (base/held.h)
std::expected<Block*, ParseError> make_block(std::string_view text, const ParseOptions& options);
// Drops what that was too generous with. @returns where the block is now
Block* shrink(Block* block, uint32_t used, uint32_t decoded_size);
void free_block(Block* block);

}  // namespace portico::json::detail
