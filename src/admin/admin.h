// The admin listener's pages: /live, /ready and /metrics. Served on the control thread's own loop, so that a busy worker does not
// hide what it is doing. Never on a public listener.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gateway/handler.h"
#include "observe/metrics.h"

namespace portico::admin {

struct Readiness {
    bool ready = false;
    std::string reason;  // why not
    uint64_t snapshot = 0;
    std::vector<std::string> degraded;  // what it works without, and still answers requests: "store shared"
};

class AdminPages final : public gateway::Handler {
  public:
    AdminPages(const observe::Registry& registry, std::function<Readiness()> readiness)
        : registry_(registry), readiness_(std::move(readiness)) {}

    io::Task<void> handle(gateway::Exchange& x) override;
    io::Task<void> refuse(gateway::Exchange& x, Error error) override;
    void complete(gateway::Exchange&) override {}

  private:
    io::Task<void> answer(gateway::Exchange& x, int status, std::string_view type, std::string body);
    const observe::Registry& registry_;
    std::function<Readiness()> readiness_;
};

}  // namespace portico::admin
