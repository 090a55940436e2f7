// One worker of the gateway as an episode runs it: the real code from the connection's first byte on, over whatever backend its
// loop has. For tests only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "edge/connection.h"
#include "gateway/context.h"
#include "gateway/gateway.h"
#include "gateway/snapshot.h"
#include "server/process_limits.h"
#include "server/server.h"

namespace portico::server::model {

class GatewayUnderTest final : private io::Acceptor::Sink {
  public:
    explicit GatewayUnderTest(std::unique_ptr<io::Loop> loop) : loop_(std::move(loop)) {}
    ~GatewayUnderTest() {
        acceptor_.reset();
        connections_.close_all();
        context_.epoch.reset();
        services_.clear();
    }

    io::Loop& loop() { return *loop_; }
    edge::ConnectionSet& connections() { return connections_; }
    void listen(int fd) { acceptor_ = loop_->backend().listen(fd, *this); }

    // As Worker::apply does.
    void apply(const std::shared_ptr<const gateway::Snapshot>& snapshot) {
        std::vector<std::shared_ptr<upstream::Service>> in_order;
        std::map<std::string, std::shared_ptr<upstream::Service>, std::less<>> fresh;
        for (const config::ServiceConfig& c : snapshot->config.services) {
            upstream::ResolvedService resolved;
            for (const auto& e : c.endpoints) resolved.push_back({e.authority, {{*IpAddress::parse(e.host), e.port}}});
            const auto service = std::make_shared<upstream::Service>(*loop_, c.name);
            const upstream::PoolLimits limits{c.max_idle, c.max_connections, c.idle_connection};
            if (const auto before = services_.find(c.name); before != services_.end()) {
                service->succeed(*before->second, resolved, limits);
                services_.erase(before);
            } else {
                service->update(resolved, limits);
            }
            fresh.emplace(c.name, service);
            in_order.push_back(service);
        }
        for (const auto& [name, gone] : services_) gone->drain();
        services_ = std::move(fresh);
        settings_.push_back(std::make_unique<edge::ServerSettings>(settings_of(snapshot->config)));
        context_.epoch = context_.make_epoch(snapshot, std::move(in_order));
    }
    void turned() { context_.log_lines.clear(); }
    void drain() {
        acceptor_.reset();
        context_.draining = true;
    }

  private:
    void on_accept(std::unique_ptr<io::Stream> stream) override { connections_.admit(std::move(stream), *settings_.back()); }
    void on_accept_error(int) override {}

    std::unique_ptr<io::Loop> loop_;
    observe::Registry registry_;
    gateway::Gateway gateway_;
    gateway::Context context_{*loop_, registry_, 1};
    std::vector<std::unique_ptr<edge::ServerSettings>> settings_;
    edge::ConnectionSet connections_{context_, gateway_};
    std::map<std::string, std::shared_ptr<upstream::Service>, std::less<>> services_;
    std::unique_ptr<io::Acceptor> acceptor_;
};

}  // namespace portico::server::model
