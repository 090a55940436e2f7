// Turns of a worker that others had to wait for: counted by what they were spent on, and told of on stderr, once a minute at most.
// One object for the process; any worker.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "io/turn.h"
#include "observe/metrics.h"
#include "server/operator_lines.h"

namespace portico::server {

class LongTurns {
  public:
    static constexpr Duration kQuiet = std::chrono::minutes(1);

    LongTurns(observe::Registry& registry, OperatorLines& operators) : operators_(operators) {
        for (size_t i = 0; i < kPlaces.size(); ++i) {
            counters_[i] = registry.counter("portico_long_turns_total", "Turns of a worker's loop that took 10 ms or more, by where most of their time went.",
                                            {{"place", std::string(kPlaces[i])}});
        }
    }

    void tell(observe::Shard& shard, uint32_t worker, std::string_view place, Duration taken, Time now) {
        for (size_t i = 0; i < kPlaces.size(); ++i) {
            if (kPlaces[i] == place) shard.add(counters_[i]);
        }
        Time next = next_.load(std::memory_order_relaxed);
        if (now < next || !next_.compare_exchange_strong(next, now + kQuiet, std::memory_order_relaxed)) return;
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(taken).count();
        operators_.say("worker " + std::to_string(worker) + ": a turn took " + std::to_string(ms) + " ms (most of it: " + std::string(place) +
                       "), and all of its clients waited; portico_long_turns_total counts such turns, also those in which the machine gave it no processor");
    }

    // Of the worker's messages, which io/ does not tell apart.
    static constexpr std::string_view kConfiguration = "configuration", kAddresses = "addresses";

  private:
    static constexpr std::array kPlaces{io::Turn::kStreams, io::Turn::kComputing, io::Turn::kMessages, kConfiguration, kAddresses};

    OperatorLines& operators_;
    std::array<observe::Counter, kPlaces.size()> counters_{};
    std::atomic<Time> next_{Time{}};
};

}  // namespace portico::server
