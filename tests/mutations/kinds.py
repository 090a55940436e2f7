"""Faults of every kind that an exchange may have, put into today's code."""
from mutation import mutation

FORWARD = "src/gateway/forward.cc"
PIPE = "src/gateway/body_pipe.cc"
SPLICE = "src/gateway/splice.cc"
CONNECTION = "src/upstream/connection.h"
ENDPOINT = "src/upstream/endpoint.cc"
EXCHANGE = "src/edge/h1_exchange.cc"
STREAM = "src/io/stream.h"

KINDS = [
    # Deadlines.
    mutation("a deadline outlives its operation, and ends what is pending either way", (STREAM, """
        pending_ = false;
        cancel();
""", """
        pending_ = false;
"""), (STREAM, """
        if (stream_ != nullptr) stream_->interrupt(ETIMEDOUT, which_);
""", """
        if (stream_ != nullptr) stream_->interrupt(ETIMEDOUT, Direction::both);
""")),
    mutation("a part of a request's body is written to the service without a deadline", (PIPE, """
            if (chunked) frame_chunk(part);
            const io::IoResult sent = co_await to.send(part, finished && !chunked, deadlines.idle(loop.now()));
""", """
            if (chunked) frame_chunk(part);
            const io::IoResult sent = co_await to.send(part, finished && !chunked, io::Timer::kNever);
""")),
    mutation("a request's head is written to the service without a deadline", (FORWARD, """
    const io::IoResult sent = co_await lease_.connection->send(out, pump_done_, deadlines_.idle(loop().now()));
""", """
    const io::IoResult sent = co_await lease_.connection->send(out, pump_done_, io::Timer::kNever);
""")),
    mutation("a part of a response is written to the client without a deadline", (EXCHANGE, """
    co_return written(co_await server_.stream_->write(buffer, write_until()), size);
""", """
    co_return written(co_await server_.stream_->write(buffer), size);
""")),
    mutation("a response's head is written to the client without a deadline", (EXCHANGE, """
    const bool sent = !gone_ && written(co_await server_.stream_->write(out_, write_until()), size_of_all);
""", """
    const bool sent = !gone_ && written(co_await server_.stream_->write(out_), size_of_all);
""")),
    mutation("a response's head is waited for without a deadline", (FORWARD, """
        const Time due = from.in().empty() ? head_due_ : deadlines_.idle(loop().now());
""", """
        const Time due = from.in().empty() ? io::Timer::kNever : deadlines_.idle(loop().now());
""")),
    mutation("the rest of a response's head is waited for without a deadline", (FORWARD, """
        const Time due = from.in().empty() ? head_due_ : deadlines_.idle(loop().now());
""", """
        const Time due = from.in().empty() ? head_due_ : deadlines_.total();
""")),
    mutation("a response's body is waited for without a deadline", (PIPE, """
        return from_.receive(into, deadlines_.idle(loop().now()), static_cast<uint32_t>(std::min(max, room)));
""", """
        return from_.receive(into, deadlines_.total(), static_cast<uint32_t>(std::min(max, room)));
""")),
    mutation("a request's body is waited for without a deadline", (EXCHANGE, """
        const io::IoResult got = co_await server_.stream_->read(into, max, until);
""", """
        const io::IoResult got = co_await server_.stream_->read(into, max);
""")),
    mutation("a spliced body waits without a deadline", (SPLICE, """
    const auto moved_now = [&] {
        from.until.at = to.until.at = deadlines.idle(loop.now());
""", """
    const auto moved_now = [&] {
        from.until.at = to.until.at = deadlines.total();
""")),
    mutation("a client that has left in the middle of its body is waited for", ("src/edge/connection.cc", """
    if (phase_ == Phase::response || (phase_ == Phase::body && server_.stream().at_end())) return kill();
""", """
    if (phase_ == Phase::response) return kill();
"""), (EXCHANGE, """
        const io::IoResult got = co_await server_.stream_->read(into, max, until);
""", """
        const io::IoResult got = co_await server_.stream_->read(into, max);
""")),

    # Idle times run from the last byte either way.
    mutation("idle is not extended by the other direction", (STREAM, """
    if (other != nullptr && other->armed() && other->deadline() < at) other->set_at(*wheel, at);
""", """
""")),
    mutation("a request that goes to the service does not extend the wait for its response", (CONNECTION, """
    io::Until write_until(Time at) { return {&write_deadline_, &loop_.timers(), at, &read_deadline_}; }
""", """
    io::Until write_until(Time at) { return {&write_deadline_, &loop_.timers(), at}; }
""")),
    mutation("a response that comes from the service does not extend the write of its request", (CONNECTION, """
    io::Until read_until(Time at) { return {&read_deadline_, &loop_.timers(), at, &write_deadline_}; }
""", """
    io::Until read_until(Time at) { return {&read_deadline_, &loop_.timers(), at}; }
""")),
    mutation("a response that goes to the client does not extend the wait for its body", (EXCHANGE, """
    return {&write_deadline_, &server_.context().loop.timers(), due(), &server_.read_deadline_};
""", """
    return {&write_deadline_, &server_.context().loop.timers(), due()};
""")),
    mutation("a body that comes from the client does not extend the write of its response", (EXCHANGE, """
io::Until H1Exchange::read_until() { return {&server_.read_deadline_, &server_.context().loop.timers(), due(), &write_deadline_}; }
""", """
io::Until H1Exchange::read_until() { return {&server_.read_deadline_, &server_.context().loop.timers(), due()}; }
""")),
    mutation("an operation without a deadline takes the other direction's away", (STREAM, """
    if (at == Timer::kNever) return;
""", """
""")),

    # Connections that carry another exchange.
    mutation("a half-written request's connection goes back to the pool", (FORWARD, """
        if (kept_for_) lease_.endpoint->give_back(std::move(lease_.connection), *kept_for_);
""", """
        if (kept_for_) lease_.connection->end_request();
        if (kept_for_) lease_.endpoint->give_back(std::move(lease_.connection), *kept_for_);
""")),
    mutation("a connection whose response was not read to its end goes back to the pool", (FORWARD, """
    if (end.how == PipeEnd::How::client_failed) {
        x_.note(end.error);
        co_return;
    }
""", """
    if (end.how == PipeEnd::How::client_failed) {
        x_.note(end.error);
        from.end_response(true);
    }
""")),
    mutation("a connection is taken from the pool without a look", (ENDPOINT, """
        if (taken->rests_until() <= loop_.now() || !taken->fit(careful)) continue;
""", """
        if (taken->rests_until() <= loop_.now()) continue;
""")),
    mutation("bytes behind a chunked response are taken for nothing", (PIPE, """
            if (step->done) pipe.from_.end_response(step->consumed == part.size());
""", """
            if (step->done) pipe.from_.end_response(true);
""")),
    mutation("a service that says close is kept", (FORWARD, """
    const bool keep = x_.upstream_head.keep_alive && length.framing != Framing::until_close;
""", """
    const bool keep = length.framing != Framing::until_close;
""")),

    # Bytes.
    mutation("a byte of a body is skipped where the connection's buffer ends", (EXCHANGE, """
    body_at_ += into.append(there);
""", """
    body_at_ += into.append(there);
    if (body_at_ == server_.in_.size() && into.size() > 1000) into.truncate(into.size() - 1);
""")),
    mutation("a chunked response's end is forgotten", (EXCHANGE, """
        part.ensure(server_.context().loop.buffers(), io::kSmallBuffer);
        part.append("0\\r\\n\\r\\n");
""", """
        part.ensure(server_.context().loop.buffers(), io::kSmallBuffer);
""")),
    mutation("a chunked request's end is forgotten", (PIPE, """
        if (chunked) {
            write_last_chunk(x, part);
            const io::IoResult sent = co_await to.send(part, true, deadlines.idle(loop.now()));
            if (!sent.ok()) co_return body_broken_off(x, deadlines, sent.error(), to);
        }
""", """
        if (chunked) to.end_request();
""")),
    mutation("what is spliced is counted once too often", (EXCHANGE, """
void H1Exchange::source_spliced(uint64_t bytes) {
    left_ -= bytes;
""", """
void H1Exchange::source_spliced(uint64_t bytes) {
    left_ -= bytes < left_ ? bytes + 1 : bytes;
""")),
    mutation("a body's rest is never passed over, and is read as a request", (EXCHANGE, """
    body_at_ += static_cast<uint32_t>(left_);
    bytes_in_ += left_;
""", """
    bytes_in_ += left_;
""")),

    # Ends.
    mutation("half a response to the client ends without a reset", (EXCHANGE, """
    if (response_ == Response::begun || response_ == Response::ending) server_.stream_->abort_on_close();
""", """
"""), (EXCHANGE, """
void H1Exchange::abort_response() {
    server_.stream_->abort_on_close();
""", """
void H1Exchange::abort_response() {
""")),
    mutation("a response that its service broke off looks whole", (PIPE, """
        if (got.value <= 0) co_return body_broken_off(pipe.x_, pipe.deadlines_, got.error(), pipe.from_);
        read_some = true;
""", """
        if (got.value < 0) co_return body_broken_off(pipe.x_, pipe.deadlines_, got.error(), pipe.from_);
        if (got.eof()) {
            part.clear(kPartHeadroom);
            if (!co_await pipe.send(part, true)) co_return pipe.gone();
            co_return whole();
        }
        read_some = true;
""")),
    mutation("a connection ends at once behind its last response, though the client still sends", ("src/edge/h1_server.cc", """
    if (!broken_) co_await linger();
""", """
""")),

    # Requests.
    mutation("a request that may not be repeated is repeated", (FORWARD, """
    return x_.record.reused && !body_begun_ && http::is_idempotent(x_.upstream_method()) && x_.record.attempts < kMaxAttempts;
""", """
    return x_.record.reused && !body_begun_ && x_.record.attempts < kMaxAttempts;
""")),
    mutation("a request is repeated after some of its body has gone", (FORWARD, """
    return x_.record.reused && !body_begun_ && http::is_idempotent(x_.upstream_method()) && x_.record.attempts < kMaxAttempts;
""", """
    return x_.record.reused && http::is_idempotent(x_.upstream_method()) && x_.record.attempts < kMaxAttempts;
""")),
    mutation("a request is repeated on a fresh connection", (FORWARD, """
    return x_.record.reused && !body_begun_ && http::is_idempotent(x_.upstream_method()) && x_.record.attempts < kMaxAttempts;
""", """
    return !body_begun_ && http::is_idempotent(x_.upstream_method()) && x_.record.attempts < kMaxAttempts;
""")),
    mutation("a request that waited is forwarded by the new configuration", ("src/gateway/actions.cc", """
    ForwardPlan plan{*x.epoch->services[i],""", """
    ForwardPlan plan{*x.context.epoch->services[i],""")),
    mutation("a gate still resumes a waiter that was destroyed", ("src/io/gate.h", """
        ~Wait() {
            if (gate_.waiter_ == this) gate_.waiter_ = nullptr;
        }
""", """
        ~Wait() {}
"""), (FORWARD, """
        expect_ = false;
        note_unsent(""", """
        note_unsent("""), preset="waits"),
]
