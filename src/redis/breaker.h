// When to leave a failing server alone, and when to ask it again. Numbers only: no clock, and randomness comes from a seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/clock.h"

namespace portico::redis {

// Opens after a number of failures with no success between them.
class Breaker {
  public:
    explicit Breaker(uint32_t threshold) : threshold_(threshold) {}
    bool open() const { return open_; }
    // @returns true when this one opened it
    bool failed() {
        if (failures_ < threshold_) ++failures_;
        return failures_ >= threshold_ && !std::exchange(open_, true);
    }
    // @returns true when this one closed it
    bool succeeded() {
        failures_ = 0;
        return std::exchange(open_, false);
    }

  private:
    uint32_t threshold_;
    uint32_t failures_ = 0;
    bool open_ = false;
};

// Delays that double up to a bound, each taken at random from the upper half of its span, so that many clients of one server
// do not come back together.
class Backoff {
  public:
    Backoff(Duration first, Duration most, uint64_t seed) : first_(first), most_(most), random_(seed | 1) {}
    void reset() { tries_ = 0; }
    bool fresh() const { return tries_ == 0; }
    // @returns between half of min(first * 2^tries, most) and all of it
    Duration next() {
        const Duration span = tries_ < 30 ? std::min(first_ * (int64_t{1} << tries_), most_) : most_;
        if (tries_ < 30) ++tries_;
        const int64_t half = span.count() / 2;
        return Duration(span.count() - static_cast<int64_t>(random() % static_cast<uint64_t>(half + 1)));
    }

  private:
    // xorshift64*
    uint64_t random() {
        random_ ^= random_ >> 12;
        random_ ^= random_ << 25;
        random_ ^= random_ >> 27;
        return random_ * 0x2545f4914f6cdd1dULL >> 16;
    }

    Duration first_, most_;
    uint64_t random_;
    uint32_t tries_ = 0;
};

}  // namespace portico::redis
