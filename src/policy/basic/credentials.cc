#include "policy/basic/credentials.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "http/credential.h"

namespace portico::policy::basic {
namespace {

constexpr std::string_view kScheme = "basic";
constexpr size_t kLongest = 2048;
constexpr uint8_t kNoDigit = 64;

constexpr std::array<uint8_t, 256> make_digits() {
    std::array<uint8_t, 256> table{};
    table.fill(kNoDigit);
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < kAlphabet.size(); ++i) table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
    return table;
}
constexpr std::array<uint8_t, 256> kDigits = make_digits();

std::optional<std::string_view> decode(std::string_view text, Arena& arena) {
    if (text.empty() || text.size() % 4 != 0) return std::nullopt;
    const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    text.remove_suffix(padding);
    char* const begin = arena.chars(text.size()).data();
    char* out = begin;
    uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const uint8_t digit = kDigits[static_cast<uint8_t>(c)];
        if (digit == kNoDigit) return std::nullopt;
        bits = (bits << 6) | digit;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        *out++ = static_cast<char>((bits >> held) & 0xFF);
    }
    // Bits behind the last byte must be zero, or several texts would stand for the same bytes.
    if ((bits & ((1u << held) - 1)) != 0) return std::nullopt;
    return std::string_view(begin, static_cast<size_t>(out - begin));
}

}  // namespace

bool is_basic(std::string_view value) { return http::behind_scheme(value, kScheme).has_value(); }

std::optional<Credentials> read_credentials(std::string_view value, Arena& arena) {
    if (value.size() > kLongest) return std::nullopt;
    const auto encoded = http::behind_scheme(value, kScheme);
    // A "/", by which some may separate a scheme, is a digit of base64 too: what stands behind another separator is no credential.
    if (!encoded || !value.substr(kScheme.size()).starts_with(' ')) return std::nullopt;
    const auto text = decode(*encoded, arena);
    if (!text) return std::nullopt;
    const auto is_control = [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; };
    if (std::ranges::any_of(*text, is_control)) return std::nullopt;
    const size_t colon = text->find(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

}  // namespace portico::policy::basic
