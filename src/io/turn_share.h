// What one stream may take from its socket in one turn of the loop. Whoever finds bytes each time would go on without ever giving
// the turn away: other streams, timers and deadlines would wait for as long as the peer is fast. Private to src/io.
#pragma once

#include <cstdint>

namespace portico::io {

class TurnShare {
  public:
    static constexpr uint32_t kBytes = 1 << 20;

    // @param turn of the backend, counted from 1
    bool spent(uint64_t turn) const { return turn_ == turn && taken_ >= kBytes; }
    void count(uint64_t turn, uint32_t bytes) {
        if (turn_ != turn) taken_ = 0;
        turn_ = turn;
        taken_ += bytes;
    }

  private:
    uint64_t turn_ = 0;  // in which taken_ was taken
    uint32_t taken_ = 0;
};

}  // namespace portico::io
