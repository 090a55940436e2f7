#include "edge/connection.h"

#include "io/socket.h"

namespace portico::edge {

Connection::Connection(ConnectionSet& set, std::unique_ptr<io::Stream> stream, EntranceRef entrance)
    : Member(set.eviction_, stream->peer().ip), set_(set), server_(set.behind_, std::move(stream), std::move(entrance), *this) {
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
    server_.stream().watch(this);
    root_.start(server_.serve(), this);
}

void Connection::kill() {
    if (over_) return;
    over_ = true;
    set_.context().loop.defer(*this);
}

void Connection::end_idle() {
    // Its next request has come: that is read, and answered as the last one. To close here would reset the connection, and take from the
    // client what it has not read yet of the response before (RFC 9112 §9.6).
    if (io::is_readable(server_.stream().look_fd())) return;
    // Its server lets the client read the rest of what it has been sent.
    if (io::has_unsent(server_.stream().look_fd())) server_.stream().interrupt(ETIMEDOUT, io::Direction::read);
    else kill();
}

void Connection::on_phase(Phase phase) {
    phase_ = phase;
    if (over_) return;
    switch (phase) {
        case Phase::idle: waits(used_); break;
        case Phase::closing: lingers(); break;
        case Phase::head: break;
        case Phase::body:
        case Phase::response:
            used_ = true;
            is_served();
            break;
    }
    if (phase == Phase::response && half_closed_) give_grace();
}

void Connection::on_root_done() { kill(); }

// From the loop or from inside watch(): only takes note.
void Connection::on_peer_closed(int error) {
    if (over_) return;
    half_closed_ = true;
    // Between requests and in a head the pending read says it.
    if (phase_ != Phase::body && phase_ != Phase::response) return;
    if (error != 0) kill();
    else give_grace();
}

// A client may close its sending side and still want its response; one that has left looks the same. Each response gets a while.
void Connection::give_grace() {
    const Duration grace = server_.settings().half_close;
    if (grace != kForever) set(set_.context().loop.timers(), set_.context().loop.now() + grace);
}

void Connection::on_timer() {
    if (phase_ == Phase::response || (phase_ == Phase::body && server_.stream().at_end())) return kill();
    // Its end lies behind a body that is still read.
    if (phase_ == Phase::body) give_grace();
}

void Connection::on_deferred() { delete this; }

ConnectionSet::~ConnectionSet() {
    close_all();
    if (descriptors_ != UINT32_MAX) behind_.context.loop.keep_room_by({});
}

void ConnectionSet::admit(std::unique_ptr<io::Stream> stream, EntranceRef entrance) {
    // Where everybody is being served the new one is closed.
    if ((size_ >= limit_ && !evict_one()) || (!has_descriptors() && !free_descriptor())) {
        if (told_) told_(true);
        return;
    }
    auto* c = new Connection(*this, std::move(stream), std::move(entrance));
    c->start();
}

// A service's connection is what somebody is served by: those that wait for nothing give way to it, beyond the reserve as well.
void ConnectionSet::share_descriptors(uint32_t all, uint32_t reserve) {
    descriptors_ = all;
    reserve_ = reserve;
    behind_.context.loop.keep_room_by([this] { return uint64_t{size_} + behind_.context.loop.outward() < descriptors_ || free_descriptor(); });
}

bool ConnectionSet::evict_one() {
    Eviction::Member* const least = eviction_.next();
    if (least == nullptr) return false;
    static_cast<Connection*>(least)->kill();
    if (told_) told_(false);
    return true;
}

bool ConnectionSet::free_descriptor() {
    io::Loop& loop = behind_.context.loop;
    if (eviction_.any_lingers()) return evict_one();
    if (loop.close_resting(kRested)) return true;
    // Of clients those who have only just come would go, who have their request on the way: while services hold much, they give way. A flood of
    // idle clients leaves them a quarter.
    if (uint64_t{loop.outward()} * 4 > descriptors_ && loop.close_resting(Duration::zero())) return true;
    return evict_one() || loop.close_resting(Duration::zero());
}

void ConnectionSet::close_idle(const Entrance* entrance) {
    all_.for_each([&](Connection& c) {
        if (c.idle() && (entrance == nullptr || c.came_by(*entrance))) c.end_idle();
    });
}

void ConnectionSet::close_all() {
    all_.for_each([](Connection& c) { delete &c; });
}

}  // namespace portico::edge
