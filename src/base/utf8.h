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

// What nobody sees but a terminal or a reader's eye obeys: controls (C0, DEL, C1), line and paragraph separators, and the marks that
// change the direction of the text around them (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+206F).
// @returns the size of the one that the text begins with, 0 where it begins with none
// @requires that the text is not empty
inline size_t hidden_character(std::string_view text) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
    const uint8_t lead = byte(0);
    if (lead < 0x20 || lead == 0x7F) return 1;
    if (lead == 0xC2) return byte(1) >= 0x80 && byte(1) <= 0x9F ? 2 : 0;
    if (lead == 0xD8) return byte(1) == 0x9C ? 2 : 0;
    if (lead != 0xE2) return 0;
    const uint8_t last = byte(2);
    const bool marks = byte(1) == 0x80 && (last == 0x8E || last == 0x8F || (last >= 0xA8 && last <= 0xAE));
    const bool isolates = byte(1) == 0x81 && last >= 0xA6 && last <= 0xAF;
    return marks || isolates ? 3 : 0;
}

// For a terminal and for lines of a log: a terminal does nothing for it, no part of it is a line of its own, and it reads in the order in
// which it is written. Hidden characters read `instead`, what is not UTF-8 a `?`.
inline std::string printable(std::string_view text, char instead) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto c = static_cast<unsigned char>(text.front());
        const Utf8Piece piece = c < 0x80 ? Utf8Piece{1, true} : utf8_piece(text);
        if (!piece.well_formed) out += '?';
        else if (hidden_character(text) > 0) out += instead;
        else out += text.substr(0, piece.size);
        text.remove_prefix(piece.size);
    }
    return out;
}

}  // namespace portico
