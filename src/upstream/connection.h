// One connection to an endpoint: HTTP/1.1, used by one exchange at a time, kept between exchanges in its endpoint's pool.
// Stands below gateway/forward, above io. One worker's; knows nothing of routes or clients.
#pragma once

#include <memory>

#include "base/intrusive_list.h"
#include "http/h1/parser.h"
#include "io/loop.h"
#include "io/stream.h"

namespace portico::upstream {

class Endpoint;

// The `timeout` of a Keep-Alive field, kForever where there is none.
Duration keep_alive_hint(std::string_view value);

class Connection final : public ListHook<Connection>, private io::StreamWatcher, private io::Deferred {
  public:
    Connection(Endpoint& endpoint, io::Loop& loop, std::unique_ptr<io::Stream> stream);
    ~Connection();

    io::Stream& stream() { return *stream_; }
    const io::Stream& stream() const { return *stream_; }
    Endpoint& endpoint() { return endpoint_; }
    // Bytes received and not yet taken.
    io::Buffer& in() { return in_; }
    http::h1::HeadParser& parser() { return parser_; }
    // Interrupts pending operations at a time.
    io::StreamDeadline& deadline() { return deadline_; }

    // True once it has carried an exchange: it may have been closed by the peer meanwhile, without anybody's fault.
    bool reused() const { return exchanges_ > 1; }
    // Taken out of the pool for an exchange.
    void begin();
    // Goes to the pool: from now on the peer's end, or bytes that nobody asked for, close it.
    void rest(Time until);
    // The peer has closed, or spoken out of turn, while it rested.
    bool dead() const { return dead_; }
    // The peer sent more than its answer: what follows could be anything, so it carries nothing more.
    void spoil() { spoiled_ = true; }
    bool spoiled() const { return spoiled_; }
    // A look at the socket: a peer that closed a resting connection shows, if it was long enough ago.
    bool looks_alive() const;
    Time rests_until() const { return rests_until_; }

  private:
    void on_peer_closed(int error) override;
    void on_unasked_bytes() override;
    void on_deferred() override;

    Endpoint& endpoint_;
    io::Loop& loop_;
    std::unique_ptr<io::Stream> stream_;
    io::Buffer in_;
    http::h1::HeadParser parser_;
    io::StreamDeadline deadline_;
    Time rests_until_{};
    uint64_t exchanges_ = 0;
    bool resting_ = false;
    bool dead_ = false;
    bool spoiled_ = false;
};

}  // namespace portico::upstream
