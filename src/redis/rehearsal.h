// Whether a server that has refused its work does it again, found out without a request: what was refused is tried with words that
// count for nobody. One node's, one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/task.h"
#include "redis/call.h"

namespace portico::redis {

class Rehearsal {
  public:
    // For a call that was refused. @returns nullptr where nothing of its kind may be repeated: neither a look-up nor a script that says how
    static std::unique_ptr<Rehearsal> of(Client& client, Node& node, const Call& call);
    // Asks the node, unless it is being asked. The reply decides as that of any trial.
    void start();

  private:
    Rehearsal(Client& client, Node& node, const Script* script, Script::Words words);
    io::Task<void> run();

    Client& client_;
    Node& node_;
    const Script* script_;  // null: a look-up
    Script::Words words_;
    std::vector<std::string_view> keys_, arguments_;
    io::Root root_;
};

}  // namespace portico::redis
