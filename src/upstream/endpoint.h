// An endpoint: one upstream address, with this worker's pool of connections to it. Lives as long as a snapshot in use names the
// address; one that the running snapshot no longer names (DNS changed, the configuration changed) is drained: nothing rests in its
// pool, and exchanges of an older snapshot get connections that close behind them.
// One worker's.
#pragma once

#include <memory>
#include <string>

#include "base/address.h"
#include "base/intrusive_list.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/tls_client.h"
#include "observe/metrics.h"
#include "upstream/connection.h"

namespace portico::upstream {

struct PoolLimits {
    uint32_t max_idle = 256;
    uint32_t max_connections = 4096;
    Duration idle_connection = std::chrono::seconds(55);
    http::h1::HeadLimits heads{};  // of responses
};

// Where the number of open connections is counted; without a shard nowhere.
struct ConnectionMeter {
    observe::Shard* shard = nullptr;
    observe::Gauge open{};
    void add(int64_t n) const {
        if (shard != nullptr) shard->add(open, n);
    }
};

// How an endpoint is spoken to in TLS; without a client in the clear.
struct EndpointTls {
    std::shared_ptr<const io::TlsClient> client;
    std::string host;  // verified where the client's settings have no name of their own
    // True where connections made by one may serve the other.
    bool same_as(const EndpointTls& other) const {
        if (client == nullptr || other.client == nullptr) return client == other.client;
        return host == other.host && (client == other.client || client->same_as(*other.client));
    }
    bool operator==(const EndpointTls&) const = default;
};

class Endpoint final : private io::Timer {
  public:
    Endpoint(io::Loop& loop, SocketAddress address, std::string authority, PoolLimits limits, ConnectionMeter meter = {}, EndpointTls tls = {});
    ~Endpoint() override;
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;

    const SocketAddress& address() const { return address_; }
    // "10.0.0.1:8080", for logs.
    const std::string& address_text() const { return address_text_; }
    // host[:port] as configured: what the service sees as Host.
    const std::string& authority() const { return authority_; }
    const EndpointTls& tls() const { return tls_; }
    // Of a reload: new connections are made with these. @requires tls.same_as(this->tls())
    void renew(PoolLimits limits, EndpointTls tls) {
        limits_ = limits;
        tls_ = std::move(tls);
    }

    // A resting connection, or nullptr. @returns one that the peer had neither closed nor spoken on when this turn of the loop
    // began; with `careful` at this very moment (for requests that cannot be repeated)
    std::unique_ptr<Connection> take_resting(bool careful);
    // A new connection, its TLS handshake included.
    // @errors upstream_refused, upstream_unreachable, upstream_tls, upstream_connect_timeout, upstream_overloaded (max_connections), descriptors
    io::Task<Result<std::unique_ptr<Connection>>> connect(Time deadline);
    // After an exchange: keeps the connection where it may carry another one, and closes it otherwise.
    // @param hint the peer's own idle limit, or kForever
    void give_back(std::unique_ptr<Connection> connection, Duration hint);

    // A connection could not be made: other endpoints are preferred for a while, for longer each time that it was tried behind such a while.
    // @param began  when it was begun
    void note_failure(Time began, Time now);
    void note_success() { failures_ = 0; }
    bool avoided(Time now) const { return failures_ > 0 && now < avoid_until_; }

    // Nothing rests from now on: resting connections close now, the others (new ones too) after their exchange.
    void drain();
    bool drained() const { return draining_ && open_ == 0; }
    uint32_t open() const { return open_; }
    uint32_t resting() const { return resting_; }

  private:
    friend class Connection;
    class Connecting;
    void drop_resting(Connection& connection);
    void on_timer() override;

    io::Loop& loop_;
    SocketAddress address_;
    std::string address_text_;
    std::string authority_;
    PoolLimits limits_;
    ConnectionMeter meter_;
    EndpointTls tls_;
    std::shared_ptr<io::TlsSession> session_;  // of the last handshake
    IntrusiveList<Connection, Connection> idle_;  // most recently used first; owned
    uint32_t open_ = 0;
    uint32_t connecting_ = 0;
    uint32_t resting_ = 0;
    uint32_t failures_ = 0;
    Time avoid_until_{};
    bool draining_ = false;
};

}  // namespace portico::upstream
