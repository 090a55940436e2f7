// The character classes of HTTP and URIs as one table of bits: a byte is looked up once, whatever is asked of it.
// Layer 1.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace portico::http {

enum CharacterClass : uint8_t {
    kTokenChar = 1,        // RFC 9110 §5.6.2 tchar
    kFieldValueChar = 2,   // RFC 9110 §5.5: HTAB, SP, VCHAR, obs-text
    kTargetChar = 4,       // VCHAR without "#": what a request target may hold at all
    kPathChar = 8,         // RFC 3986 §3.3 pchar without "%", and "/"
    kUnreservedChar = 16,  // RFC 3986 §2.3
    kQuotedChar = 32,      // RFC 9110 §5.6.4 qdtext
};

constexpr std::array<uint8_t, 256> make_character_classes() {
    std::array<uint8_t, 256> table{};
    const auto mark = [&](std::string_view chars, int bits) {
        for (const char c : chars) table[static_cast<uint8_t>(c)] |= static_cast<uint8_t>(bits);
    };
    constexpr std::string_view kAlphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    mark(kAlphanumeric, kTokenChar | kPathChar | kUnreservedChar);
    mark("!#$%&'*+-.^_`|~", kTokenChar);
    mark("-._~", kPathChar | kUnreservedChar);
    mark("!$&'()*+,;=:@/", kPathChar);
    for (int c = 0; c < 256; ++c) {
        if (c == '\t' || (c >= 0x20 && c != 0x7F)) table[c] |= kFieldValueChar;
        if (c > 0x20 && c < 0x7F && c != '#') table[c] |= kTargetChar;
        if ((table[c] & kFieldValueChar) != 0 && c != '"' && c != '\\') table[c] |= kQuotedChar;
    }
    return table;
}

inline constexpr std::array<uint8_t, 256> kCharacterClasses = make_character_classes();

constexpr bool is(CharacterClass which, char c) {
    return (kCharacterClasses[static_cast<uint8_t>(c)] & which) != 0;
}

constexpr bool all_are(CharacterClass which, std::string_view text) {
    for (const char c : text) {
        if (!is(which, c)) return false;
    }
    return true;
}

}  // namespace portico::http
