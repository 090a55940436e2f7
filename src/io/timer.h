// A hierarchical timer wheel: setting and cancelling cost a few instructions, firing is as coarse as a tick. It knows no
// clock: advance() is told the time. One thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "io/turn.h"

namespace portico::io {

class TimerWheel;

// Something that is to happen at a time. Its owner sets it again and again; moving the deadline later, or cancelling, leaves
// the timer where it stands in the wheel and costs two stores: it is looked at when its old place comes up.
class Timer : public ListHook<TimerWheel> {
  public:
    virtual ~Timer() = default;
    // `deadline` may lie in the past (fires at the next advance). kNever disarms.
    void set(TimerWheel& wheel, Time deadline);
    void cancel() { deadline_ = kNever; }
    bool armed() const { return deadline_ != kNever; }
    Time deadline() const { return deadline_; }
    static constexpr Time kNever = Time::max();

  protected:
    // Called once the deadline has passed; the timer is disarmed and may be set again.
    virtual void on_timer() = 0;

  private:
    friend class TimerWheel;
    Time deadline_ = kNever;
    uint64_t placed_ = 0;  // tick of its place in the wheel
};

class TimerWheel {
  public:
    static constexpr Duration kTick = std::chrono::milliseconds(1);

    explicit TimerWheel(Time start) : origin_(start) {}
    // Fires what is due, in the order of its ticks, for as long as there is time: the rest is due at the next call, before all else.
    void advance(Time now, Turn::Share* share = nullptr);
    // The time until which nothing is due: kNever when the wheel is empty. May be early (never late); the start while something is left.
    Time next() const;

  private:
    friend class Timer;
    static constexpr unsigned kBits = 6, kSlots = 1u << kBits, kLevels = 6;
    using Slot = IntrusiveList<Timer, TimerWheel>;

    void place(Timer& timer, uint64_t tick);
    // @returns false: there is no more time
    bool fire_due(Turn::Share* share);
    void cascade(unsigned level);
    uint64_t tick_of(Time t) const;
    // The tick of the nearest slot that may hold a timer; UINT64_MAX when there is none.
    uint64_t next_tick() const;

    Time origin_;
    uint64_t now_ = 0;  // ticks since origin
    Slot due_;          // of the tick now_
    std::array<std::array<Slot, kSlots>, kLevels> slots_;
    std::array<uint64_t, kLevels> filled_{};  // one bit a slot that may hold timers
};

}  // namespace portico::io
