// What is read out of an Authorization field holds no control character, and has one spelling.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "policy/basic/credentials.h"

namespace {

std::string encode(std::string_view text) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < text.size(); i += 3) {
        uint32_t bits = 0;
        const size_t n = text.size() - i < 3 ? text.size() - i : 3;
        for (size_t j = 0; j < 3; ++j) bits = (bits << 8) | (j < n ? static_cast<uint8_t>(text[i + j]) : 0u);
        for (size_t j = 0; j < 4; ++j) out += j <= n ? kAlphabet[(bits >> (18 - 6 * j)) & 63] : '=';
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace portico;
    const std::string value(reinterpret_cast<const char*>(data), size);
    Arena arena;
    const auto c = policy::basic::read_credentials(value, arena);
    if (!c) return 0;
    const std::string both = std::string(c->user) + ":" + std::string(c->password);
    PORTICO_CHECK(!c->user.empty() && c->user.find(':') == std::string_view::npos);
    for (const char b : both) PORTICO_CHECK(static_cast<uint8_t>(b) >= 0x20 && b != 0x7F);
    PORTICO_CHECK(value.ends_with(" " + encode(both)));
    return 0;
}
