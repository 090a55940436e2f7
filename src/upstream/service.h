// A service: a named group of endpoints, as one snapshot names them and this worker uses them. Chooses an endpoint for each
// exchange (round robin over those that were not just found dead) and follows changes of its addresses. One worker's; owned by
// the snapshot's Epoch. Endpoints, and with them the pools of connections, are shared by the services of successive snapshots.
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
    std::string trouble{};  // why it has no addresses, where that is known
    bool operator==(const ResolvedEndpoint&) const = default;
};
using ResolvedService = std::vector<ResolvedEndpoint>;

class Service {
  public:
    Service(io::Loop& loop, std::string name, ConnectionMeter meter = {}) : loop_(loop), name_(std::move(name)), meter_(meter) {}

    const std::string& name() const { return name_; }
    // New addresses, of the resolver. Endpoints that stay keep their pools; those that went drain.
    void update(const ResolvedService& resolved, PoolLimits limits);
    // Takes the place of the service of that name in the snapshot before. What both have (the same address, authority and TLS) is
    // shared, with its connections and under the new limits; what only `before` has drains, but stays there: exchanges of the older
    // snapshot go on using it. @requires that this service has no endpoints yet
    void succeed(const Service& before, const ResolvedService& resolved, PoolLimits limits);
    // The endpoint for the next attempt; one of `tried` only when there is no other.
    // @returns nullptr when the service has no endpoint
    std::shared_ptr<Endpoint> pick(const std::vector<const Endpoint*>& tried);
    // Why it has no endpoint: which names have no addresses, and why. For logs.
    std::string why_unresolved() const;
    bool resolved() const { return !endpoints_.empty(); }
    size_t endpoint_count() const { return endpoints_.size(); }
    // No newer snapshot names it: connections close after their exchange. Exchanges that hold an older one are served as before.
    void drain();

  private:
    // `before`'s endpoint where it has the same, else a new one.
    std::vector<std::shared_ptr<Endpoint>> endpoints_of(const ResolvedService& resolved, PoolLimits limits, const Service& before) const;
    void note_unresolved(const ResolvedService& resolved);
    void drain_missing(const std::vector<std::shared_ptr<Endpoint>>& before) const;

    io::Loop& loop_;
    std::string name_;
    ConnectionMeter meter_;
    // Shared with other snapshots' services, and with the exchanges that use one while it drains.
    std::vector<std::shared_ptr<Endpoint>> endpoints_;
    std::string unresolved_;  // names without addresses
    size_t next_ = 0;
};

}  // namespace portico::upstream
