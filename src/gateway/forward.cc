#include "gateway/forward.h"

#include "gateway/body_filtering.h"
#include "gateway/body_pipe.h"
#include "gateway/reply.h"
#include "gateway/upstream_request.h"

namespace portico::gateway {
namespace {

using http::Framing;

constexpr uint32_t kMaxAttempts = 3;
constexpr uint32_t kMaxInterim = 32;
// How long an upstream may leave a client waiting for its 100 before the gateway lets the body go (RFC 9110 §10.1.1).
constexpr Duration kContinueWait = std::chrono::seconds(1);

// Holds the request's body back until the upstream has said 100.
class ContinueGate {
  public:
    bool await_ready() const { return open_; }
    void await_suspend(std::coroutine_handle<> h) { waiter_ = h; }
    void await_resume() const {}
    void open() {
        open_ = true;
        if (waiter_) std::exchange(waiter_, nullptr).resume();
    }

  private:
    std::coroutine_handle<> waiter_;
    bool open_ = false;
};

// Wakes whoever waits for the upstream's answer because the client's body failed; from the loop, since the one that noticed
// is a child of the one that waits.
class Waker final : public io::Deferred {
  public:
    void aim(io::Stream* stream) { stream_ = stream; }

  private:
    void on_deferred() override {
        if (stream_ != nullptr) stream_->interrupt(ECANCELED);
    }
    io::Stream* stream_ = nullptr;
};

enum class Attempt : uint8_t { over, retry_fresh };

class Forwarding {
  public:
    Forwarding(Exchange& x, const ForwardPlan& plan)
        : x_(x), plan_(plan), deadlines_(plan.timeouts, x.context.loop.now()) {}

    void begin();
    // Chooses an endpoint for the next attempt, and a resting connection of it unless `fresh`. @returns whether there was one
    // @errors upstream_unresolved
    Result<bool> choose(bool fresh);
    io::Task<Result<void>> connect();
    bool may_try_another(const Error& e) const;
    // With the connection that there is now; gives it back, or closes it.
    io::Task<Attempt> attempt();

  private:
    io::Loop& loop() const { return x_.context.loop; }
    void write_request(io::Buffer& out);
    io::Task<void> pump();
    io::Task<Result<void>> read_head();
    io::Task<Attempt> answer();
    void finish();
    Error read_error(io::IoResult got);
    bool may_retry(const Error& e) const;

