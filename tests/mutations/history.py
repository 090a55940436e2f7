"""Faults that the code had: each restores the old lines. They are named with the tests that came with their mends."""
from mutation import mutation

FORWARD = "src/gateway/forward.cc"
ENDPOINT = "src/upstream/endpoint.cc"
EXCHANGE = "src/edge/h1_exchange.cc"
EPOLL = "src/io/epoll_stream.cc"

HISTORY = [
    mutation("A2: a connection to which half a head was written goes back to the pool", (FORWARD, """
    out.release();
    head_due_ = head_time();
""", """
    out.release();
    if (pump_done_) lease_.connection->end_request();
    head_due_ = head_time();
""")),

    mutation("A3: a skipped body owes bytes to the service", (EXCHANGE, """
    if (finished_ || body_begun_ || x_.request.body.framing != Framing::length || x_.request.expect_continue) return;
""", """
    if (finished_ || x_.request.body.framing != Framing::length || x_.request.expect_continue) return;
""")),

    mutation("A4: bytes behind a chunked body lose their order", (EXCHANGE, """
    if (from_buffer) {
        body_at_ -= static_cast<uint32_t>(rest.size());
    } else if (!rest.empty()) {
        carry_.ensure(server_.context().loop.buffers(), std::max(io::kSmallBuffer, static_cast<uint32_t>(rest.size())));
        carry_.append(rest);
    }
""", """
    if (!rest.empty()) {
        carry_.ensure(server_.context().loop.buffers(), std::max(io::kSmallBuffer, static_cast<uint32_t>(rest.size())));
        carry_.append(rest);
    }
"""), (EXCHANGE, """
    if (!carry_.empty()) server_.in_ = std::move(carry_);
""", """
    if (server_.in_.empty() && !carry_.empty()) server_.in_ = std::move(carry_);
""")),

    mutation("A6: a write's deadline is never taken back, and cuts a steady upload", (EXCHANGE, """
      write_deadline_(&server.stream()),
""", """
      write_deadline_(&server.stream(), io::Direction::both),
"""), (EXCHANGE, """
io::Until H1Exchange::read_until() { return {&server_.read_deadline_, &server_.context().loop.timers(), due(), &write_deadline_}; }
""", """
io::Until H1Exchange::read_until() { return {&server_.read_deadline_, &server_.context().loop.timers(), due()}; }
"""), (EXCHANGE, """
    co_return written(co_await server_.stream_->write(buffer, write_until()), size);
""", """
    write_deadline_.set_at(server_.context().loop.timers(), due());
    co_return written(co_await server_.stream_->write(buffer), size);
"""), (EXCHANGE, """
    const bool sent = !gone_ && written(co_await server_.stream_->write(out_, write_until()), size_of_all);
""", """
    write_deadline_.set_at(server_.context().loop.timers(), due());
    const bool sent = !gone_ && written(co_await server_.stream_->write(out_), size_of_all);
""")),

    mutation("A8: behind a head whose write took too long nothing bounds the wait", (FORWARD, """
        expect_ = false;
        note_unsent(body_broken_off(x_, deadlines_, sent.error(), *lease_.connection).error);
""", """
        head_due_ = sent.timed_out() ? io::Timer::kNever : deadlines_.idle(loop().now());
""")),

    mutation("A31: a reload reaches into requests that wait", ("src/server/service_set.cc", """
        // Of its own for each snapshot: requests that wait keep the endpoints of the one that they began with.
        const auto service = std::make_shared<upstream::Service>(context_.loop, c.name, meter_of(c.name));
        if (const auto before = running_.find(c.name); before != running_.end()) {
            service->succeed(*before->second, addresses[i], limits_of(c));
            running_.erase(before);
        } else {
            service->update(addresses[i], limits_of(c));
        }
        fresh.emplace(c.name, service);
        in_order.push_back(service);
""", """
        auto& service = fresh[c.name];
        if (const auto known = running_.find(c.name); known != running_.end()) {
            service = std::move(known->second);
            running_.erase(known);
        } else {
            service = std::make_shared<upstream::Service>(context_.loop, c.name, meter_of(c.name));
        }
        service->update(addresses[i], limits_of(c));
        in_order.push_back(service);
"""), ("src/upstream/service.cc", """
    for (const auto& e : endpoints_) e->drain();
}
""", """
    for (const auto& e : endpoints_) e->drain();
    endpoints_.clear();
}
""")),

    mutation("A86: a connection rests and is taken without a look at what came behind its response", (FORWARD, """
        if (kept_for_) lease_.endpoint->give_back(std::move(lease_.connection), *kept_for_);
""", """
        if (kept_for_ && pump_done_ && pumped_.how == PipeEnd::How::whole && x_.client->body_finished() && lease_.connection->in().empty()) {
            lease_.endpoint->give_back(std::move(lease_.connection), *kept_for_);
        }
"""), (ENDPOINT, """
#include <algorithm>
#include <cstring>

namespace portico::upstream {
""", """
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace portico::upstream {

static bool looks_alive(Connection& c) {
    const int fd = c.stream().look_fd();
    if (fd < 0) return true;
    char byte;
    const ssize_t n = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}
"""), (ENDPOINT, """
        if (taken->rests_until() <= loop_.now() || !taken->fit(careful)) continue;
""", """
        if (taken->rests_until() <= loop_.now() || (careful && !looks_alive(*taken))) continue;
"""), (ENDPOINT, """
    if (!connection->may_carry_another() || draining_ || resting_ >= limits_.max_idle) return;
""", """
    if (draining_ || resting_ >= limits_.max_idle) return;
""")),

    mutation("A87: the wait for readiness trusts the last edge", ("src/io/epoll_stream.h", """
    bool closed_ = false;       // RDHUP, HUP or ERR was seen
""", """
    bool in_edge_ = true;       // something came since the last wait for readiness
    bool out_edge_ = true;
    bool closed_ = false;       // RDHUP, HUP or ERR was seen
"""), (EPOLL, """
    // The kernel is asked: an edge that was used up says nothing of bytes that whoever moved some has left behind.
    pollfd look{fd_, static_cast<short>(readable ? POLLIN | POLLRDHUP : POLLOUT), 0};
    if (lost_ != 0 || ::poll(&look, 1, 0) > 0) {
        op.result.value = lost_ != 0 ? -lost_ : 1;
        return true;
    }
""", """
    bool& edge = readable ? in_edge_ : out_edge_;
    if (edge || (readable && closed_)) {
        edge = false;
        op.result.value = 1;
        return true;
    }
"""), (EPOLL, """
        readable_ = true;
        if (reader_ != nullptr) {
            if (waits_read_
""", """
        readable_ = in_edge_ = true;
        if (reader_ != nullptr) {
            if (waits_read_
"""), (EPOLL, """
    StreamOp& op = *reader_;
    if (waits_read_) op.result.value = 1;
    else if (!try_read(op)) return;
""", """
    StreamOp& op = *reader_;
    if (waits_read_) in_edge_ = false, op.result.value = 1;
    else if (!try_read(op)) return;
"""), (EPOLL, """
        writable_ = true;
        if (writer_ != nullptr && (waits
""", """
        writable_ = out_edge_ = true;
        if (writer_ != nullptr && (waits
"""), (EPOLL, """
    StreamOp& op = *writer_;
    if (waits_write_) op.result.value = 1;
""", """
    StreamOp& op = *writer_;
    if (waits_write_) out_edge_ = false, op.result.value = 1;
"""), ground="epoll"),

    mutation("A92: an unfinished response to HTTP/1.0 ends in order", (EXCHANGE, """
    if (response_ == Response::begun || response_ == Response::ending) server_.stream_->abort_on_close();
""", """
"""), (EXCHANGE, """
    if (response_ != Response::whole) {
""", """
    if (response_ != Response::whole && coding_ != Coding::until_close && coding_ != Coding::none) {
""")),
    mutation("A1: a gate opens for a pump that a retry destroyed", ("src/io/gate.h", """
        ~Wait() {
            if (gate_.waiter_ == this) gate_.waiter_ = nullptr;
        }
        bool await_ready() const { return gate_.open_; }
        void await_suspend(std::coroutine_handle<> h) {
            handle_ = h;
            gate_.waiter_ = this;
        }
""", """
        bool await_ready() const { return gate_.open_; }
        void await_suspend(std::coroutine_handle<> h) { gate_.waiter_ = h; }
"""), ("src/io/gate.h", """
        if (Wait* waiter = std::exchange(waiter_, nullptr)) waiter->handle_.resume();
""", """
        if (waiter_) std::exchange(waiter_, nullptr).resume();
"""), ("src/io/gate.h", """
    Wait* waiter_ = nullptr;
""", """
    std::coroutine_handle<> waiter_;
"""), (FORWARD, """
    body_may_go_.shut();
""", """
"""), (FORWARD, """
    if (!sent.ok()) {
        expect_ = false;
        note_unsent(body_broken_off(x_, deadlines_, sent.error(), *lease_.connection).error);
    } else if (!pump_done_) {
        pumping.emplace(pump());
    }
""", """
    if (!sent.ok()) {
        note_unsent(body_broken_off(x_, deadlines_, sent.error(), *lease_.connection).error);
    } else if (!pump_done_) {
        pumping.emplace(pump());
    }
"""), preset="waits"),
]
