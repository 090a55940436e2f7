// What one stream may take from its socket in one turn of the loop. Whoever finds bytes each time would go on without ever giving
// the turn away: other streams, timers and deadlines would wait for as long as the peer is fast. Private to src/io.
#pragma once

#include <algorithm>
#include <cstdint>

namespace portico::io {

class TurnShare {
  public:
    static constexpr uint32_t kBytes = 1 << 20;

    // @param turn of the backend, counted from 1
    bool spent(uint64_t turn) const { return turn_ == (turn & kTurns) && taken_ >= kBytes; }
    void count(uint64_t turn, uint32_t bytes) {
        if (turn_ != (turn & kTurns)) taken_ = 0;
        turn_ = turn & kTurns;
        taken_ = std::min<uint64_t>(taken_ + bytes, kBytes);
    }

  private:
    // One word for each connection. Turns may repeat after some days: then a share may be less for one turn, and no more.
    static constexpr uint64_t kTurns = (uint64_t{1} << 40) - 1;
    uint64_t turn_ : 40 = 0;  // in which taken_ was taken
    uint64_t taken_ : 24 = 0;
};

}  // namespace portico::io
