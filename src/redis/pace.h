// How much work a server is given at a time. The rest waits here, where its time does not run: a burst of commands must not make a
// server late that does each of them in its time. So it begins with little, has more as long as replies hardly wait for each other,
// and less as soon as they do, which also is how several workers and gateways share a server. Numbers only: time is passed in.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace portico::redis {

class Pace {
  public:
    static constexpr uint32_t kLeast = 8;
    // What was learnt is forgotten after a rest of so long, and the shortest time of a reply after twice that.
    static constexpr Duration kRest = std::chrono::seconds(5);

    // @param most work at a time  @param timeout what each command has. A quarter of it may be spent behind others: the rest is for a
    //   server that becomes slower while it has what it could bear
    Pace(uint32_t most, Duration timeout) : least_(std::min(kLeast, most)), most_(most), room_(timeout / 4), allowed_(least_) {}

    uint32_t allowed() const { return allowed_; }
    // Whether `work` may go to a server that has so much already. What is more than is allowed goes alone.
    bool admits(uint32_t work, uint32_t already) const { return already == 0 || already + work <= allowed_; }
    // Work was sent, and some had to stay or none.
    void sent(bool held_back) { held_back_ = held_back; }
    // Nothing was with the server for some time.
    void rested() { allowed_ = least_; }

    // A reply has come, so long after its command was sent.
    void replied(uint32_t work, Duration took, Time now) {
        if (now - since_ >= kRest) {
            before_ = shortest_;
            shortest_ = took;
            since_ = now;
        }
        shortest_ = std::min(shortest_, took);
        if (held_back_ && took - base() <= room_ / 2) allowed_ = std::min(most_, allowed_ + work);
    }
    // All that was sent has been answered by the time that this worker looked: the server waits for us.
    void answered_all() {
        if (held_back_) allowed_ = std::min(most_, allowed_ * 2);
    }
    // Whether what was sent at `sent` has waited too long behind others. What was sent before the last slowing says nothing new.
    bool is_slow(Time sent, Time now) const { return allowed_ > least_ && sent >= slowed_ && now - sent - base() > room_; }
    void slow_down(Time now) {
        allowed_ = std::max(least_, allowed_ / 2);
        slowed_ = now;
    }

  private:
    // What a command takes that waits for no other: the way to the server above all.
    Duration base() const { return std::min(shortest_, before_); }

    uint32_t least_, most_;
    Duration room_;
    uint32_t allowed_;
    bool held_back_ = false;
    Time slowed_{};
    Duration shortest_ = Duration::max(), before_ = Duration::max();
    Time since_{};
};

}  // namespace portico::redis
