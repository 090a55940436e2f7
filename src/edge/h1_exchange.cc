#include "edge/h1_exchange.h"

#include <cstring>

namespace portico::edge {
namespace {

using http::FieldName;
using http::Framing;
using http::Version;
using http::h1::kChunkEnd;
using http::h1::kLastChunk;

// The largest body chunk header that kPartHeadroom leaves room for, and what goes behind a chunk.
static_assert(gateway::kPartHeadroom >= http::h1::kChunkHeaderRoom);
static_assert(gateway::kPartTailroom >= kChunkEnd.size() + kLastChunk.size() + kChunkEnd.size());

// The Date of this second, written once a second and thread.
std::string_view date_now(int64_t seconds) {
    thread_local int64_t written = -1;
    thread_local char text[http::h1::kDateSize];
    if (written != seconds) {
        http::h1::write_date(seconds, text);
        written = seconds;
    }
    return {text, sizeof text};
}

}  // namespace

H1Exchange::H1Exchange(H1Server& server, gateway::Exchange& exchange)
    : server_(server),
      x_(exchange),
      body_limit_(server.settings_->body),
      write_deadline_(&server.stream()),
      idle_(server.settings_->body_idle) {
    const http::BodyLength& body = x_.request.body;
    if (body.framing == Framing::length && body.length > 0) left_ = body.length;
    finished_ = body.framing == Framing::none || (body.framing == Framing::length && body.length == 0);
    keep_ = x_.request.keep_alive;
}

H1Exchange::~H1Exchange() {
    record_bytes();
    if (response_ == Response::begun || response_ == Response::ending) server_.stream_->abort_on_close();
}

void H1Exchange::set_times(Duration idle, Time total) {
    idle_ = idle;
    total_ = total;
}

Time H1Exchange::due() const {
    const Time now = server_.context().loop.now();
    return std::min(idle_ == kForever ? io::Timer::kNever : now + idle_, total_);
}

io::Until H1Exchange::read_until() { return {&server_.read_deadline_, &server_.context().loop.timers(), due(), &write_deadline_}; }

io::Until H1Exchange::write_until() {
    write_deadline_.go_on_by(idle_ == kForever ? Duration::zero() : idle_, total_);
    return {&write_deadline_, &server_.context().loop.timers(), due(), &server_.read_deadline_};
}

io::IoResult H1Exchange::body_failed(Fault fault) {
    body_fault_ = fault;
    keep_ = false;
    return {-EIO};
}

void H1Exchange::finish_body() {
    finished_ = true;
    server_.owner_.on_phase(H1Server::Owner::Phase::response);
    // Bulk reads took the armed receive away; the client's leaving must still be heard.
    server_.stream_->watch(&server_.owner_.watcher());
}

void H1Exchange::take_buffered(io::Buffer& into, uint64_t max) {
    const std::string_view there = server_.in_.view().substr(body_at_, static_cast<size_t>(max));
    body_at_ += into.append(there);
}

io::Task<io::IoResult> H1Exchange::read_body(io::Buffer& into) {
    if (finished_) co_return io::IoResult{0};
    body_begun_ = true;
    into.ensure(server_.context().loop.buffers(), io::kSmallBuffer);
    const bool chunked = x_.request.body.framing == Framing::chunked;
    for (;;) {
        const uint32_t before = into.size();
        // What frames the bytes on their way out wants its room behind them.
        const uint32_t room = into.room() - gateway::kPartTailroom;
        const uint64_t max = chunked ? room : std::min<uint64_t>(left_, room);
        take_buffered(into, max);
        const bool from_buffer = into.size() > before;
        if (!from_buffer) {
            const io::IoResult got = co_await read_at_pace(into, static_cast<uint32_t>(max));
            if (got.timed_out()) co_return body_failed(pace_.too_slow() ? Fault::body_too_slow : Fault::body_timeout);
            if (got.value <= 0) co_return body_failed(Fault::client_gone);
        }
        uint32_t fresh = into.size() - before;
        if (!chunked) {
            left_ -= fresh;
            bytes_in_ += fresh;
            pace_.came(fresh);
            if (left_ == 0) finish_body();
            co_return io::IoResult{static_cast<int32_t>(fresh)};
        }
        auto step = decoder_.decode(into.data() + before, fresh);
        if (!step) co_return body_failed(step.error().fault == Fault::bad_chunk ? Fault::bad_chunk : step.error().fault);
        if (step->done) {
            put_back(into.view().substr(before + step->consumed), from_buffer);
            finish_body();
        }
        into.truncate(before + static_cast<uint32_t>(step->data));
        bytes_in_ += step->data;
        pace_.came(step->data);
        if (bytes_in_ > body_limit_) co_return body_failed(Fault::body_too_large);
        if (step->data > 0) co_return io::IoResult{static_cast<int32_t>(step->data)};
        if (finished_) co_return io::IoResult{0};
    }
}

io::Task<io::IoResult> H1Exchange::read_at_pace(io::Buffer& into, uint32_t max) {
    const io::Loop& loop = server_.context().loop;
    io::Until until = read_until();
    for (const Time idle = until.at;;) {
        const Time began = loop.now();
        until.at = pace_.until(began, idle);
        const io::IoResult got = co_await server_.stream_->read(into, max, until);
        pace_.waited(loop.now() - began);
        if (pace_.too_slow()) co_return io::IoResult{-ETIMEDOUT};
        if (!got.timed_out() || loop.now() >= idle) co_return got;
    }
}

// What was read behind the body's end. Bytes of the connection's buffer still lie there, before what follows them.
void H1Exchange::put_back(std::string_view rest, bool from_buffer) {
    if (from_buffer) {
        body_at_ -= static_cast<uint32_t>(rest.size());
    } else if (!rest.empty()) {
        carry_.ensure(server_.context().loop.buffers(), std::max(io::kSmallBuffer, static_cast<uint32_t>(rest.size())));
        carry_.append(rest);
    }
}

void H1Exchange::skip_buffered() {
    if (finished_ || body_begun_ || x_.request.body.framing != Framing::length || x_.request.expect_continue) return;
    if (server_.in_.size() - body_at_ < left_) return;
    body_at_ += static_cast<uint32_t>(left_);
    bytes_in_ += left_;
    left_ = 0;
    finish_body();
}

io::Task<bool> H1Exchange::write(io::Buffer& buffer) {
    if (gone_) co_return false;
    const uint32_t size = buffer.size();
    if (size == 0) co_return true;
    co_return written(co_await server_.stream_->write(buffer, write_until()), size);
}

bool H1Exchange::written(io::IoResult sent, uint32_t size) {
    if (sent.ok()) {
        bytes_out_ += size;
        if (response_ == Response::ending) response_ = Response::whole;
        return true;
    }
    gone_ = true;
    keep_ = false;
    server_.broken_ = true;
    x_.note(Error(Fault::client_gone, sent.timed_out() ? "the client did not read for too long" : "writing to the client"));
    return false;
}

bool H1Exchange::nothing_left() {
    if (response_ == Response::ending && !gone_) response_ = Response::whole;
    return !gone_;
}

io::Task<bool> H1Exchange::send_interim(int status, const http::FieldList& fields) {
    if (x_.request.version != Version::http11 || response_ != Response::none) co_return !gone_;
    io::Buffer buffer;
    buffer.ensure(server_.context().loop.buffers(), io::kSmallBuffer);
    http::h1::Output out(buffer.tail(), buffer.room());
    out.status_line(status);
    for (const http::Field& f : fields) out.field(f.name, f.value);
    out.put("\r\n");
    if (out.full()) co_return !gone_;  // an interim answer is never needed
    buffer.commit(static_cast<uint32_t>(out.size()));
    co_return co_await write(buffer);
}

bool H1Exchange::keep_alive(const gateway::ResponseOut& head) {
    skip_buffered();
    return keep_ && finished_ && !head.close && !server_.context().draining && !server_.entrance_->closed;
}

void H1Exchange::write_head(http::h1::Output& out, const gateway::ResponseOut& head) {
    out.status_line(head.status, head.reason);
    bool dated = false;
    for (const http::Field& f : head.fields) {
        dated |= f.id == FieldName::date;
        out.field(f.name, f.value);
    }
    if (!dated) {
        const auto seconds =
            std::chrono::duration_cast<std::chrono::seconds>(server_.context().loop.wall().time_since_epoch()).count();
        out.field("Date", date_now(seconds));
    }
    if (!x_.request_id.empty()) out.field("X-Request-ID", x_.request_id);
    switch (coding_) {
        case Coding::length:
            out.put("Content-Length: ");
            out.put_decimal(head.body.length);
            out.put("\r\n");
            break;
        case Coding::chunked: out.put("Transfer-Encoding: chunked\r\n"); break;
        case Coding::none:
        case Coding::until_close: break;
    }
    if (!keep_) out.put("Connection: close\r\n");
    else if (x_.request.version == Version::http10) out.put("Connection: keep-alive\r\n");
    out.put("\r\n");
}

io::Task<bool> H1Exchange::send_head(const gateway::ResponseOut& head, io::Buffer& part, bool last) {
    response_ = Response::begun;
    pace_.set_rate(0);
    x_.record.status = head.status;
    keep_ = keep_alive(head);
    bodiless_ = http::never_has_body(head.status, x_.request.method);
    if (bodiless_) coding_ = Coding::none;
    else if (head.body.framing == Framing::length) coding_ = Coding::length;
    else if (head.body.framing == Framing::none) coding_ = Coding::length;
    else if (x_.request.version == Version::http11) coding_ = Coding::chunked;
    else coding_ = Coding::until_close, keep_ = false;

    uint32_t size = io::kSmallBuffer;
    for (;;) {
        out_.ensure(server_.context().loop.buffers(), size);
        // With room for the end of a body that is empty.
        http::h1::Output out(out_.tail(), out_.room() - gateway::kPartTailroom);
        write_head(out, head);
        if (!out.full()) {
            out_.commit(static_cast<uint32_t>(out.size()));
            break;
        }
        out_.release();
        size *= 4;
    }
    // A small first part goes out in the same write as the head.
    if (bodiless_ || part.empty()) {
        if (!part.empty()) part.clear();
        if (last || bodiless_) {
            if (coding_ == Coding::chunked) out_.append("0\r\n\r\n");
            response_ = Response::ending;
        }
    } else if (part.size() + gateway::kPartHeadroom + gateway::kPartTailroom <= out_.room()) {
        if (coding_ == Coding::chunked) {
            char header[http::h1::kChunkHeaderRoom];
            const char* from = http::h1::write_chunk_header(header + sizeof header, part.size());
            out_.append({from, static_cast<size_t>(header + sizeof header - from)});
        }
        out_.append(part.view());
        if (coding_ == Coding::chunked) out_.append(kChunkEnd);
        part.clear();
        if (last) {
            if (coding_ == Coding::chunked) out_.append("0\r\n\r\n");
            response_ = Response::ending;
        }
    }
    const uint32_t size_of_all = out_.size();
    const bool sent = !gone_ && written(co_await server_.stream_->write(out_, write_until()), size_of_all);
    out_.release();
    if (!sent || response_ == Response::whole || part.empty()) co_return sent;
    co_return co_await send_body(part, last);
}

io::Task<bool> H1Exchange::send_body(io::Buffer& part, bool last) {
    if (bodiless_) {
        part.clear();
        if (last) response_ = Response::ending;
        co_return nothing_left();
    }
    if (coding_ == Coding::chunked && !part.empty()) {
        if (part.headroom() < http::h1::kChunkHeaderRoom || part.room() < gateway::kPartTailroom) {
            // Rare: the part that came with the upstream's head, too long to go out with ours.
            io::Buffer roomy;
            roomy.ensure(server_.context().loop.buffers(), part.size() + gateway::kPartHeadroom + gateway::kPartTailroom,
                         gateway::kPartHeadroom);
            roomy.append(part.view());
            part.clear();
            co_return co_await send_body(roomy, last);
        }
        const char* data = part.data();
        const char* from = http::h1::write_chunk_header(part.data(), part.size());
        part.prepend(static_cast<uint32_t>(data - from));
        part.append(kChunkEnd);
        if (last) part.append("0\r\n\r\n");
    } else if (coding_ == Coding::chunked && last) {
        part.ensure(server_.context().loop.buffers(), io::kSmallBuffer);
        part.append("0\r\n\r\n");
    }
    if (last) response_ = Response::ending;
    if (part.empty()) co_return nothing_left();
    co_return co_await write(part);
}

io::Task<bool> H1Exchange::send_end(const http::FieldList& trailers) {
    response_ = Response::ending;
    if (coding_ != Coding::chunked || bodiless_) co_return nothing_left();
    io::Buffer buffer;
    buffer.ensure(server_.context().loop.buffers(), io::kSmallBuffer);
    http::h1::Output out(buffer.tail(), buffer.room());
    out.put(kLastChunk);
    for (const http::Field& f : trailers) out.field(f.name, f.value);
    out.put(kChunkEnd);
    if (out.full()) {
        buffer.append("0\r\n\r\n");
    } else {
        buffer.commit(static_cast<uint32_t>(out.size()));
    }
    co_return co_await write(buffer);
}

void H1Exchange::abort_response() {
    server_.stream_->abort_on_close();
    server_.broken_ = true;
    keep_ = false;
}

io::Stream* H1Exchange::body_source(uint64_t& left, io::Until& until) {
    if (finished_ || x_.request.body.framing != Framing::length) return nullptr;
    if (server_.in_.size() > body_at_) return nullptr;  // what is buffered goes first
    if (server_.stream_->splice_fd() < 0) return nullptr;
    left = left_;
    until = read_until();
    body_begun_ = true;
    return &server_.stream();
}

void H1Exchange::source_spliced(uint64_t bytes) {
    left_ -= bytes;
    bytes_in_ += bytes;
    if (left_ == 0) finish_body();
}

io::Stream* H1Exchange::body_sink(io::Until& until) {
    if (bodiless_ || (coding_ != Coding::length && coding_ != Coding::until_close)) return nullptr;
    if (server_.stream_->splice_fd() < 0) return nullptr;
    until = write_until();
    return &server_.stream();
}

bool H1Exchange::settle() {
    const bool again = can_go_on();
    record_bytes();
    return again;
}

bool H1Exchange::can_go_on() {
    if (response_ == Response::none || gone_ || server_.broken_) {
        server_.broken_ = true;
        return false;
    }
    if (response_ != Response::whole) {
        // The handler left a body unfinished: the client must not take it for whole.
        abort_response();
        return false;
    }
    skip_buffered();
    return keep_ && finished_;
}

void H1Exchange::pass_on_rest() {
    // Either: a read brings bytes behind the body only once the buffer is used up.
    server_.in_.consume(body_at_);
    if (!carry_.empty()) server_.in_ = std::move(carry_);
}

}  // namespace portico::edge
