#include "observe/trace_context.h"

#include <cstring>

#include "base/text.h"

namespace portico::observe {
namespace {


// Lower-case hex only, and not all zeros where an id is wanted.
bool is_lower_hex(std::string_view s) {
    for (const char c : s) {
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}
bool is_id(std::string_view s) { return is_lower_hex(s) && s.find_first_not_of('0') != std::string_view::npos; }

constexpr uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

}  // namespace

Random::Random(uint64_t seed) {
    // splitmix64, as xoshiro's authors advise for seeding.
    for (uint64_t& s : state_) {
        seed += 0x9e3779b97f4a7c15;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        s = z ^ (z >> 31);
    }
}

uint64_t Random::next() {
    const uint64_t result = rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotl(state_[3], 45);
    return result;
}

static constexpr size_t kTraceParentSize = 55;  // of version 00

std::optional<TraceContext> parse_traceparent(std::string_view v) {
    if (v.size() < kTraceParentSize || v[2] != '-' || v[35] != '-' || v[52] != '-') return std::nullopt;
    const std::string_view version = v.substr(0, 2), flags = v.substr(53, 2);
    if (!is_lower_hex(version) || version == "ff" || !is_lower_hex(flags)) return std::nullopt;
    if (version == "00" ? v.size() != kTraceParentSize : (v.size() > kTraceParentSize && v[55] != '-')) return std::nullopt;
    if (!is_id(v.substr(3, 32)) || !is_id(v.substr(36, 16))) return std::nullopt;
    TraceContext t;
    std::memcpy(t.trace_id.data(), v.data() + 3, 32);
    std::memcpy(t.parent_id.data(), v.data() + 36, 16);
    t.flags = static_cast<uint8_t>(hex_value(flags[0]) * 16 + hex_value(flags[1]));
    return t;
}

void write_request_id(Random& random, char* out) {
    write_hex(random.next(), out);
    write_hex(random.next(), out + 16);
}

bool is_valid_request_id(std::string_view v) {
    if (v.empty() || v.size() > 128) return false;
    for (const char c : v) {
        const bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
        if (!ok) return false;
    }
    return true;
}

}  // namespace portico::observe
