// The bound of a worker's client connections, as it bites: counted, and told of on stderr, once a minute at most. One object for the
// process; any worker.
#pragma once

#include <atomic>
#include <string>

#include "base/clock.h"
#include "observe/metrics.h"
#include "server/operator_lines.h"

namespace portico::server {

class ConnectionBound {
  public:
    static constexpr Duration kQuiet = std::chrono::minutes(1);

    ConnectionBound(observe::Registry& registry, OperatorLines& operators) : operators_(operators) {
        constexpr const char* kName = "portico_connections_given_up_total";
        constexpr const char* kHelp = "Client connections that were closed because a worker had as many as it may have.";
        waiting_ = registry.counter(kName, kHelp, {{"which", "waiting"}});
        new_ = registry.counter(kName, kHelp, {{"which", "new"}});
    }

    // A connection was closed in favour of another, or as it came because all others were being served.
    // @param open  the worker's client connections
    void tell(observe::Shard& shard, uint32_t worker, bool newcomer, size_t open, Time now) {
        shard.add(newcomer ? new_ : waiting_);
        Time next = next_.load(std::memory_order_relaxed);
        if (now < next || !next_.compare_exchange_strong(next, now + kQuiet, std::memory_order_relaxed)) return;
        operators_.say("worker " + std::to_string(worker) + " has as many client connections as it may have (" + std::to_string(open) +
                       " are open): " + (newcomer ? "new ones are closed" : "those that wait for a request are closed for new ones") +
                       "; portico_connections_given_up_total counts them, limits.connections and the descriptors of the process bound them");
    }

  private:
    OperatorLines& operators_;
    observe::Counter waiting_, new_;
    std::atomic<Time> next_{Time{}};
};

}  // namespace portico::server
