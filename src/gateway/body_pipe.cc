#include "gateway/body_pipe.h"

#include "gateway/connection_names.h"
#include "gateway/field_rules.h"
#include "gateway/splice.h"
#include "http/h1/writer.h"
#include "upstream/broken_answer.h"

namespace portico::gateway {
namespace {

using http::Framing;

PipeEnd whole() { return {}; }

PipeEnd client_failed(Error e) { return {PipeEnd::How::client_failed, std::move(e)}; }

// Room for a part of a body that may have to be framed as a chunk.
void ready_part(io::BufferPool& pool, io::Buffer& part, uint64_t expected) {
    const uint32_t capacity = expected <= io::kSmallBuffer / 2 ? io::kSmallBuffer : io::kLargeBuffer;
    if (part.has_block() && part.capacity() < capacity) part.release();
    part.ensure(pool, capacity, kPartHeadroom);
    part.clear(kPartHeadroom);
}

// One part of a chunked request body, framed in place.
void frame_chunk(io::Buffer& part) {
    const char* data = part.data();
    const char* from = http::h1::write_chunk_header(part.data(), part.size());
    part.prepend(static_cast<uint32_t>(data - from));
    part.append(http::h1::kChunkEnd);
}

}  // namespace

PipeEnd body_broken_off(Exchange& x, const Deadlines& deadlines, int error, const upstream::Connection& of) {
    if (error == ETIMEDOUT) {
        const bool total = deadlines.total_passed(x.context.loop.now());
        return {PipeEnd::How::upstream_failed, Error(total ? Fault::upstream_total_timeout : Fault::upstream_idle_timeout)};
    }
    std::string what = "in the middle of a body";
    if (const std::string_view failure = of.stream().failure(); !failure.empty()) what.append(": ").append(failure);
    return {PipeEnd::How::upstream_failed, Error(error == EPROTO ? Fault::upstream_tls : Fault::upstream_closed, what, error)};
}

io::Task<PipeEnd> send_held_body(Exchange& x, upstream::Connection& to, const Deadlines& deadlines) {
    io::Loop& loop = x.context.loop;
    std::string_view left = *x.request_body;
    io::Buffer part;
    while (!left.empty()) {
        part.ensure(loop.buffers(), io::kLargeBuffer);
        left.remove_prefix(part.append(left));
        const io::IoResult sent = co_await to.send(part, left.empty(), deadlines.idle(loop.now()));
        if (!sent.ok()) co_return body_broken_off(x, deadlines, sent.error(), to);
    }
    co_return whole();
}

namespace {

// A chunked body's end, with the trailers that may go on.
void write_last_chunk(Exchange& x, io::Buffer& part) {
    part.release();
    part.ensure(x.context.loop.buffers(), io::kSmallBuffer);
    http::h1::Output out(part.tail(), part.room());
    out.put(http::h1::kLastChunk);
    const ConnectionNames ends_here(x.request.connection);
    for (const http::Field& f : x.client->request_trailers()) {
        if (!ends_here.contains(f.name) && may_be_trailer(x, MessageSide::request, f.name)) out.field(f.name, f.value);
    }
    out.put(http::h1::kChunkEnd);
    if (out.full()) part.append("0\r\n\r\n");
    else part.commit(static_cast<uint32_t>(out.size()));
}

}  // namespace

io::Task<PipeEnd> pipe_request(Exchange& x, upstream::Connection& to, const Deadlines& deadlines) {
    ClientSide& client = *x.client;
    io::Loop& loop = x.context.loop;
    const bool chunked = x.request.body.framing == Framing::chunked;
    io::Buffer part;
    for (;;) {
        if (!client.body_finished()) {
            uint64_t left = 0;
            io::Until until;
            if (io::Stream* source = client.body_source(left, until);
                source != nullptr && left >= kSpliceFrom && to.stream().splice_fd() >= 0) {
                part.release();
                to.begin_request_part();
                const SpliceEnd end = co_await splice(loop, {*source, until, &client.body_pace()}, {to.stream(), to.write_until({})}, left, deadlines);
                client.source_spliced(end.moved);
                if (end.from_failed) co_return client_failed(Error(end.too_slow ? Fault::body_too_slow : end.timed_out ? Fault::body_timeout : Fault::client_gone));
                if (end.to_failed) co_return body_broken_off(x, deadlines, end.error, to);
                // Nothing moved: an armed receive had brought bytes already, and those are read as ever.
                if (end.moved > 0) continue;
            }
            ready_part(loop.buffers(), part, x.request.body.framing == Framing::length ? x.request.body.length : UINT64_MAX);
            const io::IoResult got = co_await client.read_body(part);
            if (!got.ok()) co_return client_failed(Error(client.body_fault(), "reading the request's body"));
        }
        const bool finished = client.body_finished();
        if (!part.empty()) {
            if (chunked) frame_chunk(part);
            const io::IoResult sent = co_await to.send(part, finished && !chunked, deadlines.idle(loop.now()));
            if (!sent.ok()) co_return body_broken_off(x, deadlines, sent.error(), to);
        } else if (finished && !chunked) {
            to.end_request();  // its last bytes were spliced
        }
        if (!finished) continue;
        if (chunked) {
            write_last_chunk(x, part);
            const io::IoResult sent = co_await to.send(part, true, deadlines.idle(loop.now()));
            if (!sent.ok()) co_return body_broken_off(x, deadlines, sent.error(), to);
        }
        co_return whole();
    }
}

namespace {

// An answer's body on its way: head or part, whichever comes next. It is copied into the coroutine that moves the body.
class ResponsePipe {
  public:
    ResponsePipe(Exchange& x, upstream::Connection& from, const Deadlines& deadlines)
        : x_(x), from_(from), deadlines_(deadlines) {}

