// HTTP/1.1 towards a client: reads heads, hands each request to the Handler as an Exchange, frames the answers, keeps the
// connection. Stands between edge/connection (which owns it) and gateway/exchange. One worker's.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <memory>

#include "base/clock.h"
#include "gateway/handler.h"
#include "http/h1/parser.h"
#include "io/loop.h"
#include "io/stream.h"

namespace portico::edge {

// What a listener gives its connections: each wait for a request, and each request, takes what holds when it begins, so that a reload never
// changes one in mid-air.
struct ServerSettings {
    http::h1::HeadLimits head;
    uint64_t body = 128ull << 20;  // bytes
    Duration head_timeout = std::chrono::seconds(10);
    Duration idle_timeout = std::chrono::seconds(75);
    Duration half_close = std::chrono::seconds(1);
    Duration body_idle = std::chrono::seconds(60);  // between two reads of a body, or two writes of an answer
    std::string_view scheme = "http";
    bool operator==(const ServerSettings&) const = default;
};

// Where connections came in. It lives as long as any of them, and counts them: one thread.
struct Entrance : boost::intrusive_ref_counter<Entrance, boost::thread_unsafe_counter> {
    Entrance() = default;
    explicit Entrance(const ServerSettings& now) : settings(&now) {}

    const ServerSettings* settings = nullptr;  // live as long as any connection
    bool closed = false;                       // nobody listens there any more: connections end behind the request that they carry
};
using EntranceRef = boost::intrusive_ptr<const Entrance>;

class H1Server {
  public:
    // Whoever owns the connection is told what it is doing.
    class Owner {
      public:
        // Waiting for a request, reading its head, reading its body, owing its response only, said the last word.
        enum class Phase : uint8_t { idle, head, body, response, closing };
        virtual void on_phase(Phase phase) = 0;
        virtual io::StreamWatcher& watcher() = 0;
        // The connection is about to be closed, to make room for another: nothing may begin on it.
        virtual bool ends() const = 0;

      protected:
        ~Owner() = default;
    };

    // What stands behind all connections of a worker.
    struct Behind {
        gateway::Context& context;
        gateway::Handler& handler;
    };

    H1Server(const Behind& behind, std::unique_ptr<io::Stream> stream, EntranceRef entrance, Owner& owner)
        : behind_(behind),
          stream_(std::move(stream)),
          entrance_(std::move(entrance)),
          settings_(entrance_->settings),
          owner_(owner),
          read_deadline_(stream_.get(), io::Direction::read) {}

    // The connection's life, from the first byte to the last.
    io::Task<void> serve();
    const ServerSettings& settings() const { return *settings_; }
    const Entrance& entrance() const { return *entrance_; }
    io::Stream& stream() { return *stream_; }

  private:
    friend class H1Exchange;
    // One request and its answer. @returns true when the connection may carry another
    io::Task<bool> serve_one();
    io::Task<Result<void>> read_rest_of_head(gateway::Exchange& x);
    // Ends a connection on which the last response was whole: the client reads that one before the connection goes.
    io::Task<void> linger();
    // For an operation that reads, from now on.
    io::Until read_until(Time at) { return {&read_deadline_, &context().loop.timers(), at}; }
    gateway::Context& context() { return behind_.context; }
    // The peer's address as text, made at the first request: each one logs it and sends it on.
    std::string_view peer_text();

    // Every idle connection has them: they say no more than they must, and lie without gaps.
    const Behind& behind_;
    const std::unique_ptr<io::Stream> stream_;
    const EntranceRef entrance_;
    const ServerSettings* settings_;  // of the present wait or request
    Owner& owner_;
    io::Buffer in_;  // a head, and what came behind it
    char peer_text_[46];
    uint8_t peer_text_size_ = 0;
    bool broken_ = false;  // nothing more can be said on this connection
    io::StreamDeadline read_deadline_;
};

}  // namespace portico::edge
