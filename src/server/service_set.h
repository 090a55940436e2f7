// One worker's services, as the running snapshot names them: a reload's take the place of those before, and share what both have.
// Services of older snapshots live on in their epochs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/context.h"
#include "gateway/snapshot.h"
#include "upstream/service.h"

namespace portico::server {

// Addresses of a configuration's services, in its order.
using ServiceAddresses = std::vector<upstream::ResolvedService>;

class ServiceSet {
  public:
    explicit ServiceSet(gateway::Context& context) : context_(context) {}

    // Those of a snapshot that is to run from now on, in its order. What it no longer names drains.
    std::vector<std::shared_ptr<upstream::Service>> follow(const gateway::Snapshot& snapshot, const ServiceAddresses& addresses);
    // The addresses of one service of the running snapshot have changed; a name that it does not know is passed over.
    void update(const gateway::Snapshot& running, const std::string& service, const upstream::ResolvedService& addresses);

  private:
    upstream::ConnectionMeter meter_of(const std::string& service) const;

    using Services = std::map<std::string, std::shared_ptr<upstream::Service>, std::less<>>;
    gateway::Context& context_;
    Services running_;
};

}  // namespace portico::server
