// What the table remembers of keys that it had to drop: for each window how much was used and until when that counts. It is a
// count-min sketch that keeps maxima, so it never says less than what a dropped key had used. Pure; it belongs to one stripe.
//
// Error: a key that was never dropped, or dropped with less, is given the usage of others if all four of its cells are taken by
// keys with more. With m dropped keys whose usage still counts, for a table of n keys, the chance is (1 - e^(-2m/n))^4: 0.2 %
// where m is an eighth of n, 16 % at half of it, 56 % at n. Most floods drop keys with a single request, which then is all that a
// newcomer is charged by mistake. Where a limit has several windows, the time of the longest is kept for all of them.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/rate_limit/keyed_hash.h"

namespace portico::policy::rate_limit {

class EvictionSketch {
  public:
    struct Usage {
        uint64_t used = 0;  // 0: nothing is known
        int64_t gone = 0;   // the instant (µs) from which it no longer counts
    };

    // For a stripe of at most `keys` keys. Takes its memory, 24 bytes a key, at the first remember().
    explicit EvictionSketch(size_t keys);

    void remember(const Hash128& key, size_t window, Usage usage, int64_t now);
    Usage recall(const Hash128& key, size_t window, int64_t now) const;

  private:
    static constexpr size_t kRows = 4;
    size_t cell(const Hash128& key, size_t window, size_t row) const;

    size_t row_;  // cells a row, a power of two
    std::vector<int64_t> gone_;
    std::vector<uint32_t> used_;
};

}  // namespace portico::policy::rate_limit
