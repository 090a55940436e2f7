// What differs between io_uring, epoll and the simulation: how to wait, and how a descriptor becomes a Stream. A Loop owns
// one. One thread, but for wake().
#pragma once

#include <coroutine>
#include <memory>

#include "base/clock.h"
#include "io/stream.h"
#include "io/turn.h"

namespace portico::io {

class Loop;

// A connection being made.
struct ConnectOp {
    SocketAddress address;
    std::coroutine_handle<> waiter;
    std::unique_ptr<Stream> stream;
    int error = 0;  // errno
    void* state = nullptr;  // the backend's
};

// A listening socket on this loop.
class Acceptor {
  public:
    class Sink {
      public:
        virtual void on_accept(std::unique_ptr<Stream> stream) = 0;
        // accept failed for want of a resource (EMFILE, ENFILE, ENOBUFS, ENOMEM); the acceptor pauses until resume().
        virtual void on_accept_error(int error) = 0;

      protected:
        ~Sink() = default;
    };
    virtual ~Acceptor() = default;
    virtual void pause() = 0;
    virtual void resume() = 0;
    // Takes in what has connected by now, however much it is: before the listener goes. Not from inside of the sink.
    virtual void take_all() = 0;
};

// Watches a foreign descriptor (c-ares, signalfd, eventfd), level-triggered. Destroying it ends the watch; the descriptor
// stays its owner's.
class FdWatch {
  public:
    class Sink {
      public:
        virtual void on_fd_ready(int fd, bool readable, bool writable) = 0;

      protected:
        ~Sink() = default;
    };
    virtual ~FdWatch() = default;
};

class Backend {
  public:
    virtual ~Backend() = default;
    virtual const char* name() const = 0;

    // Submits what was queued and waits for at most `wait` (kForever: until something happens; zero: not at all).
    virtual void wait(Duration wait) = 0;
    // Runs what has completed.
    virtual void dispatch() = 0;
    // Wakes a waiting wait(). Thread-safe.
    virtual void wake() = 0;

    // @returns true when it is over at once (op.stream or op.error is set)
    virtual bool start_connect(ConnectOp& op) = 0;
    // Destroys the pending connection.
    virtual void abandon_connect(ConnectOp& op) = 0;
    // Ends a pending connection with `error` and resumes its waiter.
    virtual void interrupt_connect(ConnectOp& op, int error) = 0;
    // Takes over a connected, non-blocking descriptor.
    virtual std::unique_ptr<Stream> adopt(int fd, const SocketAddress& peer) = 0;
    // @param fd a listening, non-blocking descriptor, owned by the acceptor from now on
    virtual std::unique_ptr<Acceptor> listen(int fd, Acceptor::Sink& sink) = 0;
    // The pool that streams take blocks from; set by the loop before anything else.
    void set_buffers(BufferPool* pool) { buffers_ = pool; }
    // The time of the loop's turn, likewise.
    void set_turn(Turn* turn) { turn_ = turn; }
    virtual std::unique_ptr<FdWatch> watch(int fd, bool readable, bool writable, FdWatch::Sink& sink) = 0;

  protected:
    BufferPool* buffers_ = nullptr;
    Turn* turn_ = nullptr;
};

}  // namespace portico::io
