#include "server/service_set.h"

#include <utility>

namespace portico::server {

namespace {

upstream::PoolLimits limits_of(const config::ServiceConfig& c) { return {c.max_idle, c.max_connections, c.idle_connection, {.head = c.limits.head, .fields = c.limits.headers}}; }

}  // namespace

upstream::ConnectionMeter ServiceSet::meter_of(const std::string& service) const {
    return {&context_.shard, context_.registry.gauge("portico_upstream_connections_open", "Connections to the service that are open.",
                                                     {{"service", service}})};
}

std::vector<std::shared_ptr<upstream::Service>> ServiceSet::follow(const gateway::Snapshot& snapshot, const ServiceAddresses& addresses) {
    std::vector<std::shared_ptr<upstream::Service>> in_order;
    Services fresh;
    for (size_t i = 0; i < snapshot.config.services.size(); ++i) {
        const config::ServiceConfig& c = snapshot.config.services[i];
        // Of its own for each snapshot: requests that wait keep the endpoints of the one that they began with.
        const auto service = std::make_shared<upstream::Service>(context_.loop, c.name, meter_of(c.name));
        if (const auto before = running_.find(c.name); before != running_.end()) {
            service->succeed(*before->second, addresses[i], limits_of(c));
            running_.erase(before);
        } else {
            service->update(addresses[i], limits_of(c));
        }
        fresh.emplace(c.name, service);
        in_order.push_back(service);
    }
    for (const auto& [name, gone] : running_) gone->drain();
    running_ = std::move(fresh);
    return in_order;
}

void ServiceSet::update(const gateway::Snapshot& running, const std::string& service, const upstream::ResolvedService& addresses) {
    const auto found = running_.find(service);
    if (found == running_.end()) return;
    for (const config::ServiceConfig& c : running.config.services) {
        if (c.name == service) found->second->update(addresses, limits_of(c));
    }
}

}  // namespace portico::server
