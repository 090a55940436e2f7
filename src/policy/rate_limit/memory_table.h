// The counters of every limit without a store, and of those whose store is out of reach: one object for the process,
// which all workers ask. It knows neither requests nor configuration.
//
// Thread-safe. It is cut into stripes by the hash of the key, and a call holds one stripe's mutex for a fraction of a
// microsecond (exceptions: a stripe's index or a long log doubling). The counts are exact across workers.
//
// Keys: only a keyed 128-bit hash of (limit's name, client's key) is kept. The key of the hash is the process's secret,
// so nobody can aim a collision, and by chance one among 2^32 keys has a probability of 2^-65; in return every key
// costs the same and no client's address or token lies in this memory.
//
// Bounds: `keys` and `bytes`. Expired keys are dropped a few at a time by the calls themselves. Over a bound one of the
// keys that were not used for longest goes, and among the eight oldest the one that is furthest from its limit: a flood
// of new keys does not push out the clients who are limited. What an evicted key had used is remembered in a sketch
// (eviction_sketch.h): when it comes back it has at least that usage, until that would have expired.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "policy/rate_limit/limit.h"

namespace portico::policy::rate_limit {

class MemoryStripe;

struct MemoryBounds {
    size_t keys = 1'000'000;
    // Of the keys' counters. The index and the sketch come on top: at most 48 bytes for each of `keys`, taken as they
    // are used.
    size_t bytes = 256u << 20;
};

class MemoryTable {
  public:
    // `seed`: random, and secret to clients.
    MemoryTable(MemoryBounds bounds, HashKey seed);
    ~MemoryTable();

    // Decides about one request and charges it. `limit` has no flaw (flaw_in). A cost of 0 always passes and charges
    // nothing. `now` is monotonic; calls of several threads may be a little out of order.
    Decision charge(const Limit& limit, std::string_view client, uint64_t cost, Micros now);

    size_t keys() const;
    size_t bytes() const;
    // Keys dropped before their usage had expired, since the start.
    uint64_t evictions() const;

  private:
    HashKey seed_;
    size_t max_bytes_;
    std::atomic<int64_t> bytes_{0};
    std::vector<std::unique_ptr<MemoryStripe>> stripes_;
};

}  // namespace portico::policy::rate_limit
