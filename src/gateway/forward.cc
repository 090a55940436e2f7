#include "gateway/forward.h"

#include "gateway/body_filtering.h"
#include "gateway/body_pipe.h"
#include "gateway/reply.h"
#include "gateway/rewrite.h"
#include "gateway/upstream_request.h"
#include "io/gate.h"
#include "upstream/broken_answer.h"

namespace portico::gateway {
namespace {

using http::Framing;

constexpr uint32_t kMaxAttempts = 3;
constexpr uint32_t kMaxInterim = 32;
// How long an upstream may leave a client waiting for its 100 before the gateway lets the body go (RFC 9110 §10.1.1).
constexpr Duration kContinueWait = std::chrono::seconds(1);
// An upstream that takes no more of the request may have refused it already: how long that response is looked for.
constexpr Duration kLastLook = std::chrono::milliseconds(100);

// Ends the exchange because the client's body failed: wakes whoever waits for the upstream's answer, from the loop, since the one
// that noticed is a child of the one that waits. Who writes to the client meanwhile finds no time left for the next wait.
class Waker final : public io::Deferred {
  public:
    Waker(const UpstreamLease& lease, Deadlines& deadlines, io::Loop& loop) : lease_(lease), deadlines_(deadlines), loop_(loop) {}

  private:
    void on_deferred() override {
        deadlines_.end(loop_.now());
        if (lease_.connection != nullptr) lease_.connection->stream().interrupt(ECANCELED, io::Direction::read);
    }
    const UpstreamLease& lease_;
    Deadlines& deadlines_;
    io::Loop& loop_;
};

enum class Attempt : uint8_t { over, retry_fresh };

class Forwarding {
  public:
    Forwarding(Exchange& x, const ForwardPlan& plan);
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
    Time head_time() const;
    void expect_head_by(Time due);
    void note_unsent(Error why);
    io::Task<Result<void>> read_head();
    Result<bool> take_head();
    io::Task<Result<void>> pass_interim(int status);
    io::Task<Result<void>> let_body_go();
    io::Task<Attempt> fail_attempt(Error error);
    // Before any policy judges the head.
    void map_locations();
    io::Task<void> answer();
    Error read_error(io::IoResult got);
    bool may_repeat() const;
    Attempt repeat();

