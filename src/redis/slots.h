// Which of a cluster's 16384 slots a key stands in.
// @spec https://redis.io/docs/reference/cluster-spec, "Key distribution model"
#pragma once

#include <cstdint>
#include <string_view>

namespace portico::redis {

inline constexpr uint16_t kSlots = 16384;

// CRC-16/XMODEM.
uint16_t crc16(std::string_view bytes);
// By the text between the first '{' and the next '}' where there is any, so that keys can be kept together.
uint16_t slot_of(std::string_view key);

}  // namespace portico::redis
