#include "policy/rate_limit/eviction_sketch.h"

#include <algorithm>
#include <bit>

namespace portico::policy::rate_limit {

EvictionSketch::EvictionSketch(size_t keys) : row_(std::bit_ceil(std::max<size_t>(keys / 2, 64))) {}

size_t EvictionSketch::cell(const Hash128& key, size_t window, size_t row) const {
    // Four cells from two independent halves; the odd factors spread the windows of one key.
    const uint64_t h = key.low + (key.high | 1) * (row + 1) + window * 0x9e3779b97f4a7c15;
    return row * row_ + ((h ^ (h >> 32)) & (row_ - 1));
}

void EvictionSketch::remember(const Hash128& key, size_t window, Usage usage, int64_t now) {
    if (usage.used == 0 || usage.gone <= now) return;
    if (gone_.empty()) {
        gone_.resize(kRows * row_);
        used_.resize(kRows * row_);
    }
    for (size_t row = 0; row < kRows; ++row) {
        const size_t c = cell(key, window, row);
        if (gone_[c] <= now) used_[c] = 0;
        gone_[c] = std::max(gone_[c], usage.gone);
        used_[c] = static_cast<uint32_t>(std::clamp<uint64_t>(usage.used, used_[c], UINT32_MAX));
    }
}

EvictionSketch::Usage EvictionSketch::recall(const Hash128& key, size_t window, int64_t now) const {
    if (gone_.empty()) return {};
    Usage least{UINT32_MAX, INT64_MAX};
    for (size_t row = 0; row < kRows; ++row) {
        const size_t c = cell(key, window, row);
        if (gone_[c] <= now) return {};
        least.gone = std::min(least.gone, gone_[c]);
        least.used = std::min<uint64_t>(least.used, used_[c]);
    }
    return least;
}

}  // namespace portico::policy::rate_limit
