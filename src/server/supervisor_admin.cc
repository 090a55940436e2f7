// The control thread's part of the admin pages: who may connect to them, and what they say of stores.
#include <algorithm>
#include <iterator>

#include "server/supervisor.h"

namespace portico::server {
namespace {

// Connections to the admin pages: descriptors are kept for them (process_limits).
constexpr uint32_t kMostOperators = 64;

}  // namespace

// Stores that not every worker is served by, and why: their policies decide without them.
std::vector<std::string> Supervisor::degraded_stores() {
    std::vector<std::string> all;
    for (const gateway::StoreRules& store : snapshot_->stores) {
        if (store.memory) continue;
        const observe::Gauge connected =
            registry_.gauge("portico_store_connected", "Workers that are connected to the store.", {{"store", store.name}});
        if (registry_.value(connected) < static_cast<int64_t>(workers_.size())) {
            const std::string why = store_health_.why(store.name);
            all.push_back("store " + store.name + (why.empty() ? "" : ": " + why));
        }
    }
    return all;
}

std::vector<std::string> Supervisor::degraded() {
    std::vector<std::string> all = degraded_stores();
    for (const config::ServiceConfig& service : snapshot_->config.services) {
        for (const config::EndpointConfig& endpoint : service.endpoints) {
            const std::string why = names_->trouble(endpoint.host);
            if (!why.empty()) all.push_back("service " + service.name + ": " + why);
        }
    }
    std::ranges::move(degradations_.all(), std::back_inserter(all));
    return all;
}

void Supervisor::serve_admin(const OpenedAddresses::Listener& opened) {
    if (pages_ == nullptr) {
        const auto readiness = [this] {
            return admin::Readiness{ready_ && !draining_, draining_ ? "draining" : "starting", snapshot_->number, degraded()};
        };
        const auto hosts = [this]() -> std::span<const std::string> {
            const auto& admin = snapshot_->config.admin;
            return admin ? std::span<const std::string>(admin->hosts) : std::span<const std::string>();
        };
        pages_ = std::make_unique<admin::AdminPages>(registry_, readiness, hosts);
        admin_connections_ = std::make_unique<edge::ConnectionSet>(*context_, *pages_);
        admin_connections_->set_limit(kMostOperators);
    }
    admin_accepting_.emplace(*loop_, opened.fds.front(), static_cast<io::Accepting::Sink&>(*this));
    admin_address_ = opened.wanted;
    operators_.say("admin on " + opened.actual.text());
}

void Supervisor::on_accept(std::unique_ptr<io::Stream> stream) { admin_connections_->admit(std::move(stream), admin_entrance_); }

void Supervisor::on_nothing_left(int) { admin_connections_->evict_one(); }

}  // namespace portico::server
