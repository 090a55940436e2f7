#include "io/sim/backend.h"

#include "io/sim/edge_stream.h"
#include "io/sim/ring_stream.h"

namespace portico::io {

class SimAcceptor final : public Acceptor {
  public:
    SimAcceptor(SimNetwork& net, SocketAddress address) : net_(net), address_(address) {}
    ~SimAcceptor() override { net_.accepting_.erase(address_); }
    void pause() override {}
    void resume() override {}
    void take_all() override {}

  private:
    SimNetwork& net_;
    SocketAddress address_;
};

SimBackend::SimBackend(SimNetwork& net) : net_(net) { net_.backends_.push_back(this); }
SimBackend::~SimBackend() { std::erase(net_.backends_, this); }

void SimBackend::wait(Duration wait) {
    net_.run_due();
    // With several loops, time passes when all of them rest: SimNetwork::turn().
    if (busy() || wait <= Duration::zero() || net_.backends_.size() > 1) return;
    const Time now = net_.clock().now();
    const Duration to_next = net_.next() == Time::max() ? kForever : net_.next() - now;
    if (const Duration pass = std::min(wait, to_next); pass != kForever && pass > Duration::zero()) net_.clock().advance(pass);
    net_.run_due();
}

void SimBackend::dispatch() {
    ++round_;
    if (net_.chance().one_in(net_.weather().over_one_in)) turn_->end_early();
    for (size_t n = ready_->size(); n > 0; --n) {
        const auto f = std::move(ready_->front());
        ready_->pop_front();
        f();
    }
}

bool SimBackend::start_connect(ConnectOp& op) {
    Chance& chance = net_.chance();
    const SimWeather& weather = net_.weather();
    const bool swallowed = net_.swallowed_.contains(op.address) || chance.one_in(weather.swallow_one_in);
    if (!swallowed && weather.seed == 0) {
        connected(op);
        return true;
    }
    connecting_.insert(&op);
    if (swallowed) return false;
    net_.later(net_.delay(), [this, &op] {
        complete([this, &op] {
            if (connecting_.erase(&op) == 0) return;
            connected(op);
            op.waiter.resume();
        });
    });
    return false;
}

void SimBackend::connected(ConnectOp& op) {
    const bool refused = !net_.listens(op.address) || net_.chance().one_in(net_.weather().refuse_one_in);
    if (refused) {
        op.error = ECONNREFUSED;
        return;
    }
    auto [near, far] = net_.join(op.address, {*IpAddress::parse("10.255.0.1"), net_.next_port_++});
    op.stream = stream(std::move(near));
    net_.arrive(op.address, far);
}

void SimBackend::interrupt_connect(ConnectOp& op, int error) {
    connecting_.erase(&op);
    op.error = error;
    op.waiter.resume();
}

std::unique_ptr<Acceptor> SimBackend::listen(int fd, Acceptor::Sink& sink) {
    const SocketAddress address = net_.listeners_.at(fd);
    net_.accepting_[address] = {this, &sink};
    return std::make_unique<SimAcceptor>(net_, address);
}

std::unique_ptr<Stream> SimBackend::stream(std::shared_ptr<SimSocket> socket) {
    if (net_.weather().style == SimStyle::edges) return std::make_unique<SimEdgeStream>(net_, *this, std::move(socket));
    return std::make_unique<SimRingStream>(net_, *this, std::move(socket));
}

}  // namespace portico::io
