// Addresses for `explain`, which has no worker: of names, when something is fetched that a decision rests on. One thread; its resolver
// is made at the first name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/snapshot.h"
#include "io/dns.h"
#include "io/name_client.h"
#include "upstream/service.h"

namespace portico::cli {

class ExplainNames {
  public:
    // Both outlive it.
    ExplainNames(io::Loop& loop, const gateway::Snapshot& snapshot);

    // @errors upstream_unresolved, also at the deadline; io where no resolver can be had
    io::Task<Result<std::vector<IpAddress>>> resolve(std::string host, Time deadline) { return client_.resolve(std::move(host), deadline); }
    // Gives a service the addresses that a worker would have given it. An endpoint without an address is left out.
    io::Task<void> reach(upstream::Service& service, size_t index);

  private:
    void ask(const std::string& name, io::Resolver::Callback done);

    io::Loop& loop_;
    const gateway::Snapshot& s_;
    std::unique_ptr<io::Resolver> resolver_;
    io::NameClient client_;
};

}  // namespace portico::cli
