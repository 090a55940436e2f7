// Time as an argument. Code that waits or measures takes a Clock (or a Time) from its caller, so that tests decide what
// time it is. Monotonic time is `Time`; wall-clock time, for logs and `Date`, is `WallTime`.
#pragma once

#include <chrono>
#include <cstdint>

namespace portico {

using Nanos = std::chrono::nanoseconds;
using Millis = std::chrono::milliseconds;
using Duration = std::chrono::nanoseconds;
// Monotonic; the zero has no meaning.
using Time = std::chrono::time_point<std::chrono::steady_clock, Nanos>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Nanos>;

// "none" in the configuration: a duration that never ends.
inline constexpr Duration kForever = Duration::max();

class Clock {
  public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
    virtual WallTime wall() const = 0;
};

// The machine's clocks. Thread-safe.
class SystemClock final : public Clock {
  public:
    Time now() const override { return std::chrono::time_point_cast<Nanos>(std::chrono::steady_clock::now()); }
    WallTime wall() const override { return std::chrono::time_point_cast<Nanos>(std::chrono::system_clock::now()); }
};

// A clock that a test moves by hand.
class ManualClock final : public Clock {
  public:
    Time now() const override { return now_; }
    WallTime wall() const override { return wall_; }
    void advance(Duration d) {
        now_ += d;
        wall_ += d;
    }
    void set_wall(WallTime w) { wall_ = w; }

  private:
    Time now_{std::chrono::seconds(1000)};
    WallTime wall_{std::chrono::seconds(1'700'000'000)};
};

}  // namespace portico
