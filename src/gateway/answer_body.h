// A service's body as its bytes come, framing undone: what gateway/body_filtering reads. One worker's.
#pragma once

#include <string_view>

#include "gateway/body_pipe.h"
#include "http/h1/parser.h"

namespace portico::gateway {

class AnswerBody {
  public:
    // What came with the head lies in from.in(), beside the head itself, whose bytes stay where they are.
    AnswerBody(Exchange& x, upstream::Connection& from, const Deadlines& deadlines, http::BodyLength length);

    // Something of it can be had without waiting for the service.
    bool is_there() const;
    // Reads the next part, which may be empty. @requires !last()
    io::Task<PipeEnd> next();
    // Lives until the next next().
    std::string_view part() const { return part_; }
    // That part was the end.
    bool last() const { return last_; }

  private:
    io::Task<io::IoResult> read();
    PipeEnd take(char* bytes, size_t size);

    Exchange& x_;
    upstream::Connection& from_;
    const Deadlines& deadlines_;
    http::Framing framing_;
    uint64_t left_;
    http::h1::ChunkedDecoder decoder_{http::h1::SpaceBeforeColon::dropped};
    io::Buffer buffer_;
    std::string_view part_;
    bool begun_ = false;
    bool last_ = false;
};

}  // namespace portico::gateway
