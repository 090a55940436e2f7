// One worker of the gateway as an episode runs it: the real code from the connection's first byte on, over whatever backend its
// loop has. For tests only.
#pragma once

#include <memory>
#include <string>

#include "edge/connection.h"
#include "gateway/context.h"
#include "gateway/gateway.h"
#include "gateway/snapshot.h"
#include "server/process_limits.h"
#include "server/server.h"
#include "server/service_set.h"

namespace portico::server::model {

class GatewayUnderTest final : private io::Acceptor::Sink {
  public:
    // Bodies of a few bytes are left in the middle too.
    explicit GatewayUnderTest(std::unique_ptr<io::Loop> loop) : loop_(std::move(loop)) { context_.jobs.look_after(8); }
    ~GatewayUnderTest() {
        acceptor_.reset();
        connections_.close_all();
        context_.epoch.reset();
    }

    io::Loop& loop() { return *loop_; }
    edge::ConnectionSet& connections() { return connections_; }
    void listen(int fd) { acceptor_ = loop_->backend().listen(fd, *this); }

    // As Worker::apply does, where no names are asked for.
    void apply(const std::shared_ptr<const gateway::Snapshot>& snapshot) {
        ServiceAddresses addresses;
        for (const config::ServiceConfig& c : snapshot->config.services) {
            upstream::ResolvedService& of = addresses.emplace_back();
            for (const auto& e : c.endpoints) of.push_back({e.authority, {{*IpAddress::parse(e.host), e.port}}});
        }
        auto in_order = services_.follow(*snapshot, addresses);
        settings_.push_back(std::make_unique<edge::ServerSettings>(settings_of(snapshot->config)));
        entrance_->settings = settings_.back().get();
        context_.epoch = context_.make_epoch(snapshot, std::move(in_order));
    }
    void turned() { context_.log_lines.clear(); }
    void drain() {
        acceptor_.reset();
        context_.draining = true;
    }

  private:
    void on_accept(std::unique_ptr<io::Stream> stream) override { connections_.admit(std::move(stream), entrance_); }
    void on_accept_error(int) override {}

    std::unique_ptr<io::Loop> loop_;
    observe::Registry registry_;
    gateway::Gateway gateway_;
    gateway::Context context_{*loop_, registry_, 1};
    std::vector<std::unique_ptr<edge::ServerSettings>> settings_;
    const boost::intrusive_ptr<edge::Entrance> entrance_{new edge::Entrance};
    edge::ConnectionSet connections_{context_, gateway_};
    ServiceSet services_{context_};
    std::unique_ptr<io::Acceptor> acceptor_;
};

}  // namespace portico::server::model
