// One loop's part of the simulated network: completions that wait for its next turn. Private to io/sim.
#pragma once

#include <deque>
#include <functional>
#include <set>

#include "io/sim/network.h"

namespace portico::io {

class SimBackend final : public Backend {
  public:
    explicit SimBackend(SimNetwork& net);
    ~SimBackend() override;

    const char* name() const override { return "sim"; }
    void wait(Duration wait) override;
    void dispatch() override;
    void wake() override {}
    bool start_connect(ConnectOp& op) override;
    void abandon_connect(ConnectOp& op) override { connecting_.erase(&op); }
    void interrupt_connect(ConnectOp& op, int error) override;
    std::unique_ptr<Stream> adopt(int, const SocketAddress&) override { return nullptr; }
    std::unique_ptr<Acceptor> listen(int fd, Acceptor::Sink& sink) override;
    std::unique_ptr<FdWatch> watch(int, bool, bool, FdWatch::Sink&) override { return nullptr; }

    std::unique_ptr<Stream> stream(std::shared_ptr<SimSocket> socket);
    // What has completed, of which the loop hears in its next turn. Streams that outlive the loop still add to it.
    using Ready = std::deque<std::function<void()>>;
    const std::shared_ptr<Ready>& ready() { return ready_; }
    void complete(std::function<void()> f) { ready_->push_back(std::move(f)); }
    bool busy() const { return !ready_->empty(); }
    BufferPool& pool() { return *buffers_; }
    Turn& turn() { return *turn_; }
    // Counts the times that completions were taken.
    uint64_t round() const { return round_; }

  private:
    void connected(ConnectOp& op);

    SimNetwork& net_;
    uint64_t round_ = 1;
    std::shared_ptr<Ready> ready_ = std::make_shared<Ready>();
    std::set<ConnectOp*> connecting_;
};

}  // namespace portico::io
