// What the table remembers of keys that it had to drop: for each window how much was used and until when that counts.
// Pure; it belongs to one stripe.
//
// Four rows of cells; a key has one cell in each. A cell belongs to the key with the most usage of those that fall on
// it, and what a key had used is known as long as one of its cells belongs to it. Else it is presumed to have used what
// the least of its four cells says, which is at least what it had used when it was dropped.
//
// Error, for m dropped keys whose usage still counts, in a table of n keys. A key that was never dropped is presumed to
// have used something if its four cells all belong to others: a chance of (1 - e^(-2m/n))^4, 0.2 % where m is an eighth
// of n, 16 % at half of it, 56 % at n; and it is then charged the least of four. A flood drops keys of a single request
// each, so that is one unit. Too little is known of a key only if it was dropped twice, and between that its cells all
// went to keys with more: then its usage of before and after are not added up. Where a limit has several windows, the
// time of the longest counts for all.
#pragma once

#include <cstdint>
#include <vector>

#include "base/keyed_hash.h"

namespace portico::policy::rate_limit {

class EvictionSketch {
  public:
    struct Usage {
        uint64_t used = 0;   // 0: nothing
        int64_t gone = 0;    // the instant (µs) from which it no longer counts
        bool known = false;  // of this key, not presumed
    };

    // For a stripe of at most `keys` keys. Takes its memory, 32 bytes a key, at the first remember().
    explicit EvictionSketch(size_t keys);

    void remember(const Hash128& key, size_t window, uint64_t used, int64_t gone, int64_t now);
    Usage recall(const Hash128& key, size_t window, int64_t now) const;

  private:
    static constexpr size_t kRows = 4;
    struct Cell {
        int64_t gone = 0;
        uint32_t used = 0;
        uint32_t owner = 0;  // a piece of the key's hash
    };
    size_t index(const Hash128& key, size_t window, size_t row) const;

    size_t row_;  // cells a row, a power of two
    std::vector<Cell> cells_;
};

}  // namespace portico::policy::rate_limit
