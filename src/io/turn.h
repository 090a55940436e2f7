// How long the present turn of a loop has run, as the streams of that loop see it. A stream whose operation could complete at once
// does so only while the turn has time; then it goes on in the next turn, which comes at once. So whoever loops over bytes gives the
// worker away without knowing of it, however fast the peer is and however little each step brings: other connections, timers and
// deadlines wait for a turn's time and no longer. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace portico::io {

class Turn {
  public:
    // A known client beside somebody who is greedy waits for about this long. A turn costs a look at the kernel (1 µs).
    static constexpr Duration kTime = std::chrono::microseconds(500);
    // The most that a stream takes from its socket at once in a turn whose time is over, and in one behind such a turn: what is done with
    // it, a chunked body of chunks of one byte for example, takes time as well.
    static constexpr uint32_t kBytesWhenOver = 16 * 1024;
    static constexpr uint32_t kBytesWhenBusy = 32 * 1024;

    explicit Turn(const Clock& clock) : clock_(clock) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    void begin(Time now) {
        began_ = now;
        work_ = 0;
        busy_ = over_;
        over_ = cut_ = false;
        longest_ = {};
        place_ = kStreams;
    }
    // How long it took, once it has ended. From kLong on somebody is told (Loop::watch_turns).
    static constexpr Duration kLong = std::chrono::milliseconds(10);
    Duration taken() const { return clock_.now() - began_; }

    // Places that io/ knows.
    static constexpr std::string_view kStreams = "streams", kComputing = "computing", kMessages = "messages";

    // What may take long, by name: for who is told of a long turn. Measures the time for which it lives.
    class Place {
      public:
        Place(Turn& turn, std::string_view name) : turn_(turn), name_(name), began_(turn.clock_.now()) {}
        ~Place() { turn_.spent_at(name_, turn_.clock_.now() - began_); }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

      private:
        Turn& turn_;
        std::string_view name_;
        Time began_;
    };
    void spent_at(std::string_view name, Duration time) {
        if (time <= longest_) return;
        longest_ = time;
        place_ = name;
    }
    // Where most of this turn's time went, as far as it has a name.
    std::string_view place(Duration whole) const { return longest_ * 2 >= whole ? place_ : kStreams; }

    // What those may take together who go on because something has happened for all of them: time that has come, messages, one's key or answer.
    // A quarter of a millisecond, or half as long as the turn has taken: where others take long, these do not wait for many turns. The
    // first is always served, but where the simulation cuts the turn.
    class Share {
      public:
        explicit Share(const Turn& turn) : turn_(turn) {}
        bool is_left() {
            if (turn_.cut_) return false;
            const Time now = turn_.clock_.now();
            if (!std::exchange(begun_, true)) {
                end_ = now + std::max<Duration>(kTime / 2, (now - turn_.began_) / 2);
                return true;
            }
            return now < end_;
        }

      private:
        const Turn& turn_;
        Time end_{};
        bool begun_ = false;
    };

    bool over() const { return over_; }
    // @param room of whoever reads
    uint32_t most_bytes(uint32_t room) const { return std::min(room, over_ ? kBytesWhenOver : busy_ ? kBytesWhenBusy : UINT32_MAX); }
    // For the simulation, whose time stands still within a turn: nobody has any left.
    void end_early() { over_ = cut_ = true; }
    // An operation completed without a wait. @param bytes that it moved
    void count(uint64_t bytes) {
        // The clock is asked once in so many: it costs more than a small step itself.
        work_ += 1 + bytes / kBytesAStep;
        if (work_ >= kStepsALook) look();
    }

  private:
    static constexpr uint64_t kBytesAStep = 8 * 1024;
    static constexpr uint64_t kStepsALook = 8;

    void look() {
        work_ = 0;
        over_ |= clock_.now() - began_ >= kTime;
    }

    const Clock& clock_;
    Time began_{};
    uint64_t work_ = 0;
    bool over_ = false;
    bool cut_ = false;
    bool busy_ = false;  // the turn before had more to do than it had time for
    Duration longest_{};
    std::string_view place_ = kStreams;  // static texts
};

}  // namespace portico::io
