// Base64url as JOSE spells it (RFC 4648 §5, RFC 7515 §2): no padding, no white space, no bits left over. Each byte string has
// exactly one spelling; every other one is refused. Where padding is taken, it is cut off first. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace portico {

// Bytes that `text` decodes to if it is well formed.
constexpr size_t base64url_decoded_size(size_t text_size) {
    return text_size / 4 * 3 + (text_size % 4 == 0 ? 0 : text_size % 4 - 1);
}
// Writes base64url_decoded_size(text.size()) bytes to the start of `out`, which has room for them.
// @returns whether `text` is canonical; else what was written means nothing
bool base64url_decode(std::string_view text, std::span<uint8_t> out);
std::optional<std::string> base64url_decode(std::string_view text);

// Without the padding that fills the last group of four letters up (RFC 4648 §4). Padding that is too much or too little stays, and no
// decoder takes it.
std::string_view without_padding(std::string_view text);

void append_base64url(std::string& out, std::string_view bytes);

}  // namespace portico
