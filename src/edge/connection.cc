#include "edge/connection.h"

namespace portico::edge {

Connection::Connection(ConnectionSet& set, std::unique_ptr<io::Stream> stream, const ServerSettings& settings)
    : set_(set), stream_(std::move(stream)), server_(set.context(), set.handler(), *stream_, settings, *this) {
    set_.all_.push_back(*this);
    ++set_.size_;
    set_.context().shard.add(set_.context().cells.connections_total);
    set_.context().shard.add(set_.context().cells.connections_open, 1);
}

Connection::~Connection() {
    --set_.size_;
    set_.context().shard.add(set_.context().cells.connections_open, -1);
    // The task goes before what it uses.
    root_.cancel();
}

void Connection::start() {
    stream_->watch(this);
    root_.start(server_.serve(), this);
}

void Connection::kill() {
    if (over_) return;
    over_ = true;
    set_.context().loop.defer(*this);
}

void Connection::on_phase(Phase phase) {
    phase_ = phase;
    auto& hook = static_cast<ListHook<EvictableTag>&>(*this);
    if (phase == Phase::idle) set_.evictable_.push_back(*this);
    else if (phase != Phase::head) hook.unlink();
}

void Connection::on_root_done() { kill(); }

// From the loop or from inside watch(): only takes note.
void Connection::on_peer_closed(int error) {
    if (over_ || phase_ == Phase::idle || phase_ == Phase::head) return;  // the pending read says it
    if (error != 0) return kill();
    // A client may close its sending side and still want its answer; one that has left looks the same. It gets a while.
    const Duration grace = server_.settings().half_close;
    if (grace == kForever) return;
    set(set_.context().loop.timers(), set_.context().loop.now() + grace);
}

void Connection::on_timer() {
    if (phase_ == Phase::exchange) kill();
}

void Connection::on_deferred() { delete this; }

ConnectionSet::~ConnectionSet() { close_all(); }

void ConnectionSet::admit(std::unique_ptr<io::Stream> stream, const ServerSettings& settings) {
    if (size_ >= limit_ && !evict_one()) return;  // everybody is being served: the new one is closed
    auto* c = new Connection(*this, std::move(stream), settings);
    c->start();
}

bool ConnectionSet::evict_one() {
    if (evictable_.empty()) return false;
    Connection& oldest = evictable_.front();
    static_cast<ListHook<EvictableTag>&>(oldest).unlink();
    oldest.kill();
    return true;
}

void ConnectionSet::close_idle() {
    all_.for_each([](Connection& c) {
        if (c.idle()) c.kill();
    });
}

void ConnectionSet::close_all() {
    all_.for_each([](Connection& c) { delete &c; });
}

}  // namespace portico::edge
