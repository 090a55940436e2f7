#include "redis/slots.h"

#include <array>

namespace portico::redis {
namespace {

constexpr std::array<uint16_t, 256> make_table() {
    std::array<uint16_t, 256> table{};
    for (unsigned i = 0; i < 256; ++i) {
        unsigned crc = i << 8;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
        table[i] = static_cast<uint16_t>(crc);
    }
    return table;
}
constexpr auto kTable = make_table();

}  // namespace

uint16_t crc16(std::string_view bytes) {
    unsigned crc = 0;
    for (char c : bytes) crc = (crc << 8 ^ kTable[(crc >> 8 ^ static_cast<uint8_t>(c)) & 0xff]) & 0xffff;
    return static_cast<uint16_t>(crc);
}

uint16_t slot_of(std::string_view key) {
    if (const size_t open = key.find('{'); open != std::string_view::npos) {
        const size_t close = key.find('}', open + 1);
        if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
    }
    return crc16(key) % kSlots;
}

}  // namespace portico::redis
