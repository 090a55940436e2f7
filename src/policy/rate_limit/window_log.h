// The exact log of one window: when what was charged. Pure; microseconds and units as in counters.h, whose five
// functions it offers.
//
// Exact means: in no window of the length, wherever it begins, does more than the quota pass. A request is kept with
// its own microsecond, and what it used is free again one window later. Requests that come closer together than a
// quantum share an entry, which is freed as late as its latest request: units may be held longer than the window by up
// to one quantum, never shorter. (In Redis each request has an entry of its own: redis_script.h.) The quantum is 1 ms,
// or a 65,536th of longer windows (1.3 s for a day), or a sixteenth of windows below 16 ms. So a log has at most 65,538
// entries of 8 bytes, whatever the quota (one more for each 2^20 units in it); 5 requests take 64.
//
// A changed window applies to what the log holds: shortened, older entries go at once; lengthened, what had already
// been freed does not come back.
#pragma once

#include <cstdint>
#include <memory>

#include "policy/rate_limit/counters.h"
#include "policy/rate_limit/limit.h"

namespace portico::policy::rate_limit {

// The quantum of a window, in microseconds.
int64_t log_quantum(int64_t window);

class WindowLog {
  public:
    void settle(const Window& w, int64_t now);
    uint64_t used() const { return total_; }
    int64_t until(const Window& w, uint64_t target, int64_t now) const;
    void charge(const Window& w, uint64_t cost, int64_t now);
    int64_t gone(const Window& w) const { return newest_ + w.length.count(); }

    // Forgets its times but not its count: all of it counts from `at` on.
    void restamp(uint64_t units, int64_t at);
    // Halves the entries; units of the earlier of two are freed with the later one.
    void coarsen();
    size_t bytes() const { return capacity_ * sizeof(uint64_t); }
    size_t entries() const { return size_; }

  private:
    // An entry: the low 44 bits of its instant (203 days go round, a window has at most 31), then 20 bits of count.
    static constexpr uint64_t kCountBits = 20;
    static constexpr uint64_t kMaxEntry = (1u << kCountBits) - 1;
    static constexpr uint64_t kStampMask = (uint64_t{1} << (64 - kCountBits)) - 1;
    static uint64_t pack(int64_t at, uint64_t count) { return static_cast<uint64_t>(at) << kCountBits | count; }

    uint64_t& entry(size_t i) const { return ring_[(head_ + i) & (capacity_ - 1)]; }
    int64_t stamp(size_t i) const {
        return newest_ - static_cast<int64_t>((static_cast<uint64_t>(newest_) - (entry(i) >> kCountBits)) & kStampMask);
    }
    uint64_t count(size_t i) const { return entry(i) & kMaxEntry; }
    void clear();
    void push(int64_t at, uint64_t units);
    void resize(size_t capacity);

    std::unique_ptr<uint64_t[]> ring_;
    int64_t newest_ = 0;
    uint32_t capacity_ = 0;  // a power of two, or 0
    uint32_t head_ = 0;
    uint32_t size_ = 0;
    uint32_t total_ = 0;
    uint32_t span_ = 0;  // of the newest entry: its last instant less its first
};

}  // namespace portico::policy::rate_limit