    static io::Task<PipeEnd> of_length(ResponsePipe pipe, uint64_t left);
    static io::Task<PipeEnd> of_chunks(ResponsePipe pipe);
    static io::Task<PipeEnd> until_close(ResponsePipe pipe);

  private:
    io::Loop& loop() { return x_.context.loop; }
    // Sends the head together with the first part, later only parts.
    io::Task<bool> send(io::Buffer& part, bool last) {
        if (!x_.response_begun) {
            x_.response_begun = true;
            return x_.client->send_head(x_.response, part, last);
        }
        return x_.client->send_body(part, last);
    }
    PipeEnd gone() { return client_failed(Error(Fault::client_gone)); }
    io::Stream::Read read(io::Buffer& into, uint64_t max) {
        const uint64_t room = into.room() - kPartTailroom;
        return from_.receive(into, deadlines_.idle(loop().now()), static_cast<uint32_t>(std::min(max, room)));
    }

    Exchange& x_;
    upstream::Connection& from_;
    const Deadlines& deadlines_;
};

io::Task<PipeEnd> ResponsePipe::of_length(ResponsePipe pipe, uint64_t left) {
    io::Buffer part;
    io::Buffer& in = pipe.from_.in();
    if (!in.empty() && in.size() <= left) {
        part = std::move(in);
    } else if (!in.empty() && left > 0) {
        // More than was announced is there: what is too much stays behind and costs the connection.
        part.ensure(pipe.loop().buffers(), std::max(io::kSmallBuffer, static_cast<uint32_t>(left)), 0);
        part.append(in.view().substr(0, static_cast<size_t>(left)));
        in.consume(part.size());
    }
    for (;;) {
        left -= part.size();
        if (left == 0) pipe.from_.end_response(true);
        if (!co_await pipe.send(part, left == 0)) co_return pipe.gone();
        if (left == 0) co_return whole();
        io::Until until;
        if (io::Stream* sink = pipe.x_.client->body_sink(until); sink != nullptr && left >= kSpliceFrom && pipe.from_.stream().splice_fd() >= 0) {
            part.release();
            const SpliceEnd end = co_await splice(pipe.loop(), {pipe.from_.stream(), pipe.from_.read_until({})}, {*sink, until}, left, pipe.deadlines_);
            pipe.x_.client->sink_spliced(end.moved);
            left -= end.moved;
            if (end.from_failed) co_return body_broken_off(pipe.x_, pipe.deadlines_, end.timed_out ? ETIMEDOUT : end.error, pipe.from_);
            if (end.to_failed) co_return pipe.gone();
            if (left == 0) {
                // The head said how long the body is, so its end needs no more bytes.
                pipe.from_.end_response(true);
                pipe.x_.client->end_spliced();
                co_return whole();
            }
        }
        ready_part(pipe.loop().buffers(), part, left);
        const io::IoResult got = co_await pipe.read(part, left);
        if (got.value <= 0) co_return body_broken_off(pipe.x_, pipe.deadlines_, got.error(), pipe.from_);
    }
}

io::Task<PipeEnd> ResponsePipe::of_chunks(ResponsePipe pipe) {
    http::h1::ChunkedDecoder decoder{http::h1::SpaceBeforeColon::dropped};
    io::Buffer part;
    ready_part(pipe.loop().buffers(), part, io::kSmallBuffer / 2);
    io::Buffer& in = pipe.from_.in();
    // What came behind the head is copied once, to where a chunk's frame has room.
    if (in.size() + kPartHeadroom + kPartTailroom > part.capacity()) ready_part(pipe.loop().buffers(), part, UINT64_MAX);
    part.append(in.view());
    in.clear();
    bool read_some = !part.empty();
    for (;;) {
        if (read_some) {
            auto step = decoder.decode(part.data(), part.size());
            if (!step) {
                co_return PipeEnd{PipeEnd::How::upstream_failed, upstream::broken_chunks(step.error())};
            }
            if (step->done) pipe.from_.end_response(step->consumed == part.size());
            part.truncate(static_cast<uint32_t>(step->data));
            if (step->done) {
                http::FieldList trailers;
                const ConnectionNames ends_here(pipe.x_.upstream_head.connection);
                for (const http::Field& f : decoder.trailers()) {
                    if (!ends_here.contains(f.name) && may_be_trailer(pipe.x_, MessageSide::response, f.name)) trailers.add(f);
                }
                if (trailers.empty()) {
                    if (!co_await pipe.send(part, true)) co_return pipe.gone();
                    co_return whole();
                }
                if (!co_await pipe.send(part, false)) co_return pipe.gone();
                if (!co_await pipe.x_.client->send_end(trailers)) co_return pipe.gone();
                co_return whole();
            }
        }
        // The head goes at once even where no byte of the body is there yet: a stream's client waits for it.
        if (!part.empty() || !pipe.x_.response_begun) {
            if (!co_await pipe.send(part, false)) co_return pipe.gone();
        }
        ready_part(pipe.loop().buffers(), part, UINT64_MAX);
        const io::IoResult got = co_await pipe.read(part, UINT64_MAX);
        if (got.value <= 0) co_return body_broken_off(pipe.x_, pipe.deadlines_, got.error(), pipe.from_);
        read_some = true;
    }
}

io::Task<PipeEnd> ResponsePipe::until_close(ResponsePipe pipe) {
    io::Buffer part;
    if (!pipe.from_.in().empty()) part = std::move(pipe.from_.in());
    for (;;) {
        if (!part.empty() || !pipe.x_.response_begun) {
            if (!co_await pipe.send(part, false)) co_return pipe.gone();
        }
        ready_part(pipe.loop().buffers(), part, UINT64_MAX);
        const io::IoResult got = co_await pipe.read(part, UINT64_MAX);
        if (got.eof()) {
            part.clear(kPartHeadroom);
            if (!co_await pipe.send(part, true)) co_return pipe.gone();
            co_return whole();
        }
        if (!got.ok()) co_return body_broken_off(pipe.x_, pipe.deadlines_, got.error(), pipe.from_);
    }
}

}  // namespace

io::Task<PipeEnd> pipe_response(Exchange& x, upstream::Connection& from, const Deadlines& deadlines, http::BodyLength length) {
    const ResponsePipe pipe(x, from, deadlines);
    switch (length.framing) {
        case Framing::chunked: return ResponsePipe::of_chunks(pipe);
        case Framing::until_close: return ResponsePipe::until_close(pipe);
        case Framing::none:
        case Framing::length: break;
    }
    return ResponsePipe::of_length(pipe, length.framing == Framing::length ? length.length : 0);
}

}  // namespace portico::gateway
