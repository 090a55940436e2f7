#include "upstream/call.h"

#include "http/h1/writer.h"
#include "upstream/broken_answer.h"

namespace portico::upstream {

namespace {

using http::Framing;

constexpr uint32_t kMaxAttempts = 3;
constexpr uint32_t kMaxInterim = 8;

}  // namespace

class Call {
  public:
    Call(io::Loop& loop, Service& service, const CallRequest& request, CallAnswer& answer)
        : loop_(loop), service_(service), request_(request), answer_(answer), begun_(loop.precise_now()), end_(after(request.timeouts.total)) {}

    Result<bool> acquire(bool fresh);
    Result<void> take(Result<std::unique_ptr<Connection>> made);
    io::Task<Result<void>> exchange();
    bool another_endpoint(const Error& failed, uint32_t attempt) const;
    bool once_more(const Error& failed, uint32_t attempt);
    Endpoint& endpoint() { return *endpoint_; }
    Time connect_deadline() const { return within(request_.timeouts.connect); }

  private:
    // In the turn in which the call begins, from that moment: what the worker did before is not taken from the service's time. In a later
    // one, whose beginning is when the service was heard, from there.
    Time after(Duration d) const { return d == kForever ? io::Timer::kNever : std::max(begun_, loop_.now()) + d; }
    Time within(Duration d) const { return std::min(after(d), end_); }
    void write_request(io::Buffer& out);
    Result<void> judge_read(io::IoResult got);
    Result<bool> take_head();
    Result<bool> take_whole(size_t head_size);
    Result<void> move_out(size_t head_size);
    Result<bool> take_body();
    // @returns false: what has been kept of the body may not be held
    bool hold_body() {
        const Holder::Current for_caller(request_.holder);
        return answer_.held_.set(answer_.body_text_.size());
    }
    Error too_large() const;
    Error failure(io::IoResult got) const;

