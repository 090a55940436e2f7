// W3C Trace Context (https://www.w3.org/TR/trace-context/): reading `traceparent`; and request ids.
// Layer 1: randomness is an argument.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace portico::observe {

// xoshiro256**: fast, not for secrets. Seeded by its owner (one a worker).
class Random {
  public:
    explicit Random(uint64_t seed);
    uint64_t next();

  private:
    std::array<uint64_t, 4> state_;
};

inline constexpr size_t kRequestIdSize = 32;

struct TraceContext {
    std::array<char, 32> trace_id{};   // lower-case hex
    std::array<char, 16> parent_id{};  // the sender's span
    uint8_t flags = 0;                 // bit 0: sampled
    std::string_view trace() const { return {trace_id.data(), trace_id.size()}; }
};

// @returns none unless `value` is a valid traceparent (version 00 exactly; a higher version by its first four fields; ff and
//          all-zero ids refused)
std::optional<TraceContext> parse_traceparent(std::string_view value);
// A new request id: kRequestIdSize lower-case hex digits.
void write_request_id(Random& random, char* out);
// True where a client's X-Request-ID may be passed on: 1 to 128 of [A-Za-z0-9._-].
bool is_valid_request_id(std::string_view value);

}  // namespace portico::observe
