// One worker's connections to the stores of its snapshot: a client for each, kept by a reload that does not change it, and what
// the metrics say of them. Worker's thread only.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/context.h"
#include "gateway/snapshot.h"
#include "server/store_cause.h"
#include "server/store_health.h"

namespace portico::server {

class StoreSet final : private io::Timer {
  public:
    // @param workers of the process, which share what a store is given at a time
    StoreSet(gateway::Context& context, StoreHealth& health, size_t workers) : context_(context), health_(health), workers_(workers) {}

    // The clients of a snapshot's stores, in its order; nullptr for memory. Those that it no longer names go with the last
    // exchange that uses them.
    std::vector<std::shared_ptr<redis::Client>> take(const gateway::Snapshot& snapshot);
    // Brings the metrics up to what the clients have counted, and destroys those that nobody holds. Called at the end of a turn,
    // and never by what a client calls.
    void publish();

  private:
    struct Store {
        gateway::StoreRules rules;
        std::shared_ptr<redis::Client> client;
        redis::Counters shown;
        bool connected = false, open = false;  // as shown
        bool lost = false;                     // as told to the operator, and why
        std::string told;
        bool unsaid = false;                   // the operator is to be told that reason from `say_from` on
        Time say_from{};
        Time doubted_until{};                  // it has refused its work lately, if only some of it
        observe::Counter commands, timeouts, failures, refused, connects, errors;
        observe::Gauge connected_cell, open_cell;
        std::array<observe::Gauge, kStoreCauses.size()> lost_cells;
        size_t lost_cause = 0;  // as shown, while it is lost
    };
    using Gone = std::vector<std::unique_ptr<redis::Client>>;
    Store make(const gateway::StoreRules& rules);
    std::shared_ptr<redis::Client> shared(std::unique_ptr<redis::Client> client);
    void on_timer() override {}  // the turn's publish() looks again
    void publish(const std::string& name, Store& store);
    void tell(const std::string& name, Store& store);
    void tell_reason(const std::string& name, Store& store);
    void forget(const std::string& name, const Store& store);

    // A store that refuses only some of its work (writes, without memory) and does the rest in between is not well before it has
    // refused nothing for so long.
    static constexpr Duration kDoubt = std::chrono::seconds(1);
    // Work that one server of a store has of this process at a time, in usual commands, and of each worker at least. A server takes some
    // 10 to 20 us for one: all of them are done within half of the shortest usual timeout.
    static constexpr size_t kMostInFlight = 128, kLeastInFlight = 8;

    gateway::Context& context_;
    StoreHealth& health_;
    const size_t workers_;
    // The last exchange of an old snapshot may drop a client out of the client's own callback: it waits here for the end of the
    // turn. Shared with whoever drops one.
    std::shared_ptr<Gone> gone_ = std::make_shared<Gone>();
    std::map<std::string, Store> stores_;
};

}  // namespace portico::server
