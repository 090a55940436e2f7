// The running gateway: the control thread with its signals, names, reloads and admin pages, and the workers. `run` is all of
// `portico run`; what it needs to know comes in Options.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/fault.h"
#include "gateway/snapshot.h"

namespace portico::server {

struct Options {
    // Reads the file anew; @returns none when it cannot be read (said in `faults`)
    std::function<std::optional<std::string>(config::FaultList& faults)> source;
    std::string file_name;  // for messages; watched with `watch`
    bool watch = false;
    bool demo = false;      // quiet about what a demo's reader need not see
    // Called once the gateway is ready, with the address of its first listener. @returns what to tell the operator, in whole lines
    std::function<std::string(const SocketAddress&)> on_ready;
};

// Runs until it is told to end. @returns the process's exit status: 0 after a drain, 1 when it could not start
int run(const Options& options);

// Reads, checks and builds: what a start and a reload have in common, and `portico check`.
// @returns nullptr exactly when there was an error
std::shared_ptr<const gateway::Snapshot> build_snapshot(std::string source, const std::string& file_name, uint64_t number,
                                                        gateway::Resources& resources, config::FaultList& faults);

}  // namespace portico::server