    Exchange& x_;
    const ForwardPlan& plan_;
    Deadlines deadlines_;
    UpstreamLease lease_;
    io::Buffer first_;         // of the request's body, read before the head was written
    ContinueGate gate_;
    Waker waker_;
    PipeEnd pumped_;
    bool has_body_ = false;
    bool held_ = false;        // the body is in memory, and can be sent again
    bool expect_ = false;      // 100 is still to come
    bool body_begun_ = false;  // some of the body has left the client's side for good
    bool pump_done_ = true;
    bool answered_byte_ = false;
};

void Forwarding::begin() {
    held_ = x_.request_body.has_value();
    has_body_ = held_ ? !x_.request_body->empty() : x_.request.body.framing != Framing::none && !x_.client->body_finished();
}

// Nothing was sent, so another endpoint may be asked whatever the method.
bool Forwarding::may_try_another(const Error& e) const {
    const bool other = x_.tried.size() < plan_.service.endpoint_count() && x_.record.attempts < kMaxAttempts;
    return other && e.fault != Fault::upstream_unresolved && !deadlines_.total_passed(loop().now());
}

Result<bool> Forwarding::choose(bool fresh) {
    lease_.connection.reset();
    lease_.endpoint = plan_.service.pick(x_.tried);
    if (lease_.endpoint == nullptr) return fail(Fault::upstream_unresolved, "service " + plan_.service.name());
    upstream::Endpoint& endpoint = *lease_.endpoint;
    x_.record.endpoint = x_.arena.copy(endpoint.address_text());
    x_.record.reused = false;
    // Its metrics are there from the first attempt on, whatever becomes of that.
    const ServiceCells& cells = x_.context.service_cells(*x_.epoch, static_cast<size_t>(plan_.service_index));
    if (fresh) return false;
    const bool careful = !http::is_idempotent(x_.upstream_method());
    while ((lease_.connection = endpoint.take_resting()) != nullptr) {
        if (careful && !lease_.connection->looks_alive()) continue;
        x_.context.shard.add(cells.reuses);
        x_.record.reused = true;
        x_.times.connected = loop().now();
        return true;
    }
    return false;
}

io::Task<Result<void>> Forwarding::connect() {
    upstream::Endpoint& endpoint = *lease_.endpoint;
    auto connected = co_await endpoint.connect(deadlines_.connect(loop().now()));
    if (!connected) {
        x_.tried.push_back(&endpoint);
        if (connected.error().fault == Fault::upstream_connect_timeout && deadlines_.total_passed(loop().now())) {
            co_return fail(Fault::upstream_total_timeout, connected.error().context);
        }
        co_return fail(std::move(connected).error());
    }
    x_.context.shard.add(x_.context.service_cells(*x_.epoch, static_cast<size_t>(plan_.service_index)).connects);
    lease_.connection = std::move(*connected);
    x_.times.connected = loop().now();
    co_return Result<void>{};
}

bool Forwarding::may_retry(const Error& e) const {
    // The peer may have closed a resting connection just as it was used again: nobody's fault, and safe to repeat where
    // nothing of an answer came, nothing of a body is lost and the method may be repeated (RFC 9110 §9.2.2).
    return e.fault == Fault::upstream_closed && x_.record.reused && !answered_byte_ && !body_begun_ &&
           http::is_idempotent(x_.upstream_method()) && x_.record.attempts < kMaxAttempts;
}

io::Task<Attempt> Forwarding::attempt() {
    answered_byte_ = false;
    upstream::Connection& to = *lease_.connection;
    waker_.aim(&to.stream());
    io::Buffer out;
    write_request(out);
    to.deadline().set_at(loop().timers(), !pump_done_ ? deadlines_.idle(loop().now()) : deadlines_.first_byte(loop().now()));
    // An upstream may refuse early and close while we still write: its answer, if there is one, is what counts.
    const bool sent = (co_await to.stream().write(out)).ok();
    out.release();
    std::optional<io::Fork> pumping;
    if (sent && !pump_done_) pumping.emplace(pump());
    auto head = co_await read_head();
    if (!head) {
        pumping.reset();
        waker_.unlink();
        Error error = std::move(head).error();
        if (pumped_.how == PipeEnd::How::client_failed) {
            co_await reply_error(x_, std::move(pumped_.error));
            co_return Attempt::over;
        }
        if (may_retry(error)) {
            x_.record.retry = "stale_connection";
            x_.context.shard.add(
                x_.context.service_cells(*x_.epoch, static_cast<size_t>(plan_.service_index)).stale_reuse);
            co_return Attempt::retry_fresh;
        }
        co_await reply_error(x_, std::move(error));
        co_return Attempt::over;
    }
    co_return co_await answer();
}

// The head, and the body where it is here already, in one write.
void Forwarding::write_request(io::Buffer& out) {
    expect_ = has_body_ && !held_ && x_.request.expect_continue && !body_begun_;
    pump_done_ = !has_body_;
    uint32_t size = io::kSmallBuffer;
    for (;;) {
        out.ensure(loop().buffers(), size);
        http::h1::Output o(out.tail(), out.room());
        write_upstream_head(o, x_, plan_, lease_.endpoint->authority(), expect_);
        if (!o.full()) {
            out.commit(static_cast<uint32_t>(o.size()));
            if (held_ && has_body_ && x_.request_body->size() <= out.room()) {
                out.append(*x_.request_body);
                pump_done_ = true;
            }
            return;
        }
        out.release();
        size *= 4;
    }
}

io::Task<void> Forwarding::pump() {
    if (expect_) co_await gate_;
    body_begun_ = !held_;
    if (held_) pumped_ = co_await send_held_body(x_, *lease_.connection, deadlines_);
    else pumped_ = co_await pipe_request(x_, *lease_.connection, deadlines_, first_);
    pump_done_ = true;
    if (pumped_.how == PipeEnd::How::client_failed) loop().defer(waker_);
    else if (pumped_.how == PipeEnd::How::upstream_failed) {
        lease_.connection->deadline().set_at(loop().timers(), deadlines_.first_byte(loop().now()));
    }
}

Error Forwarding::read_error(io::IoResult got) {
    if (got.timed_out()) {
        if (deadlines_.total_passed(loop().now())) return Error(Fault::upstream_total_timeout);
        return Error(pump_done_ && !answered_byte_ ? Fault::upstream_first_byte_timeout : Fault::upstream_idle_timeout);
    }
    const std::string_view failure = lease_.connection->stream().failure();
    if (got.error() == EPROTO) return Error(Fault::upstream_tls, failure, EPROTO);
    if (!failure.empty()) return Error(Fault::upstream_closed, failure, got.error());
    return Error(Fault::upstream_closed, got.eof() ? "closed before its answer was whole" : "reading its answer", got.error());
}

io::Task<Result<void>> Forwarding::read_head() {
    upstream::Connection& from = *lease_.connection;
    io::Buffer& in = from.in();
    if (expect_) from.deadline().set_at(loop().timers(), std::min(loop().now() + kContinueWait, deadlines_.idle(loop().now())));
    for (uint32_t interim = 0;;) {
        if (!in.empty()) {
            auto progress = from.parser().parse_response(in.view(), x_.upstream_method(), x_.upstream_head);
            if (!progress) co_return fail(std::move(progress).error());
            if (*progress == http::h1::Progress::done) {
                const int status = x_.upstream_head.status;
                in.consume(static_cast<uint32_t>(from.parser().consumed()));
                from.parser().reset();
                if (status >= 200) co_return Result<void>{};
                if (status == 101) co_return fail(Fault::upstream_protocol, "101 without an upgrade");
                if (++interim > kMaxInterim) co_return fail(Fault::upstream_protocol, "too many interim answers");
                if (status == 100 && expect_) {
                    expect_ = false;
                    if (!co_await x_.client->send_interim(100, {})) co_return fail(Fault::client_gone);
                    gate_.open();
                } else if (status != 100) {
                    take_interim_head(x_, x_.upstream_head);
                    if (!co_await x_.client->send_interim(status, x_.response.fields)) co_return fail(Fault::client_gone);
                    x_.response.clear();
                }
                continue;
            }
        }
        if (in.has_block() && in.room() == 0) {
            in.compact();
            if (in.room() == 0) {
                io::Buffer larger;
                larger.ensure(loop().buffers(), in.capacity() * 2);
                larger.append(in.view());
                in = std::move(larger);
            }
        }
        const io::IoResult got = co_await from.stream().read(in);
        if (got.timed_out() && expect_ && !deadlines_.total_passed(loop().now())) {
            // The upstream says nothing: the client is let go rather than kept waiting.
            expect_ = false;
            if (!co_await x_.client->send_interim(100, {})) co_return fail(Fault::client_gone);
            gate_.open();
            continue;
        }
        if (got.value <= 0) co_return fail(read_error(got));
        if (!answered_byte_) {
            answered_byte_ = true;
            x_.times.first_byte = loop().now();
            from.deadline().set_at(loop().timers(), deadlines_.idle(loop().now()));
        }
    }
}

io::Task<Attempt> Forwarding::answer() {
    upstream::Connection& from = *lease_.connection;
    take_upstream_head(x_, x_.upstream_head);
    const http::BodyLength length = x_.upstream_head.body;
    const bool keep = x_.upstream_head.keep_alive && length.framing != Framing::until_close;
    Duration hint = kForever;
    if (keep) {
        if (const http::Field* f = x_.upstream_head.fields.find(http::FieldName::keep_alive)) hint = upstream::keep_alive_hint(f->value);
    }
    x_.run_response_policies();
    if (x_.answer_error) {
        co_await reply_error(x_, std::move(*x_.answer_error));
        co_return Attempt::over;
    }
    // The head's views lie in from.in(): what follows of it must not move before the answer's head was sent.
    PipeEnd end = co_await (x_.body_filters.empty() ? pipe_response(x_, from, deadlines_, length) : filter_response(x_, from, deadlines_, length));
    if (end.how == PipeEnd::How::upstream_failed || end.how == PipeEnd::How::refused) {
        co_await reply_error(x_, std::move(end.error));
        if (!end.read_whole) co_return Attempt::over;
    }
    if (end.how == PipeEnd::How::client_failed) {
        x_.note(end.error);
        co_return Attempt::over;
    }
    if (keep && pump_done_ && pumped_.how == PipeEnd::How::whole && x_.client->body_finished() && from.in().empty() &&
        !from.spoiled()) {
        from.deadline().cancel();
        lease_.endpoint->give_back(std::move(lease_.connection), hint);
    }
    co_return Attempt::over;
}

}  // namespace

io::Task<void> forward(Exchange& x, ForwardPlan plan) {
    x.record.service = plan.service_index;
    Forwarding forwarding(x, plan);
    forwarding.begin();
    for (bool fresh = false;;) {
        ++x.record.attempts;
        auto reused = forwarding.choose(fresh);
        Result<void> ready;
        if (!reused) ready = fail(std::move(reused).error());
        else if (!*reused) ready = co_await forwarding.connect();
        if (!ready && forwarding.may_try_another(ready.error())) {
            x.record.retry = code_of(ready.error().fault);
            continue;
        }
        if (!ready) {
            co_await reply_error(x, std::move(ready).error());
            co_return;
        }
        if (co_await forwarding.attempt() == Attempt::over) co_return;
        fresh = true;
    }
}

}  // namespace portico::gateway
