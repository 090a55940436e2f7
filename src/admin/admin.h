// The admin listener's pages: /live, /ready and /metrics. Served on the control thread's own loop, so that a busy worker does not
// hide what it is doing. Never on a public listener.
#pragma once

#include <functional>
#include <span>
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
    // @param hosts the names that pages answer to beside `localhost` and addresses, in lower case; asked for each request
    AdminPages(const observe::Registry& registry, std::function<Readiness()> readiness, std::function<std::span<const std::string>()> hosts)
        : registry_(registry), readiness_(std::move(readiness)), hosts_(std::move(hosts)) {}

    io::Task<void> handle(gateway::Exchange& x) override;
    io::Task<void> refuse(gateway::Exchange& x, Error error) override;
    void complete(gateway::Exchange&) override {}

  private:
    // False for a name that somebody else may have pointed here, so that a page of theirs could read these (DNS rebinding). A request
    // without a Host comes from no browser.
    bool answers_to(gateway::Exchange& x) const;
    io::Task<void> answer(gateway::Exchange& x, int status, std::string_view type, std::string body);
    const observe::Registry& registry_;
    std::function<Readiness()> readiness_;
    std::function<std::span<const std::string>()> hosts_;
};

}  // namespace portico::admin
