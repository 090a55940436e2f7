// Brings waits of the gateway to endings that chance alone comes to once in a million: an episode's seed chooses some places and one
// ending, and when somebody waits at one of them, all connections break, or nobody does anything any more, or the gateway closes
// what is open. In builds that watch waits; in others it chooses none. For tests only.
#pragma once

#include <functional>
#include <string_view>

#include "io/sim/chance.h"
#ifdef PORTICO_WATCH_WAITS
#include "io/wait_watch.h"
#endif

namespace portico::server::model {

#ifdef PORTICO_WATCH_WAITS
class Fate final : private io::wait_watch::Observer {
  public:
    using Ending = io::wait_watch::Ending;

    // @param chooses else it leaves everything to chance
    Fate(uint64_t seed, bool chooses) : chance_(seed ^ 0xFA7E), key_(chance_.next()), ending_(static_cast<Ending>(chance_.between(1, 3))) {
        if (chooses && chance_.one_in(2)) io::wait_watch::observer = this;
    }
    ~Fate() {
        if (io::wait_watch::observer == this) io::wait_watch::observer = nullptr;
    }
    Fate(const Fate&) = delete;

    Ending ending() const { return ending_; }
    // Somebody waits at a chosen place.
    bool strikes() const { return place_ != nullptr && place_->waiting.load(std::memory_order_relaxed) > 0; }
    // Whether it did or not: the next wait may be the one.
    void go_on(bool struck) {
        place_ = nullptr;
        if (struck && --left_ == 0) io::wait_watch::observer = nullptr;
    }

  private:
    static constexpr uint64_t kPlacesToOne = 24;

    void waits_at(io::wait_watch::Place& place) override {
        if (place_ == nullptr && (std::hash<std::string_view>()(place.file) + place.line * 0x9E3779B97F4A7C15ull ^ key_) % kPlacesToOne == 0) place_ = &place;
    }

    io::Chance chance_;
    uint64_t key_;
    Ending ending_;
    const io::wait_watch::Place* place_ = nullptr;
    int left_ = 3;
};
#endif

}  // namespace portico::server::model
