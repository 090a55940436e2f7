// Addresses for whoever is on another thread than the Resolver: asks it over there, waits here. One loop's; one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/dns.h"

namespace portico::io {

class NameClient {
  public:
    // Asks the resolver's thread; the callback is called on this loop's thread, later, or never.
    using Ask = std::function<void(std::string name, Resolver::Callback done)>;

    NameClient(Loop& loop, Ask ask) : loop_(loop), ask_(std::move(ask)) {}

    // A literal needs nobody. @errors upstream_unresolved, also at the deadline
    Task<Result<std::vector<IpAddress>>> resolve(std::string host, Time deadline);

  private:
    struct Lookup;
    class Answer;
    Loop& loop_;
    Ask ask_;
};

}  // namespace portico::io
