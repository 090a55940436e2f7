// The three algorithms whose state is a few numbers: fixed window, sliding counter, token bucket. Numbers in, time
// passed in; instants and durations are microseconds, costs and counts are units of the limit. Pure.
//
// Each state (and WindowLog) offers the same five functions, which decide.h calls in this order:
//   settle(window, now)           brings the state to `now` and to the window's present numbers
//   used()                        units in use; a cost passes while used + cost <= capacity
//   until(window, target, now)    how long until used <= target, if nothing is charged; 0 if it is so now
//   charge(window, cost, now)     takes the cost
//   gone(window)                  the instant when nothing will be used
// Between settle and the others `now` does not change. Counts stop at kMaxCount.
//
// Changed numbers (a reload, or a client's quota that varies):
//   quota or burst       used stays as it is, in units; the new capacity holds at once
//   window, fixed        the count moves into the new window of `now`
//   window, counter      the estimate moves into the new window of `now`
//   window, bucket       the units in use stay and drain at the new rate
// Time that runs backwards stands still for a state, unless by more than a window and kClockSlack: then the clock was
// set, and the usage is kept and counted from the new time on. The slack is for threads that read the clock early.
#pragma once

#include <cstdint>

#include "policy/rate_limit/limit.h"

namespace portico::policy::rate_limit {

inline constexpr uint64_t kMaxCount = UINT32_MAX;
inline constexpr int64_t kClockSlack = 1'000'000;

inline uint32_t add_count(uint64_t a, uint64_t b) {
    return static_cast<uint32_t>(a + b < kMaxCount ? a + b : kMaxCount);
}

class FixedWindow {
  public:
    FixedWindow() = default;
    FixedWindow(int64_t start, int64_t length, uint64_t count)
        : start_(start), length_(length), count_(add_count(count, 0)) {}

    void settle(const Window& w, int64_t now);
    uint64_t used() const { return count_; }
    int64_t until(const Window&, uint64_t target, int64_t now) const {
        return count_ <= target ? 0 : start_ + length_ - now;
    }
    void charge(const Window&, uint64_t cost, int64_t) { count_ = add_count(count_, cost); }
    int64_t gone(const Window&) const { return start_ + length_; }

  private:
    int64_t start_ = 0;  // a multiple of length_
    int64_t length_ = 0;
    uint32_t count_ = 0;
};

// Between two boundaries, what the window before counted is taken as spread evenly over it.
class SlidingCounter {
  public:
    SlidingCounter() = default;
    SlidingCounter(int64_t start, int64_t length, uint64_t current, uint64_t previous)
        : start_(start), length_(length), current_(add_count(current, 0)), previous_(add_count(previous, 0)) {}

    void settle(const Window& w, int64_t now);
    uint64_t used() const { return current_ + slope(); }
    int64_t until(const Window&, uint64_t target, int64_t now) const;
    void charge(const Window&, uint64_t cost, int64_t) { current_ = add_count(current_, cost); }
    int64_t gone(const Window&) const { return start_ + length_ + (current_ > 0 ? length_ : 0); }

  private:
    uint64_t slope() const;

    int64_t start_ = 0;  // a multiple of length_
    int64_t length_ = 0;
    uint32_t current_ = 0;
    uint32_t previous_ = 0;
    int64_t elapsed_ = 0;  // of the current window, as of settle
};

// GCRA. The debt is the time that the bucket needs to be full again, kept exactly: whole microseconds and a remainder
// in parts of 1/quota. A unit is worth length/quota.
class TokenBucket {
  public:
    TokenBucket() = default;
    TokenBucket(int64_t seen, int64_t debt, uint64_t part, uint64_t quota, int64_t length)
        : seen_(seen),
          debt_(debt),
          length_(length),
          part_(static_cast<uint32_t>(part)),
          quota_(static_cast<uint32_t>(quota)) {}
    // A bucket out of which `used` units were taken at `now`, or fewer, so that it is full after `most` microseconds.
    static TokenBucket of_used(const Window& w, uint64_t used, int64_t now, int64_t most = INT64_MAX);

    void settle(const Window& w, int64_t now);
    uint64_t used() const;
    int64_t until(const Window& w, uint64_t target, int64_t now) const;
    // Never deeper than an empty bucket, unless it already was.
    void charge(const Window& w, uint64_t cost, int64_t now);
    int64_t gone(const Window&) const { return seen_ + debt_ + (part_ > 0 ? 1 : 0); }

  private:
    void add(uint64_t units);

    int64_t seen_ = 0;
    int64_t debt_ = 0;
    int64_t length_ = 0;
    uint32_t part_ = 0;
    uint32_t quota_ = 0;
};

}  // namespace portico::policy::rate_limit
