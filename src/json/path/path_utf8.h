// Characters of text that is known to be UTF-8. For json/path/path*.cc only.
#pragma once

#include <cstddef>
#include <string_view>

namespace portico::json::detail {

// @returns the bytes of the character that begins with `lead`
constexpr size_t utf8_size(char lead) {
    const auto byte = static_cast<unsigned char>(lead);
    return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

constexpr size_t utf8_length(std::string_view text) {
    size_t characters = 0;
    for (const char c : text) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return characters;
}

// Where the first byte stands that is part of no character. @returns text.size() where there is none
size_t first_bad_utf8(std::string_view text);

}  // namespace portico::json::detail
