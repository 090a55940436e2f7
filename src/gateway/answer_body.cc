#include "gateway/answer_body.h"

#include "upstream/broken_answer.h"

namespace portico::gateway {

using http::Framing;

AnswerBody::AnswerBody(Exchange& x, upstream::Connection& from, const Deadlines& deadlines, http::BodyLength length)
    : x_(x), from_(from), deadlines_(deadlines), framing_(length.framing), left_(length.framing == Framing::length ? length.length : 0) {
    if (framing_ == Framing::none) framing_ = Framing::length;
}

bool AnswerBody::is_there() const { return begun_ || !from_.in().empty() || (framing_ == Framing::length && left_ == 0); }

io::Task<PipeEnd> AnswerBody::next() {
    part_ = {};
    if (!begun_) {
        begun_ = true;
        io::Buffer& in = from_.in();
        if (!in.empty() || (framing_ == Framing::length && left_ == 0)) {
            const auto size = framing_ == Framing::length ? static_cast<uint32_t>(std::min<uint64_t>(left_, in.size())) : in.size();
            char* const bytes = size > 0 ? in.data() : nullptr;
            // What is too much stays behind and costs the connection.
            in.consume(size);
            co_return take(bytes, size);
        }
    }
    const io::IoResult got = co_await read();
    if (got.eof() && framing_ == Framing::until_close) {
        last_ = true;
        co_return PipeEnd{};
    }
    if (got.value <= 0) co_return body_broken_off(x_, deadlines_, got.error(), from_);
    co_return take(buffer_.data(), buffer_.size());
}

io::Task<io::IoResult> AnswerBody::read() {
    io::Loop& loop = x_.context.loop;
    const bool small = framing_ == Framing::length && left_ <= io::kSmallBuffer;
    buffer_.ensure(loop.buffers(), small ? io::kSmallBuffer : io::kLargeBuffer);
    buffer_.clear();
    const uint64_t max = framing_ == Framing::length ? std::min<uint64_t>(left_, buffer_.room()) : buffer_.room();
    co_return co_await from_.receive(buffer_, deadlines_.idle(loop.now()), static_cast<uint32_t>(max));
}

PipeEnd AnswerBody::take(char* bytes, size_t size) {
    if (framing_ == Framing::length) {
        left_ -= size;
        last_ = left_ == 0;
        // What is too much lies in from.in() or in the socket, and is seen there.
        if (last_) from_.end_response(true);
    } else if (framing_ == Framing::chunked) {
        auto step = decoder_.decode(bytes, size);
        if (!step) return {PipeEnd::How::upstream_failed, upstream::broken_chunks(step.error())};
        if (step->done) from_.end_response(step->consumed == size);
        size = step->data;
        last_ = step->done;
    }
    part_ = {bytes, size};
    return {};
}

}  // namespace portico::gateway
