// Bytes that should be UTF-8 and come from somebody else: character by character, and what is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace portico {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

struct Utf8Piece {
    size_t size;  // bytes that belong together: a character, or a maximal ill-formed piece
    bool well_formed;
};

// What a text begins with (Table 3-7 of the Unicode Standard). @requires that it begins with a byte above 0x7F
inline Utf8Piece utf8_piece(std::string_view text) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
    const uint8_t lead = byte(0);
    size_t size = 0;
    uint8_t low = 0x80;
    uint8_t high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        size = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        size = 3;
        if (lead == 0xE0) low = 0xA0;   // overlong
        if (lead == 0xED) high = 0x9F;  // surrogates
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        size = 4;
        if (lead == 0xF0) low = 0x90;   // overlong
        if (lead == 0xF4) high = 0x8F;  // above U+10FFFF
    } else {
        return {1, false};
    }
    for (size_t i = 1; i < size; ++i) {
        if (byte(i) < low || byte(i) > high) return {i, false};
        low = 0x80;
        high = 0xBF;
    }
    return {size, true};
}

inline bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const Utf8Piece piece = static_cast<unsigned char>(text.front()) < 0x80 ? Utf8Piece{1, true} : utf8_piece(text);
        if (!piece.well_formed) return false;
        text.remove_prefix(piece.size);
    }
    return true;
}

// For a terminal and for lines of a log: a terminal does nothing for it, and no part of it is a line of its own. Controls (C0, DEL, C1) read
// `instead`, what is not UTF-8 a `?`.
inline std::string printable(std::string_view text, char instead) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto c = static_cast<unsigned char>(text.front());
        const Utf8Piece piece = c < 0x80 ? Utf8Piece{1, true} : utf8_piece(text);
        const bool is_control = c < 0x20 || c == 0x7F || (c == 0xC2 && piece.well_formed && static_cast<unsigned char>(text[1]) < 0xA0);
        if (is_control) out += instead;
        else if (piece.well_formed) out += text.substr(0, piece.size);
        else out += '?';
        text.remove_prefix(piece.size);
    }
    return out;
}

}  // namespace portico
