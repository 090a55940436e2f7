// One worker's connections to the stores of its snapshot: a client for each, kept by a reload that does not change it, and what
// the metrics say of them. Worker's thread only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/context.h"
#include "gateway/snapshot.h"

namespace portico::server {

class StoreSet {
  public:
    explicit StoreSet(gateway::Context& context) : context_(context) {}

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
        observe::Counter commands, timeouts, failures, refused, connects;
        observe::Gauge connected_cell, open_cell;
    };
    using Gone = std::vector<std::unique_ptr<redis::Client>>;
    Store make(const gateway::StoreRules& rules);
    std::shared_ptr<redis::Client> shared(std::unique_ptr<redis::Client> client);

    gateway::Context& context_;
    // The last exchange of an old snapshot may drop a client out of the client's own callback: it waits here for the end of the
    // turn. Shared with whoever drops one.
    std::shared_ptr<Gone> gone_ = std::make_shared<Gone>();
    std::map<std::string, Store> stores_;
};

}  // namespace portico::server
