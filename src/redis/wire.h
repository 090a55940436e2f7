// A stream with the protocol's reader on top, for talk where one question waits for its answer: greeting a server, asking a
// sentinel. A Node takes it over for pipelining. One thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/loop.h"
#include "redis/resp.h"
#include "redis/store.h"

namespace portico::redis {

class Wire {
  public:
    Wire(io::Loop& loop, std::unique_ptr<io::Stream> stream)
        : loop_(loop), stream_(std::move(stream)), deadline_(stream_.get()) {}

    // Pending operations end at this time; Timer::kNever for none.
    void until(Time deadline) { deadline_.set_at(loop_.timers(), deadline); }
    // Sends `bytes`, of any size. @errors store_timeout, store_unavailable
    io::Task<Result<void>> send(std::string bytes);
    // The next reply, pushes included. @errors store_timeout, store_unavailable, store_protocol
    io::Task<Result<Reply>> receive();
    // Sends a command and waits for its reply.
    io::Task<Result<Reply>> ask(std::string command);
    // Takes the next reply of what has been read into in(). @returns false while it is not whole  @errors store_protocol
    Result<bool> next(Reply& reply);

    // Bytes that have come and were not read yet, as far as that can be seen: of TLS, as they travel.
    size_t unread() const;

    io::Stream& stream() { return *stream_; }
    io::Buffer& in() { return in_; }

  private:
    io::Loop& loop_;
    std::unique_ptr<io::Stream> stream_;
    io::Buffer in_, out_;
    ReplyReader reader_;
    io::StreamDeadline deadline_;
};

// One command as it is sent.
std::string command_bytes(std::span<const std::string_view> words);
// What a failed operation of a stream means here.
Error stream_error(std::string_view doing, const io::IoResult& result);

// Connects to a server of the store: its name is looked up, its addresses are tried in turn.
// @errors store_timeout, store_unavailable
io::Task<Result<std::unique_ptr<io::Stream>>> dial(Store& store, HostPort where, Time deadline);

}  // namespace portico::redis