    io::Loop& loop_;
    Service& service_;
    const CallRequest& request_;
    CallAnswer& answer_;
    const Time begun_;
    const Time end_;
    std::vector<const Endpoint*> tried_;
    std::shared_ptr<Endpoint> endpoint_;
    std::unique_ptr<Connection> connection_;
    http::h1::ChunkedDecoder decoder_{http::h1::SpaceBeforeColon::dropped};
    // Where the answer stands: its head is to come, is there, or is there and the body goes into memory of its own.
    enum class Stage : uint8_t { head, in_place, moved } stage_ = Stage::head;
    size_t head_size_ = 0;
    uint32_t interim_ = 0;
    bool reused_ = false;
    bool answered_ = false;
    bool clean_ = false;  // nothing is left on the connection behind the answer
};

// @returns false where a connection must be made
Result<bool> Call::acquire(bool fresh) {
    endpoint_ = service_.pick(tried_);
    if (endpoint_ == nullptr) return fail(Fault::upstream_unresolved, service_.why_unresolved());
    answer_.endpoint = endpoint_->address_text();
    reused_ = false;
    if (fresh) return false;
    connection_ = endpoint_->take_resting(!http::is_idempotent(request_.method));
    if (connection_ == nullptr) return false;
    reused_ = true;
    ++answer_.reuses;
    answer_.connected = loop_.now();
    return true;
}

Result<void> Call::take(Result<std::unique_ptr<Connection>> made) {
    if (!made) {
        tried_.push_back(endpoint_.get());
        if (made.error().fault == Fault::upstream_connect_timeout && loop_.now() >= end_) {
            return fail(Fault::upstream_total_timeout, made.error().context);
        }
        return fail(std::move(made).error());
    }
    ++answer_.connects;
    answer_.connected = loop_.now();
    connection_ = std::move(*made);
    return {};
}

// Nothing was sent, so another endpoint may be asked whatever the method.
bool Call::another_endpoint(const Error& failed, uint32_t attempt) const {
    return failed.fault != Fault::upstream_unresolved && tried_.size() < service_.endpoint_count() && attempt < kMaxAttempts &&
           loop_.now() < end_;
}

// The peer may have closed a resting connection just as it was used again.
bool Call::once_more(const Error& failed, uint32_t attempt) {
    const bool again = failed.fault == Fault::upstream_closed && reused_ && !answered_ && http::is_idempotent(request_.method) &&
                       attempt < kMaxAttempts;
    if (again) ++answer_.stale;
    connection_.reset();
    return again;
}

io::Task<Result<void>> Call::exchange() {
    answered_ = clean_ = false;
    stage_ = Stage::head;
    interim_ = 0;
    io::Buffer out;
    write_request(out);
    const io::IoResult sent = co_await connection_->send(out, true, within(request_.timeouts.idle));
    if (sent.timed_out()) co_return fail(loop_.now() >= end_ ? Fault::upstream_total_timeout : Fault::upstream_idle_timeout);
    // One that refuses early and closes while it is still written to: its response, if there is one, is what counts.
    for (;;) {
        if (!connection_->in().empty() || stage_ == Stage::in_place) {
            auto whole = stage_ == Stage::head ? take_head() : stage_ == Stage::in_place ? take_whole(head_size_) : take_body();
            if (!whole) co_return fail(std::move(whole).error());
            if (!hold_body()) co_return fail(Fault::memory, "a service's body");
            if (*whole) break;
        }
        connection_->make_room();
        const Time due = within(answered_ ? request_.timeouts.idle : request_.timeouts.first_byte);
        const io::IoResult got = co_await connection_->receive(connection_->in(), due);
        if (got.eof() && stage_ == Stage::moved && answer_.head.body.framing == Framing::until_close) break;
        if (auto read = judge_read(got); !read) co_return fail(std::move(read).error());
    }
    if (stage_ == Stage::moved) answer_.body = answer_.body_text_;
    connection_->end_response(clean_);
    if (answer_.head.keep_alive && answer_.head.body.framing != Framing::until_close) {
        const http::Field* hint = answer_.head.fields.find(http::FieldName::keep_alive);
        endpoint_->give_back(std::move(connection_), hint != nullptr ? keep_alive_hint(hint->value) : kForever);
    }
    connection_.reset();
    co_return Result<void>{};
}

void Call::write_request(io::Buffer& out) {
    const auto body = static_cast<uint32_t>(request_.body.size());
    for (uint32_t size = body <= io::kSmallBuffer / 2 ? io::kSmallBuffer : io::kSmallBuffer + body;; size *= 4) {
        out.ensure(loop_.buffers(), size);
        http::h1::Output o(out.tail(), out.room());
        o.put(request_.method_text);
        o.put(' ');
        o.put(request_.target);
        o.put(" HTTP/1.1\r\n");
        o.field("Host", request_.host.empty() ? std::string_view(endpoint_->authority()) : request_.host);
        for (const http::FieldList* fields : {request_.fields, request_.more_fields}) {
            if (fields == nullptr) continue;
            for (const http::Field& f : *fields) o.field(f.name, f.value);
        }
        if (request_.has_body) {
            o.put("Content-Length: ");
            o.put_decimal(request_.body.size());
            o.put("\r\n");
        }
        o.put("\r\n");
        o.put(request_.body);
        if (!o.full()) {
            out.commit(static_cast<uint32_t>(o.size()));
            break;
        }
        out.release();
    }
}

Error Call::failure(io::IoResult got) const {
    if (got.timed_out()) {
        if (loop_.now() >= end_) return Error(Fault::upstream_total_timeout);
        return Error(answered_ ? Fault::upstream_idle_timeout : Fault::upstream_first_byte_timeout);
    }
    const std::string_view tls = connection_->stream().failure();
    if (got.error() == EPROTO) return Error(Fault::upstream_tls, tls, EPROTO);
    if (!tls.empty()) return Error(Fault::upstream_closed, tls, got.error());
    return Error(Fault::upstream_closed, got.eof() ? "closed before its answer was whole" : "reading its answer", got.error());
}

Error Call::too_large() const { return Error(Fault::answer_too_large, "more than " + std::to_string(request_.max_body) + " bytes"); }

Result<void> Call::judge_read(io::IoResult got) {
    if (got.value <= 0) return fail(failure(got));
    if (!answered_) answer_.first_byte = loop_.now();
    answered_ = true;
    return {};
}

// @returns true when the whole answer is there
Result<bool> Call::take_head() {
    io::Buffer& in = connection_->in();
    auto& parser = connection_->parser();
    for (;;) {
        auto progress = parser.parse_response(in.view(), request_.method, answer_.head);
        if (!progress) return fail(broken_head(std::move(progress).error(), in.view(), answer_.head));
        if (*progress != http::h1::Progress::done) return false;
        head_size_ = parser.consumed();
        parser.reset();
        if (answer_.head.status >= 200) break;
        if (answer_.head.status == 101 || ++interim_ > kMaxInterim) return fail(Fault::upstream_protocol, "interim answers out of turn");
        in.consume(static_cast<uint32_t>(head_size_));
        answer_.head.clear();
        if (in.empty()) return false;
    }
    if (reused_ && closes_idle(answer_.head) && http::is_idempotent(request_.method)) {
        answered_ = false;
        return fail(Fault::upstream_closed, "it closed the kept connection");
    }
    const http::BodyLength& length = answer_.head.body;
    if (length.framing == Framing::length && length.length > request_.max_body) return fail(too_large());
    // The views of the head hold as long as the block does: what fits into it may come into it.
    const bool fits = length.framing == Framing::none ||
                      (length.framing == Framing::length && head_size_ + length.length <= in.capacity() - in.headroom());
    if (fits) {
        stage_ = Stage::in_place;
        return take_whole(head_size_);
    }
    if (length.framing == Framing::chunked && in.size() > head_size_) {
        decoder_.reset();
        char* begin = in.data() + head_size_;
        auto step = decoder_.decode(begin, in.size() - head_size_);
        if (!step) return fail(broken_chunks(step.error()));
        if (step->data > request_.max_body) return fail(too_large());
        if (step->done) {
            clean_ = head_size_ + step->consumed == in.size();
            answer_.body = {begin, step->data};
            answer_.block_ = std::move(in);
            return true;
        }
        in.truncate(static_cast<uint32_t>(head_size_ + step->data));
        if (auto moved = move_out(head_size_); !moved) return fail(std::move(moved).error());
        answer_.body_text_ = in.view();
        in.clear();
        return false;
    }
    decoder_.reset();
    if (auto moved = move_out(head_size_); !moved) return fail(std::move(moved).error());
    if (in.empty()) return false;
    return take_body();
}

// An answer of known length that stays in its block.
Result<bool> Call::take_whole(size_t head_size) {
    io::Buffer& in = connection_->in();
    const size_t size = answer_.head.body.framing == Framing::length ? answer_.head.body.length : 0;
    if (in.size() < head_size + size) return false;
    clean_ = in.size() == head_size + size;
    answer_.body = in.view().substr(head_size, size);
    answer_.block_ = std::move(in);
    return true;
}

// The head in memory of its own, since the block is needed for the body.
Result<void> Call::move_out(size_t head_size) {
    io::Buffer& in = connection_->in();
    answer_.head_text_ = in.view().substr(0, head_size);
    in.consume(static_cast<uint32_t>(head_size));
    answer_.head.clear();
    auto& parser = connection_->parser();
    auto again = parser.parse_response(answer_.head_text_, request_.method, answer_.head);
    parser.reset();
    if (!again) return fail(std::move(again).error());
    stage_ = Stage::moved;
    answer_.body_text_.clear();
    if (answer_.head.body.framing == Framing::length) answer_.body_text_.reserve(answer_.head.body.length);
    return {};
}

// What has come of a body that goes into memory of its own. @returns true when it is whole
Result<bool> Call::take_body() {
    io::Buffer& in = connection_->in();
    std::string& body = answer_.body_text_;
    switch (answer_.head.body.framing) {
        case Framing::none: return true;
        case Framing::length: {
            const auto n = static_cast<uint32_t>(std::min<uint64_t>(in.size(), answer_.head.body.length - body.size()));
            body.append(in.view().substr(0, n));
            in.consume(n);
            clean_ = in.empty();
            return body.size() == answer_.head.body.length;
        }
        case Framing::chunked: {
            auto step = decoder_.decode(in.data(), in.size());
            if (!step) return fail(broken_chunks(step.error()));
            body.append(in.data(), step->data);
            in.consume(static_cast<uint32_t>(step->done ? step->consumed : in.size()));
            clean_ = in.empty();
            if (body.size() > request_.max_body) return fail(too_large());
            return step->done;
        }
        case Framing::until_close:
            body.append(in.view());
            in.clear();
            if (body.size() > request_.max_body) return fail(too_large());
            return false;
    }
    return true;
}

io::Task<Result<void>> call(io::Loop& loop, Service& service, const CallRequest& request, CallAnswer& answer) {
    Call running(loop, service, request, answer);
    bool fresh = false;
    for (uint32_t attempt = 1;; ++attempt) {
        auto ready = running.acquire(fresh);
        if (!ready) co_return fail(std::move(ready).error());
        if (!*ready) {
            auto made = running.take(co_await running.endpoint().connect(running.connect_deadline()));
            if (!made) {
                if (running.another_endpoint(made.error(), attempt)) continue;
                co_return made;
            }
        }
        auto done = co_await running.exchange();
        if (done || !running.once_more(done.error(), attempt)) co_return done;
        answer.release();
        fresh = true;
    }
}

}  // namespace portico::upstream