    Exchange& x_;
    const ForwardPlan& plan_;
    Deadlines deadlines_;
    UpstreamLease lease_;
    Waker waker_;
    bool has_body_ = false;
    bool held_ = false;        // the body is in memory, and can be sent again
    bool body_begun_ = false;  // some of the body has left the client's side for good
    // Of the attempt.
    io::Gate body_may_go_;
    PipeEnd pumped_;
    std::optional<Error> unsent_;  // why the request did not leave whole
    Time head_due_{};              // until when the next byte of the head may be waited for
    std::optional<Duration> kept_for_;  // the service keeps the connection, and says how long (or kForever)
    uint32_t interim_ = 0;
    bool expect_ = false;          // 100 is still to come
    bool pump_done_ = true;
    bool answered_byte_ = false;
};

Forwarding::Forwarding(Exchange& x, const ForwardPlan& plan)
    : x_(x), plan_(plan), deadlines_(plan.timeouts, x.context.loop.now()), waker_(lease_, deadlines_, x.context.loop) {
    x_.client->set_times(plan_.timeouts.idle, deadlines_.total());
    x_.compute_due = deadlines_.total();
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
    if (lease_.endpoint == nullptr) return fail(Fault::upstream_unresolved, plan_.service.why_unresolved());
    upstream::Endpoint& endpoint = *lease_.endpoint;
    x_.record.endpoint = x_.arena.copy(endpoint.address_text());
    x_.record.reused = false;
    // Its metrics are there from the first attempt on, whatever becomes of that.
    const ServiceCells& cells = x_.context.service_cells(*x_.epoch, static_cast<size_t>(plan_.service_index));
    if (fresh) return false;
    // Of what cannot be repeated: a body that is passed on as it comes cannot, whatever the method.
    const bool careful = !http::is_idempotent(x_.upstream_method()) || (has_body_ && !held_);
    lease_.connection = endpoint.take_resting(careful);
    if (lease_.connection == nullptr) return false;
    x_.context.shard.add(cells.reuses);
    x_.record.reused = true;
    x_.times.connected = loop().now();
    return true;
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

// The peer may have closed a resting connection just as it was used again: nobody's fault, and safe to repeat where nothing of
// a body is lost and the method may be repeated (RFC 9110 §9.2.2).
bool Forwarding::may_repeat() const {
    return x_.record.reused && !body_begun_ && http::is_idempotent(x_.upstream_method()) && x_.record.attempts < kMaxAttempts;
}

Attempt Forwarding::repeat() {
    x_.record.retry = "stale_connection";
    x_.context.shard.add(x_.context.service_cells(*x_.epoch, static_cast<size_t>(plan_.service_index)).stale_reuse);
    return Attempt::retry_fresh;
}

io::Task<Attempt> Forwarding::attempt() {
    body_may_go_.shut();
    pumped_ = {};
    unsent_.reset();
    kept_for_.reset();
    answered_byte_ = false;
    interim_ = 0;
    io::Buffer out;
    write_request(out);
    const io::IoResult sent = co_await lease_.connection->send(out, pump_done_, deadlines_.idle(loop().now()));
    out.release();
    head_due_ = head_time();
    std::optional<io::Fork> pumping;
    if (!sent.ok()) {
        expect_ = false;
        note_unsent(body_broken_off(x_, deadlines_, sent.error(), *lease_.connection).error);
    } else if (!pump_done_) {
        pumping.emplace(pump());
    }
    auto head = co_await read_head();
    if (head && upstream::closes_idle(x_.upstream_head) && may_repeat()) {
        pumping.reset();
        x_.upstream_head.clear();
        co_return repeat();
    }
    if (head) {
        co_await answer();
        // Nobody uses the connection any more when it goes to rest, or goes.
        pumping.reset();
        if (kept_for_) lease_.endpoint->give_back(std::move(lease_.connection), *kept_for_);
        co_return Attempt::over;
    }
    pumping.reset();
    waker_.unlink();
    co_return co_await fail_attempt(std::move(head).error());
}

io::Task<Attempt> Forwarding::fail_attempt(Error error) {
    if (pumped_.how == PipeEnd::How::client_failed) error = std::move(pumped_.error);
    else if (error.fault == Fault::upstream_closed && !answered_byte_ && may_repeat()) co_return repeat();
    co_await reply_error(x_, std::move(error));
    co_return Attempt::over;
}

// The request did not leave whole. An upstream may refuse early and close while it is still written to: its response, if there
// is one, is what counts. One that just stopped reading is only looked at once more.
void Forwarding::note_unsent(Error why) {
    const bool timed_out = why.fault == Fault::upstream_idle_timeout || why.fault == Fault::upstream_total_timeout;
    const Time now = loop().now();
    expect_head_by(timed_out ? now + kLastLook : deadlines_.first_byte(now));
    unsent_ = std::move(why);
}

// Until when the response's next head may keep one waiting. While the request's body is on its way, the waits of that are
// bounded by themselves.
Time Forwarding::head_time() const {
    const Time now = loop().now();
    if (!pump_done_) return deadlines_.total();
    return answered_byte_ ? deadlines_.idle(now) : deadlines_.first_byte(now);
}

void Forwarding::expect_head_by(Time due) {
    head_due_ = due;
    // One that has begun to come has the time between two of its bytes.
    if (!lease_.connection->in().empty()) return;
    io::StreamDeadline& waits = lease_.connection->read_deadline();
    if (waits.pending()) waits.set_at(loop().timers(), due);
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
    if (expect_) co_await body_may_go_.opened();
    body_begun_ = !held_;
    if (held_) pumped_ = co_await send_held_body(x_, *lease_.connection, deadlines_);
    else pumped_ = co_await pipe_request(x_, *lease_.connection, deadlines_);
    pump_done_ = true;
    switch (pumped_.how) {
        case PipeEnd::How::client_failed: loop().defer(waker_); break;
        case PipeEnd::How::upstream_failed: note_unsent(pumped_.error); break;
        case PipeEnd::How::whole:
        case PipeEnd::How::refused: expect_head_by(head_time()); break;
    }
}

Error Forwarding::read_error(io::IoResult got) {
    if (got.timed_out()) {
        if (deadlines_.total_passed(loop().now())) return Error(Fault::upstream_total_timeout);
        if (unsent_) return std::move(*unsent_);
        return Error(answered_byte_ ? Fault::upstream_idle_timeout : Fault::upstream_first_byte_timeout);
    }
    const std::string_view failure = lease_.connection->stream().failure();
    if (got.error() == EPROTO) return Error(Fault::upstream_tls, failure, EPROTO);
    if (!failure.empty()) return Error(Fault::upstream_closed, failure, got.error());
    return Error(Fault::upstream_closed, got.eof() ? "closed before its answer was whole" : "reading its answer", got.error());
}

// @returns true once the head of the response, or of an interim one, is in x_.upstream_head
Result<bool> Forwarding::take_head() {
    upstream::Connection& from = *lease_.connection;
    if (from.in().empty()) return false;
    auto progress = from.parser().parse_response(from.in().view(), x_.upstream_method(), x_.upstream_head);
    if (!progress) return fail(upstream::broken_head(std::move(progress).error(), from.in().view(), x_.upstream_head));
    if (*progress != http::h1::Progress::done) return false;
    from.in().consume(static_cast<uint32_t>(from.parser().consumed()));
    from.parser().reset();
    return true;
}

io::Task<Result<void>> Forwarding::let_body_go() {
    expect_ = false;
    if (!co_await x_.client->send_interim(100, {})) co_return fail(Fault::client_gone);
    body_may_go_.open();
    co_return Result<void>{};
}

io::Task<Result<void>> Forwarding::pass_interim(int status) {
    if (status == 101) co_return fail(Fault::upstream_protocol, "101 without an upgrade");
    if (++interim_ > kMaxInterim) co_return fail(Fault::upstream_protocol, "too many interim answers");
    if (status == 100) {
        if (expect_) co_return co_await let_body_go();
        co_return Result<void>{};
    }
    take_interim_head(x_, x_.upstream_head);
    const bool sent = co_await x_.client->send_interim(status, x_.response.fields);
    x_.response.clear();
    if (!sent) co_return fail(Fault::client_gone);
    co_return Result<void>{};
}

io::Task<Result<void>> Forwarding::read_head() {
    upstream::Connection& from = *lease_.connection;
    const Time continue_due = std::min(loop().now() + kContinueWait, deadlines_.idle(loop().now()));
    for (;;) {
        auto whole = take_head();
        if (!whole) co_return fail(std::move(whole).error());
        if (*whole && x_.upstream_head.status >= 200) co_return Result<void>{};
        if (*whole) {
            auto passed = co_await pass_interim(x_.upstream_head.status);
            if (!passed) co_return passed;
            // Writing to the client took its time, in which its body may have failed.
            if (pumped_.how == PipeEnd::How::client_failed) co_return fail(Fault::client_gone);
            if (!unsent_) head_due_ = head_time();
            continue;
        }
        from.make_room();
        const Time due = from.in().empty() ? head_due_ : deadlines_.idle(loop().now());
        const io::IoResult got = co_await from.receive(from.in(), expect_ ? std::min(continue_due, due) : due);
        if (got.timed_out() && expect_ && !deadlines_.total_passed(loop().now())) {
            // The upstream says nothing: the client is let go rather than kept waiting.
            auto going = co_await let_body_go();
            if (!going) co_return going;
            continue;
        }
        if (got.value <= 0) co_return fail(read_error(got));
        if (!answered_byte_) {
            answered_byte_ = true;
            x_.times.first_byte = loop().now();
        }
    }
}

void Forwarding::map_locations() {
    if (plan_.locations == nullptr) return;
    const std::string_view sent_host = plan_.host.empty() ? std::string_view(lease_.endpoint->authority()) : plan_.host;
    const bool by_tls = lease_.endpoint->tls().client != nullptr;
    plan_.locations->apply({sent_host, by_tls, x_.forwarded_proto, x_.view.path, stripped_prefix(x_.view.path, plan_.path, plan_.rest_is_empty), &x_.match}, x_.response.fields, x_.arena);
}

io::Task<void> Forwarding::answer() {
    upstream::Connection& from = *lease_.connection;
    take_upstream_head(x_, x_.upstream_head);
    map_locations();
    const http::BodyLength length = x_.upstream_head.body;
    // Trailers are judged by them, when the head's bytes are gone.
    if (length.framing == Framing::chunked) {
        for (std::string_view& name : x_.upstream_head.connection.names) name = x_.arena.copy(name);
    }
    const bool keep = x_.upstream_head.keep_alive && length.framing != Framing::until_close;
    Duration hint = kForever;
    if (keep) {
        if (const http::Field* f = x_.upstream_head.fields.find(http::FieldName::keep_alive)) hint = upstream::keep_alive_hint(f->value);
    }
    if (x_.response_policies_take_long()) co_await x_.run_response_policies_in_parts();
    else x_.run_response_policies();
    if (x_.answer_error) {
        co_await reply_error(x_, std::move(*x_.answer_error));
        co_return;
    }
    // The head's views lie in from.in(): what follows of it must not move before the answer's head was sent.
    PipeEnd end = co_await (x_.body_filters.empty() ? pipe_response(x_, from, deadlines_, length) : filter_response(x_, from, deadlines_, length));
    // Where the client's body failed, that is why the response was broken off.
    if (end.how != PipeEnd::How::whole && pumped_.how == PipeEnd::How::client_failed) end.error = std::move(pumped_.error);
    if (end.how == PipeEnd::How::upstream_failed || end.how == PipeEnd::How::refused) {
        co_await reply_error(x_, std::move(end.error));
        if (!end.read_whole) co_return;
    }
    if (end.how == PipeEnd::How::client_failed) {
        x_.note(end.error);
        co_return;
    }
    if (keep) kept_for_ = hint;
}

}  // namespace

io::Task<void> forward(Exchange& x, ForwardPlan plan) {
    x.record.service = plan.service_index;
    Forwarding forwarding(x, plan);
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
        if (!ready) co_return co_await reply_error(x, std::move(ready).error());
        if (co_await forwarding.attempt() == Attempt::over) co_return;
        fresh = true;
    }
}

}  // namespace portico::gateway
