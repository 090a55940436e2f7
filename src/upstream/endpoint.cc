#include "upstream/endpoint.h"

#include <algorithm>
#include <cstring>

namespace portico::upstream {

Endpoint::Endpoint(io::Loop& loop, SocketAddress address, std::string authority, PoolLimits limits, ConnectionMeter meter, EndpointTls tls)
    : loop_(loop),
      address_(address),
      address_text_(address.text()),
      authority_(std::move(authority)),
      limits_(limits),
      meter_(meter),
      tls_(std::move(tls)),
      session_(tls_.client != nullptr ? std::make_shared<io::TlsSession>() : nullptr) {}

// A connection that is being made counts as one.
class Endpoint::Connecting {
  public:
    explicit Connecting(Endpoint& e) : endpoint_(e) {
        ++endpoint_.connecting_;
        endpoint_.loop_.count_outward(1);
    }
    Connecting(const Connecting&) = delete;
    ~Connecting() {
        --endpoint_.connecting_;
        endpoint_.loop_.count_outward(-1);
    }

  private:
    Endpoint& endpoint_;
};

Endpoint::~Endpoint() {
    while (Connection* c = idle_.pop_front()) delete c;
}

std::unique_ptr<Connection> Endpoint::take_resting(bool careful) {
    while (Connection* c = idle_.pop_front()) {
        --resting_;
        std::unique_ptr<Connection> taken(c);
        if (taken->rests_until() <= loop_.now() || !taken->fit(careful)) continue;
        taken->begin();
        return taken;
    }
    return nullptr;
}

io::Task<Result<std::unique_ptr<Connection>>> Endpoint::connect(Time deadline) {
    if (open_ + connecting_ >= limits_.max_connections) {
        co_return fail(Fault::upstream_overloaded, "max_connections to " + address_text_);
    }
    const Error none_left(Fault::descriptors, "no descriptor is left for a connection to " + address_text_);
    if (!loop_.has_room_outward()) co_return fail(none_left);
    const Connecting counted(*this);
    const Time began = loop_.now();
    auto connected = co_await loop_.connect(address_, deadline);
    if (connected.stream == nullptr) {
        const int error = connected.error;
        // What this process lacks says nothing of the service.
        if (error == EMFILE || error == ENFILE) co_return fail(none_left);
        note_failure(began, loop_.now());
        const Fault fault = error == ETIMEDOUT      ? Fault::upstream_connect_timeout
                            : error == ECONNREFUSED ? Fault::upstream_refused
                                                    : Fault::upstream_unreachable;
        co_return fail(fault, "connect to " + address_text_ + ": " + std::strerror(error), error);
    }
    if (tls_.client != nullptr) {
        auto secured = co_await tls_.client->handshake(loop_, std::move(connected.stream), tls_.host, deadline, session_);
        if (!secured) {
            note_failure(began, loop_.now());
            Error error = std::move(secured).error();
            error.context = "connect to " + address_text_ + ": " + error.context;
            co_return fail(std::move(error));
        }
        connected.stream = std::move(*secured);
    }
    note_success();
    auto connection = std::make_unique<Connection>(*this, loop_, std::move(connected.stream));
    connection->begin();
    co_return connection;
}

void Endpoint::give_back(std::unique_ptr<Connection> connection, Duration hint) {
    if (!connection->may_carry_another() || draining_ || resting_ >= limits_.max_idle) return;
    // A second early, so that it is not closed by the peer just as it is used again.
    if (hint != kForever) hint -= std::chrono::seconds(1);
    const Duration rest = std::min(hint, limits_.idle_connection);
    if (rest <= Duration::zero()) return;
    Connection& c = *connection.release();
    idle_.push_front(c);
    ++resting_;
    if (!armed()) set(loop_.timers(), loop_.now() + limits_.idle_connection);
    c.rest(loop_.now() + rest);
}

void Endpoint::drop_resting(Connection& connection) {
    if (!static_cast<ListHook<Connection>&>(connection).linked()) return;
    static_cast<ListHook<Connection>&>(connection).unlink();
    --resting_;
    delete &connection;
}

void Endpoint::on_timer() {
    idle_.for_each([&](Connection& c) {
        if (c.rests_until() <= loop_.now()) drop_resting(c);
    });
    if (!idle_.empty()) set(loop_.timers(), std::max(idle_.back().rests_until(), loop_.now() + std::chrono::seconds(1)));
}

void Endpoint::note_failure(Time began, Time now) {
    // Many that began together tell one thing. So do those that began while it was avoided, as they do where all endpoints are.
    if (failures_ > 0 && began < avoid_until_) return;
    // 1 s, 2 s, 4 s … 16 s: it is tried again soon, and a dead one costs few requests a detour.
    failures_ = std::min(failures_ + 1, 5u);
    avoid_until_ = now + std::chrono::seconds(1u << (failures_ - 1));
}

void Endpoint::drain() {
    draining_ = true;
    while (Connection* c = idle_.pop_front()) {
        --resting_;
        delete c;
    }
}

}  // namespace portico::upstream
