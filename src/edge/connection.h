// A client's connection: its stream, its server (HTTP/1.1 here; HTTP/2 will stand beside it), and what may end it from
// outside: the client leaving, eviction, a drain. Owned by its Listener's worker through ConnectionSet. One worker's.
//
// While it is idle it holds this object, its stream and one small coroutine frame: no buffer, no exchange.
#pragma once

#include <functional>
#include <memory>

#include "base/intrusive_list.h"
#include "edge/eviction.h"
#include "edge/h1_server.h"
#include "io/loop.h"
#include "io/task.h"

namespace portico::edge {

class ConnectionSet;

class Connection final : public ListHook<Connection>,
                         public Eviction::Member,
                         public H1Server::Owner,
                         private io::Root::Owner,
                         private io::StreamWatcher,
                         private io::Deferred,
                         private io::Timer {
  public:
    Connection(ConnectionSet& set, std::unique_ptr<io::Stream> stream, EntranceRef entrance);
    ~Connection() override;

    void start();
    // Ends it now, whatever it is doing.
    void kill();
    // Of one that is idle: ends it, once what was sent to it has arrived or had its time. From the loop.
    void end_idle();
    // True between requests.
    bool idle() const { return phase_ == Phase::idle; }
    bool came_by(const Entrance& entrance) const { return &server_.entrance() == &entrance; }

    // H1Server::Owner
    void on_phase(Phase phase) override;
    bool ends() const override { return over_; }
    io::StreamWatcher& watcher() override { return *this; }

  private:
    void on_root_done() override;
    void on_peer_closed(int error) override;
    void on_deferred() override;
    void on_timer() override;
    void give_grace();

    ConnectionSet& set_;
    H1Server server_;
    io::Root root_;
    Phase phase_ = Phase::idle;
    bool half_closed_ = false;  // the client sends no more
    bool over_ = false;
    bool used_ = false;  // it has carried a request
};

// The connections of one worker.
class ConnectionSet {
  public:
    ConnectionSet(gateway::Context& context, gateway::Handler& handler) : behind_{context, handler} {}
    ~ConnectionSet();

    // Takes a new connection in. Over the limit another one gives way (Eviction); it is closed where all are being served.
    void admit(std::unique_ptr<io::Stream> stream, EntranceRef entrance);
    // Makes room for one more client by closing the connection that is needed least. @returns false where all are being served
    bool evict_one();
    // Makes a descriptor free: whatever has ended and only waits for its client goes first, then what rests of the services' connections,
    // then clients as above. @returns false where all are in use
    bool free_descriptor();
    // Called whenever the limit or the descriptors cost a connection: one that waited, or the newcomer.
    void tell_of_bound(std::function<void(bool newcomer)> told) { told_ = std::move(told); }
    // Descriptors for clients and services together: newcomers leave `reserve` of them for services.
    void share_descriptors(uint32_t all, uint32_t reserve);
    // Connections beyond a lower limit give way likewise; those that are being served stay.
    void set_limit(uint32_t connections) {
        limit_ = connections;
        for (size_t over = size_ > limit_ ? size_ - limit_ : 0; over > 0 && evict_one(); --over) {}
    }
    uint32_t size() const { return size_; }
    // Closes those that are between requests; of one entrance, or of all.
    void close_idle(const Entrance* entrance = nullptr);
    void close_all();

    gateway::Context& context() { return behind_.context; }

  private:
    friend class Connection;
    // What has just come to rest is likely wanted again.
    static constexpr Duration kRested = std::chrono::seconds(1);
    bool has_descriptors() const { return uint64_t{size_} + behind_.context.loop.outward() + reserve_ < descriptors_; }

    const H1Server::Behind behind_;
    IntrusiveList<Connection, Connection> all_;
    Eviction eviction_;
    std::function<void(bool newcomer)> told_;
    uint32_t size_ = 0;
    uint32_t limit_ = UINT32_MAX;
    uint32_t descriptors_ = UINT32_MAX;
    uint32_t reserve_ = 0;
};

}  // namespace portico::edge
