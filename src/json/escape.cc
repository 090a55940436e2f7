#include "json/escape.h"

#include "base/text.h"

namespace portico::json::detail {
namespace {

// @returns the value of four hexadecimal digits, which `at` moves behind, or UINT32_MAX with `at` where they end
uint32_t four_digits(const char*& at) {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at) {
        const int digit = hex_value(*at);
        if (digit < 0) return UINT32_MAX;
        code = code * 16 + static_cast<uint32_t>(digit);
    }
    return code;
}

// @returns bytes written
uint32_t put_utf8(uint32_t code, char* out) {
    const auto tail = [&](unsigned shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) {
        out[0] = static_cast<char>(code);
        return 1;
    }
    if (code < 0x800) {
        out[0] = static_cast<char>(0xC0 | (code >> 6));
        out[1] = tail(0);
        return 2;
    }
    if (code < 0x10000) {
        out[0] = static_cast<char>(0xE0 | (code >> 12));
        out[1] = tail(6);
        out[2] = tail(0);
        return 3;
    }
    out[0] = static_cast<char>(0xF0 | (code >> 18));
    out[1] = tail(12);
    out[2] = tail(6);
    out[3] = tail(0);
    return 4;
}

bool is_high(uint32_t code) {
    return code >= 0xD800 && code <= 0xDBFF;
}
bool is_low(uint32_t code) {
    return code >= 0xDC00 && code <= 0xDFFF;
}

// Behind the `u`.
Escape decode_code(const char* at, char* out, LoneSurrogates lone_surrogates) {
    uint32_t code = four_digits(at);
    if (code == UINT32_MAX) return {at, 0};
    if (is_high(code) && at[0] == '\\' && at[1] == 'u') {
        const char* second = at + 2;
        const uint32_t low = four_digits(second);
        if (low == UINT32_MAX) return {second, 0};
        if (is_low(low)) return {second, put_utf8(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), out)};
        // What follows stands for itself.
    }
    if (is_high(code) || is_low(code)) {
        if (lone_surrogates == LoneSurrogates::refuse) return {at, 0, ParseError::Reason::lone_surrogate};
        code = 0xFFFD;
    }
    return {at, put_utf8(code, out)};
}

}  // namespace

Escape decode_escape(const char* at, char* out, LoneSurrogates lone_surrogates) {
    char c = *at;
    switch (c) {
        case '"':
        case '\\':
        case '/': break;
        case 'b': c = '\b'; break;
        case 'f': c = '\f'; break;
        case 'n': c = '\n'; break;
        case 'r': c = '\r'; break;
        case 't': c = '\t'; break;
        case 'u': return decode_code(at + 1, out, lone_surrogates);
        default: return {at, 0};
    }
    *out = c;
    return {at + 1, 1};
}

}  // namespace portico::json::detail
