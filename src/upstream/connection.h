// One connection to an endpoint: HTTP/1.1, used by one exchange at a time, kept between exchanges in its endpoint's pool.
// Stands below gateway/forward, above io. One worker's; knows nothing of routes or clients.
//
// It knows itself whether it may carry another exchange: both messages of the last one were whole, and nothing has come
// behind them. Whoever used it only says where each message ended; one that was broken off in any way never gets that far.
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

// A service that says why it closes an idle connection (RFC 9110 §15.5.9) speaks of no request: on a kept connection it has
// never seen the one that was just sent.
bool closes_idle(const http::ResponseHead& head);

class Connection final : public ListHook<Connection>, private io::StreamWatcher, private io::Deferred, private io::Loop::Resting {
  public:
    Connection(Endpoint& endpoint, io::Loop& loop, std::unique_ptr<io::Stream> stream);
    ~Connection();

    // For what is no message: failures, interruptions, descriptors.
    io::Stream& stream() { return *stream_; }
    const io::Stream& stream() const { return *stream_; }
    Endpoint& endpoint() { return endpoint_; }
    // Bytes received and not yet taken.
    io::Buffer& in() { return in_; }
    http::h1::HeadParser& parser() { return parser_; }
    // Room in in() for the next bytes of a head, which stays in one piece.
    void make_room();

    // The request, part by part. The `last` one that has left whole ends it.
    // @param until the time by which the part must have left
    class Send {
      public:
        Send(Connection& c, io::Buffer& part, bool last, Time until)
            : connection_(c), last_(last), write_(c.begin_part().write(part, c.write_until(until))) {}
        Send(const Send&) = delete;
        bool await_ready() { return write_.await_ready(); }
        void await_suspend(std::coroutine_handle<> h) { write_.await_suspend(h); }
        io::IoResult await_resume() {
            const io::IoResult sent = write_.await_resume();
            if (sent.ok() && last_) connection_.request_ = Message::whole;
            return sent;
        }

      private:
        Connection& connection_;
        bool last_;
        io::Stream::Write write_;
    };
    Send send(io::Buffer& part, bool last, Time until) { return Send(*this, part, last, until); }
    // The same where the bytes pass around this: before the first of them, and once the last one has left.
    void begin_request_part() { request_ = Message::begun; }
    void end_request() { request_ = Message::whole; }

    // Bytes of the response, behind those in `into`.
    io::Stream::Read receive(io::Buffer& into, Time until, uint32_t max = UINT32_MAX) { return stream_->read(into, max, read_until(until)); }
    // The response has been read to its end, as its framing tells. @param clean nothing was read behind it, and the peer
    // keeps the connection
    void end_response(bool clean) { response_ = clean ? Message::whole : Message::begun; }

    // The timers of a wait on the stream by whoever moves the bytes itself.
    io::Until read_until(Time at) { return {&read_deadline_, &loop_.timers(), at, &write_deadline_}; }
    io::Until write_until(Time at) { return {&write_deadline_, &loop_.timers(), at, &read_deadline_}; }
    // The deadline of a pending receive(), moved while it waits.
    io::StreamDeadline& read_deadline() { return read_deadline_; }

    // Both messages are whole and nothing follows them, as far as this turn of the loop knows.
    bool may_carry_another() const {
        return request_ == Message::whole && response_ == Message::whole && in_.empty() && stream_->quiet(false);
    }

    // True once it has carried an exchange: it may have been closed by the peer meanwhile, without anybody's fault.
    bool reused() const { return exchanges_ > 1; }
    // Taken out of the pool for an exchange.
    void begin();
    // Goes to the pool: from now on the peer's end, or bytes that nobody asked for, close it. @requires may_carry_another()
    void rest(Time until);
    // A resting connection may be taken: the peer has not closed it, nor spoken out of turn. @param now as of this very moment,
    // which costs a system call; else as of this turn of the loop
    bool fit(bool now) const { return !dead_ && in_.empty() && stream_->quiet(now); }
    Time rests_until() const { return rests_until_; }

  private:
    void on_peer_closed(int error) override;
    void on_unasked_bytes() override;
    void on_deferred() override;
    void on_needed_elsewhere() override;
    io::Stream& begin_part() {
        request_ = Message::begun;
        return *stream_;
    }

    enum class Message : uint8_t { none, begun, whole };

    Endpoint& endpoint_;
    io::Loop& loop_;
    std::unique_ptr<io::Stream> stream_;
    io::Buffer in_;
    http::h1::HeadParser parser_;
    io::StreamDeadline read_deadline_;
    io::StreamDeadline write_deadline_;
    Time rests_until_{};
    uint64_t exchanges_ = 0;
    bool resting_ = false;
    bool dead_ = false;
    Message request_ = Message::none;   // of the exchange that it carries, or carried last
    Message response_ = Message::none;
};

}  // namespace portico::upstream
