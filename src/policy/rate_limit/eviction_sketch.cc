#include "policy/rate_limit/eviction_sketch.h"

#include <algorithm>
#include <bit>

namespace portico::policy::rate_limit {
namespace {

uint32_t owner_of(const Hash128& key, size_t window) {
    return static_cast<uint32_t>(key.high >> 32) + static_cast<uint32_t>(window);
}

}  // namespace

EvictionSketch::EvictionSketch(size_t keys) : row_(std::bit_ceil(std::max<size_t>(keys / 2, 128))) {}

size_t EvictionSketch::index(const Hash128& key, size_t window, size_t row) const {
    // Four cells from two independent halves; the odd factor spreads the windows of one key.
    const uint64_t h = key.low + (key.high | 1) * (row + 1) + window * 0x9e3779b97f4a7c15;
    return row * row_ + ((h ^ (h >> 32)) & (row_ - 1));
}

void EvictionSketch::remember(const Hash128& key, size_t window, uint64_t used, int64_t gone, int64_t now) {
    if (used == 0 || gone <= now) return;
    if (cells_.empty()) cells_.resize(kRows * row_);
    const uint32_t owner = owner_of(key, window);
    for (size_t row = 0; row < kRows; ++row) {
        Cell& c = cells_[index(key, window, row)];
        if (c.gone <= now) c = {};
        c.gone = std::max(c.gone, gone);
        if (c.used > used && c.owner != owner) continue;
        c.used = static_cast<uint32_t>(std::min<uint64_t>(used, UINT32_MAX));
        c.owner = owner;
    }
}

EvictionSketch::Usage EvictionSketch::recall(const Hash128& key, size_t window, int64_t now) const {
    if (cells_.empty()) return {};
    Usage usage{UINT32_MAX, INT64_MAX, false};
    const uint32_t owner = owner_of(key, window);
    for (size_t row = 0; row < kRows; ++row) {
        const Cell& c = cells_[index(key, window, row)];
        if (c.gone <= now) return {};
        usage.gone = std::min(usage.gone, c.gone);
        if (c.owner == owner) usage = {c.used, usage.gone, true};
        if (!usage.known) usage.used = std::min<uint64_t>(usage.used, c.used);
    }
    return usage;
}

}  // namespace portico::policy::rate_limit
