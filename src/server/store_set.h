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
    // Brings the metrics up to what the clients have counted. Called once a turn.
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
    Store make(const gateway::StoreRules& rules);

    gateway::Context& context_;
    std::map<std::string, Store> stores_;
};

}  // namespace portico::server
