// One stripe of the MemoryTable: an index by hash, a list by age, a mutex around both. See memory_table.h for what it
// promises.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "base/intrusive_list.h"
#include "policy/rate_limit/counters.h"
#include "policy/rate_limit/eviction_sketch.h"
#include "base/keyed_hash.h"
#include "policy/rate_limit/limit.h"
#include "policy/rate_limit/window_log.h"

namespace portico::policy::rate_limit {

class MemoryStripe {
  public:
    // `bytes` is the sum over all stripes, which shall stay below `max_bytes`.
    MemoryStripe(size_t max_keys, size_t max_bytes, std::atomic<int64_t>& bytes)
        : max_keys_(max_keys), max_bytes_(max_bytes), bytes_(bytes), index_(8), dropped_(max_keys) {}
    ~MemoryStripe();

    Decision charge(const Limit& limit, const Hash128& key, uint64_t cost, int64_t now);
    size_t keys() const;
    uint64_t evictions() const;

  private:
    // In the order of Algorithm.
    using State = std::variant<WindowLog, SlidingCounter, TokenBucket, FixedWindow>;
    struct Entry : ListHook<> {
        Hash128 key;
        Entry* next = nullptr;  // of the same slot
        int64_t gone = 0;       // when the last of its usage no longer counts
        uint32_t bytes = 0;     // what it was accounted for
        uint32_t own = 0;       // charged to it, or known of it; not what it is merely presumed to have used
        uint32_t moved = 0;     // when it last went to the end of the list, in steps of kMoveStep
        uint8_t windows = 0;
        uint8_t fullness = 0;  // the share of its tightest window that is used, of 255
        State first;
        std::unique_ptr<State[]> more;

        State& state(size_t i) { return i == 0 ? first : more[i - 1]; }
    };

    Entry*& slot(const Hash128& key) { return index_[key.high & (index_.size() - 1)]; }
    Entry& find_or_add(const Limit& limit, const Hash128& key, uint64_t cost, int64_t now);
    // Gives the entry a state for each window of the limit, keeping those that fit. A new one begins with what is known of the
    // key, or with what is presumed as far as that leaves room for `cost`.
    void shape(Entry& e, const Limit& limit, uint64_t cost, int64_t now);
    void account(Entry& e);
    void drop_expired(size_t slots, int64_t now);
    void touch(Entry& e, int64_t now);
    // Drops the least useful key but `spared`. @returns false if there is none
    bool evict(const Entry* spared, int64_t now);
    void drop(Entry& e);
    void grow_index();
    void keep_to_bytes(Entry& used, int64_t now);

    const size_t max_keys_;
    const size_t max_bytes_;
    std::atomic<int64_t>& bytes_;
    mutable std::mutex mutex_;
    std::vector<Entry*> index_;    // chains; its size is a power of two
    IntrusiveList<Entry> by_age_;  // the least recently used first, to about a second
    size_t keys_ = 0;
    size_t hand_ = 0;  // the slot whose expired keys are dropped next
    uint32_t calls_ = 0;
    uint64_t evictions_ = 0;
    EvictionSketch dropped_;
};

}  // namespace portico::policy::rate_limit
