// Small, allocation-free text functions of the hot path. ASCII only: HTTP's case rules know no locale.
#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace portico {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Equal without regard to ASCII case.
inline bool iequals(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
        if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
    }
    return true;
}

inline std::string to_lower(std::string_view s) {
    std::string r(s);
    for (char& c : r) c = ascii_lower(c);
    return r;
}

// Without spaces and tabs at both ends (RFC 9110 §5.6.3 OWS).
inline std::string_view trim_ows(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    return s;
}

// A decimal number that fills the whole text: digits only, no sign; none on overflow.
template <class Int>
std::optional<Int> parse_decimal(std::string_view s) {
    if (s.empty() || s.front() < '0' || s.front() > '9') return std::nullopt;
    Int v{};
    auto [end, err] = std::from_chars(s.data(), s.data() + s.size(), v, 10);
    if (err != std::errc{} || end != s.data() + s.size()) return std::nullopt;
    return v;
}

// Calls f(element) for each element of a comma-separated list, without the white space around it; empty ones too.
template <class F>
void for_each_element(std::string_view list, F&& f) {
    for (size_t at = 0; at <= list.size();) {
        size_t comma = list.find(',', at);
        if (comma == std::string_view::npos) comma = list.size();
        f(trim_ows(list.substr(at, comma - at)));
        at = comma + 1;
    }
}

// Value of one hexadecimal digit, or -1.
constexpr int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Writes 16 lower-case hexadecimal digits.
inline void write_hex(uint64_t value, char* out) {
    const auto eight = [](uint64_t half, char* to) {
        // One digit a byte, the last one lowest; then each to its character, eight at once.
        half = (half | half << 16) & 0x0000FFFF0000FFFF;
        half = (half | half << 8) & 0x00FF00FF00FF00FF;
        half = (half | half << 4) & 0x0F0F0F0F0F0F0F0F;
        const uint64_t letters = ((half + 0x0606060606060606) >> 4) & 0x0101010101010101;
        half += 0x3030303030303030 + letters * ('a' - '0' - 10);
        half = __builtin_bswap64(half);
        std::memcpy(to, &half, sizeof half);
    };
    static_assert(std::endian::native == std::endian::little);
    eight(value >> 32, out);
    eight(value & 0xFFFFFFFF, out + 8);
}

// The candidate nearest to `word` by edit distance, if it is near enough to be a likely misspelling; else empty.
std::string_view nearest(std::string_view word, const std::string_view* candidates, size_t count);

}  // namespace portico
