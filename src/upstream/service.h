// A service: a named group of endpoints, as this worker uses it. Chooses an endpoint for each exchange (round robin over
// those that were not just found dead) and follows changes of its addresses. One worker's; owned by the worker's Services.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "io/loop.h"
#include "upstream/endpoint.h"

namespace portico::upstream {

// The addresses of one configured endpoint, found by the resolver (or the literal itself).
struct ResolvedEndpoint {
    std::string authority;
    std::vector<SocketAddress> addresses;  // empty: not resolved (yet)
    EndpointTls tls = {};
    bool operator==(const ResolvedEndpoint&) const = default;
};
using ResolvedService = std::vector<ResolvedEndpoint>;

class Service {
  public:
    Service(io::Loop& loop, std::string name, ConnectionMeter meter = {}) : loop_(loop), name_(std::move(name)), meter_(meter) {}

    const std::string& name() const { return name_; }
    // New limits and addresses, of a reload or of the resolver. Endpoints that stay keep their pools; those that went drain.
    void update(const ResolvedService& resolved, PoolLimits limits);
    // The endpoint for the next attempt; one of `tried` only when there is no other.
    // @returns nullptr when the service has no endpoint
    std::shared_ptr<Endpoint> pick(const std::vector<const Endpoint*>& tried);
    bool resolved() const { return !endpoints_.empty(); }
    size_t endpoint_count() const { return endpoints_.size(); }
    // Everything closes after its exchange.
    void drain();

  private:
    io::Loop& loop_;
    std::string name_;
    ConnectionMeter meter_;
    // Shared with the exchanges that use one while it is drained.
    std::vector<std::shared_ptr<Endpoint>> endpoints_;
    size_t next_ = 0;
};

}  // namespace portico::upstream
