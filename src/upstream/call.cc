#include "upstream/call.h"

#include "http/h1/writer.h"

namespace portico::upstream {
namespace {

using http::Framing;

constexpr uint32_t kMaxAttempts = 3;
constexpr uint32_t kMaxInterim = 8;

class Call {
  public:
    Call(io::Loop& loop, Service& service, const CallRequest& request, CallAnswer& answer)
        : loop_(loop), service_(service), request_(request), answer_(answer), end_(after(request.timeouts.total)) {}

    io::Task<Result<void>> run();

  private:
    Time after(Duration d) const { return d == kForever ? io::Timer::kNever : loop_.now() + d; }
    Time within(Duration d) const { return std::min(after(d), end_); }
    io::Task<Result<void>> connect(bool fresh);
    io::Task<Result<void>> exchange();
    io::Task<Result<void>> send();
    io::Task<Result<void>> read_head();
    io::Task<Result<void>> read_body();
    io::Task<Result<bool>> read_more(Duration wait);
    Result<bool> take_body();
    Error failure(io::IoResult got) const;

    io::Loop& loop_;
    Service& service_;
    const CallRequest& request_;
    CallAnswer& answer_;
    Time end_;
    std::vector<const Endpoint*> tried_;
    std::shared_ptr<Endpoint> endpoint_;
    std::unique_ptr<Connection> connection_;
    http::h1::ChunkedDecoder decoder_;
    bool reused_ = false;
    bool answered_ = false;
};

io::Task<Result<void>> Call::run() {
    bool fresh = false;
    for (uint32_t attempt = 1;; ++attempt) {
        auto ready = co_await connect(fresh);
        if (!ready) {
            if (ready.error().fault == Fault::upstream_unresolved || tried_.size() >= service_.endpoint_count() ||
                attempt >= kMaxAttempts || loop_.now() >= end_) {
                co_return ready;
            }
            continue;
        }
        auto done = co_await exchange();
        const bool again = !done && done.error().fault == Fault::upstream_closed && reused_ && !answered_ &&
                           http::is_idempotent(request_.method) && attempt < kMaxAttempts;
        if (!again) co_return done;
        connection_.reset();
        fresh = true;
    }
}

io::Task<Result<void>> Call::connect(bool fresh) {
    endpoint_ = service_.pick(tried_);
    if (endpoint_ == nullptr) co_return fail(Fault::upstream_unresolved, "service " + service_.name());
    answer_.endpoint = endpoint_->address_text();
    reused_ = false;
    if (!fresh && (connection_ = endpoint_->take_resting()) != nullptr) {
        reused_ = true;
        co_return Result<void>{};
    }
    auto made = co_await endpoint_->connect(within(request_.timeouts.connect));
    if (!made) {
        tried_.push_back(endpoint_.get());
        co_return fail(std::move(made).error());
    }
    connection_ = std::move(*made);
    co_return Result<void>{};
}

io::Task<Result<void>> Call::exchange() {
    answered_ = false;
    auto done = co_await send();
    if (done) done = co_await read_head();
    if (done) done = co_await read_body();
    if (!done) co_return done;
    connection_->deadline().cancel();
    const bool keep = answer_.head.keep_alive && answer_.head.body.framing != Framing::until_close && connection_->in().empty();
    if (keep) endpoint_->give_back(std::move(connection_), kForever);
    connection_.reset();
    co_return done;
}

io::Task<Result<void>> Call::send() {
    io::Buffer out;
    for (uint32_t size = io::kSmallBuffer;; size *= 4) {
        out.ensure(loop_.buffers(), size);
        http::h1::Output o(out.tail(), out.room());
        o.put(request_.method_text);
        o.put(' ');
        o.put(request_.target);
        o.put(" HTTP/1.1\r\n");
        o.field("Host", request_.host.empty() ? std::string_view(endpoint_->authority()) : request_.host);
        if (request_.fields != nullptr) {
            for (const http::Field& f : *request_.fields) o.field(f.name, f.value);
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
    connection_->deadline().set_at(loop_.timers(), within(request_.timeouts.idle));
    const io::IoResult sent = co_await connection_->stream().write(out);
    if (!sent.ok()) co_return fail(failure(sent));
    co_return Result<void>{};
}

Error Call::failure(io::IoResult got) const {
    if (got.timed_out()) {
        if (loop_.now() >= end_) return Error(Fault::upstream_total_timeout);
        return Error(answered_ ? Fault::upstream_idle_timeout : Fault::upstream_first_byte_timeout);
    }
    return Error(Fault::upstream_closed, got.eof() ? "closed before its answer was whole" : "reading its answer", got.error());
}

// @returns false at the peer's end
io::Task<Result<bool>> Call::read_more(Duration wait) {
    io::Buffer& in = connection_->in();
    if (in.has_block() && in.room() == 0) {
        in.compact();
        if (in.room() == 0) {
            io::Buffer larger;
            larger.ensure(loop_.buffers(), in.capacity() * 2);
            larger.append(in.view());
            in = std::move(larger);
        }
    }
    connection_->deadline().set_at(loop_.timers(), within(wait));
    const io::IoResult got = co_await connection_->stream().read(in);
    if (got.eof()) co_return false;
    if (!got.ok()) co_return fail(failure(got));
    answered_ = true;
    co_return true;
}

io::Task<Result<void>> Call::read_head() {
    io::Buffer& in = connection_->in();
    auto& parser = connection_->parser();
    for (uint32_t interim = 0;;) {
        if (!in.empty()) {
            auto progress = parser.parse_response(in.view(), request_.method, answer_.head);
            if (!progress) co_return fail(std::move(progress).error());
            if (*progress == http::h1::Progress::done) {
                // Parsed once more in memory of the answer's own: the views then outlive the connection's buffer.
                const auto size = static_cast<uint32_t>(parser.consumed());
                answer_.head_text.assign(in.view().substr(0, size));
                in.consume(size);
                parser.reset();
                answer_.head.clear();
                (void)parser.parse_response(answer_.head_text, request_.method, answer_.head);
                parser.reset();
                if (answer_.head.status >= 200) co_return Result<void>{};
                if (answer_.head.status == 101 || ++interim > kMaxInterim) {
                    co_return fail(Fault::upstream_protocol, "interim answers out of turn");
                }
                answer_.head.clear();
                continue;
            }
        }
        auto more = co_await read_more(answered_ ? request_.timeouts.idle : request_.timeouts.first_byte);
        if (!more) co_return fail(std::move(more).error());
        if (!*more) co_return fail(failure({0}));
    }
}

// Takes what has come of the body. @returns true when it is whole
Result<bool> Call::take_body() {
    io::Buffer& in = connection_->in();
    const http::BodyLength& length = answer_.head.body;
    std::string& body = answer_.body;
    switch (length.framing) {
        case Framing::none: return true;
        case Framing::length: {
            if (length.length > request_.max_body) return fail(Fault::upstream_protocol, "its answer is too long");
            const auto n = static_cast<uint32_t>(std::min<uint64_t>(in.size(), length.length - body.size()));
            body.append(in.view().substr(0, n));
            in.consume(n);
            return body.size() == length.length;
        }
        case Framing::chunked: {
            if (in.empty()) return false;
            auto step = decoder_.decode(in.data(), in.size());
            if (!step) return fail(Fault::upstream_protocol, "chunked body: " + step.error().context);
            body.append(in.data(), step->data);
            in.consume(static_cast<uint32_t>(step->done ? step->consumed : in.size()));
            if (body.size() > request_.max_body) return fail(Fault::upstream_protocol, "its answer is too long");
            return step->done;
        }
        case Framing::until_close:
            body.append(in.view());
            in.clear();
            if (body.size() > request_.max_body) return fail(Fault::upstream_protocol, "its answer is too long");
            return false;
    }
    return true;
}

io::Task<Result<void>> Call::read_body() {
    decoder_.reset();
    answer_.body.clear();
    for (;;) {
        auto whole = take_body();
        if (!whole) co_return fail(std::move(whole).error());
        if (*whole) co_return Result<void>{};
        auto more = co_await read_more(request_.timeouts.idle);
        if (!more) co_return fail(std::move(more).error());
        if (*more) continue;
        if (answer_.head.body.framing == Framing::until_close) co_return Result<void>{};
        co_return fail(failure({0}));
    }
}

}  // namespace

io::Task<Result<void>> call(io::Loop& loop, Service& service, const CallRequest& request, CallAnswer& answer) {
    Call running(loop, service, request, answer);
    co_return co_await running.run();
}

}  // namespace portico::upstream
