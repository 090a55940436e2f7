#include "base/base64url.h"

#include <array>

namespace portico {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
// Above every 24-bit value: a letter that is none.
constexpr uint32_t kBad = 0x01000000;

// The six bits of each letter, in place: four look-ups and three ORs decode four letters.
template <unsigned Shift>
constexpr std::array<uint32_t, 256> make_table() {
    std::array<uint32_t, 256> table{};
    table.fill(kBad);
    for (uint32_t i = 0; i < 64; ++i) table[static_cast<uint8_t>(kAlphabet[i])] = i << Shift;
    return table;
}
constexpr auto kFirst = make_table<18>();
constexpr auto kSecond = make_table<12>();
constexpr auto kThird = make_table<6>();
constexpr auto kFourth = make_table<0>();

}  // namespace

bool base64url_decode(std::string_view text, std::span<uint8_t> out) {
    const auto* in = reinterpret_cast<const uint8_t*>(text.data());
    uint8_t* to = out.data();
    uint32_t seen = 0;
    for (size_t n = text.size() / 4; n > 0; --n, in += 4, to += 3) {
        const uint32_t word = kFirst[in[0]] | kSecond[in[1]] | kThird[in[2]] | kFourth[in[3]];
        seen |= word;
        to[0] = static_cast<uint8_t>(word >> 16);
        to[1] = static_cast<uint8_t>(word >> 8);
        to[2] = static_cast<uint8_t>(word);
    }
    switch (text.size() % 4) {
        case 0: break;
        case 2: {
            const uint32_t word = kFirst[in[0]] | kSecond[in[1]];
            to[0] = static_cast<uint8_t>(word >> 16);
            seen |= word;
            if ((word & 0xFFFF) != 0) return false;  // bits left over
            break;
        }
        case 3: {
            const uint32_t word = kFirst[in[0]] | kSecond[in[1]] | kThird[in[2]];
            to[0] = static_cast<uint8_t>(word >> 16);
            to[1] = static_cast<uint8_t>(word >> 8);
            seen |= word;
            if ((word & 0xFF) != 0) return false;
            break;
        }
        default: return false;
    }
    return (seen & kBad) == 0;
}

std::optional<std::string> base64url_decode(std::string_view text) {
    std::string bytes(base64url_decoded_size(text.size()), '\0');
    if (!base64url_decode(text, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()})) return std::nullopt;
    return bytes;
}

std::string_view without_padding(std::string_view text) {
    if (text.size() % 4 != 0 || !text.ends_with('=')) return text;
    text.remove_suffix(1);
    if (text.ends_with('=')) text.remove_suffix(1);
    return text;
}

void append_base64url(std::string& out, std::string_view bytes) {
    const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
    const auto put = [&](uint32_t word, unsigned letters) {
        for (unsigned i = 0; i < letters; ++i) out += kAlphabet[(word >> (18 - 6 * i)) & 63];
    };
    size_t i = 0;
    for (; i + 3 <= bytes.size(); i += 3) put(at(i) << 16 | at(i + 1) << 8 | at(i + 2), 4);
    if (bytes.size() - i == 1) put(at(i) << 16, 2);
    if (bytes.size() - i == 2) put(at(i) << 16 | at(i + 1) << 8, 3);
}

}  // namespace portico
