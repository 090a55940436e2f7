// A byte stream: what a connection reads from and writes to, whether plain TCP (io_uring or epoll), TLS on top of it, or the
// simulated network. One pending read and one pending write at a time; one thread.
//
//     IoResult got = co_await stream.read(buffer);    // > 0 bytes, 0 at the peer's end, < 0 -errno
//     IoResult sent = co_await stream.write(buffer);  // all of the buffer, or < 0
//
// Reading into an empty Buffer waits without holding memory: the block is taken when bytes are there. Reading into a Buffer
// of kLargeBuffer capacity is bulk reading, straight into it. Nothing is read that nobody asked for, but for a few KiB
// that an armed receive may bring: back-pressure is real.
//
// Destroying a waiting coroutine takes its operation back; the memory of one that the kernel still works on stays with the
// loop until the kernel is done. A stream that lost an operation in this way can only be closed.
#pragma once

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <cstdint>
#include <string_view>

#include "base/address.h"
#include "io/buffer.h"
#include "io/timer.h"

namespace portico::io {

struct IoResult {
    int32_t value = 0;  // bytes, or -errno
    bool ok() const { return value >= 0; }
    bool eof() const { return value == 0; }
    int error() const { return value < 0 ? -value : 0; }
    bool timed_out() const { return value == -ETIMEDOUT; }
};

class Stream;

// One pending operation: lives in the awaiter, in the frame of whoever waits; or in a stream that runs over another one.
struct StreamOp {
    class Sink {
      public:
        virtual void on_op_done(StreamOp& op) = 0;

      protected:
        ~Sink() = default;
    };

    Buffer* buffer = nullptr;
    uint32_t max = UINT32_MAX;  // a read takes no more than this
    std::coroutine_handle<> waiter;
    Sink* sink = nullptr;  // told in place of a waiter
    IoResult result;
    // Called by a stream when the operation is over.
    void finish(int32_t value) {
        result.value = value;
        resume();
    }
    void resume() {
        if (sink != nullptr) sink->on_op_done(*this);
        else waiter.resume();
    }
    // Bytes that a read may take now.
    uint32_t room() const { return std::min(max, buffer->room()); }
};

// Told of what happens on a stream on which nobody is reading.
class StreamWatcher {
  public:
    // The peer closed its sending side (error 0) or the connection broke. Called at most once; perhaps from inside watch(),
    // so that the receiver only takes note, and acts from a Deferred.
    virtual void on_peer_closed(int error) = 0;
    // Bytes came that nobody asked for.
    virtual void on_unasked_bytes() {}

  protected:
    ~StreamWatcher() = default;
};

class Stream {
  public:
    virtual ~Stream() = default;

    class Read {
      public:
        Read(Stream& s, Buffer& into, uint32_t max) : stream_(s) {
            op_.buffer = &into;
            op_.max = max;
        }
        Read(const Read&) = delete;
        ~Read() {
            if (waiting_) stream_.abandon_read();
        }
        bool await_ready() { return stream_.start_read(op_); }
        void await_suspend(std::coroutine_handle<> h) {
            op_.waiter = h;
            waiting_ = true;
        }
        IoResult await_resume() {
            waiting_ = false;
            return op_.result;
        }

      private:
        Stream& stream_;
        StreamOp op_;
        bool waiting_ = false;
    };
    class Write {
      public:
        Write(Stream& s, Buffer& from) : stream_(s) { op_.buffer = &from; }
        Write(const Write&) = delete;
        ~Write() {
            if (waiting_) stream_.abandon_write();
        }
        bool await_ready() { return stream_.start_write(op_); }
        void await_suspend(std::coroutine_handle<> h) {
            op_.waiter = h;
            waiting_ = true;
        }
        IoResult await_resume() {
            waiting_ = false;
            return op_.result;
        }

      private:
        Stream& stream_;
        StreamOp op_;
        bool waiting_ = false;
    };

    // Appends what has come, up to the buffer's room and at most `max` bytes: what follows stays for the next read.
    // @requires room, or no block at all; max > 0
    Read read(Buffer& into, uint32_t max = UINT32_MAX) { return Read(*this, into, max); }
    // Writes all of `from` and leaves it empty. @requires data in it
    Write write(Buffer& from) { return Write(*this, from); }

    // Ends a pending read or write with -error (ETIMEDOUT by deadlines). Resumes whoever waits, at once.
    // @requires called from the loop, not from inside a coroutine that uses the stream
    virtual void interrupt(int error) = 0;
    // Tells `watcher` (or nobody) of the peer's end and of unasked bytes; of those that are there already from inside this call.
    virtual void watch(StreamWatcher* watcher) = 0;
    // Half-close: no more writes. The peer sees the end after what was written.
    virtual void shutdown_write() = 0;
    // Closing sends RST instead of FIN: a broken answer must not look whole.
    virtual void abort_on_close() = 0;
    virtual SocketAddress peer() const = 0;
    virtual SocketAddress local() const = 0;
    // The plain descriptor where bytes may pass around user space (splice), or -1 (TLS, simulation).
    virtual int splice_fd() const { return -1; }
    // The descriptor beneath, for a look at whether anything has come, or -1 (simulation). Never read from or written to.
    virtual int look_fd() const { return splice_fd(); }
    // What broke the stream, where an errno says too little (TLS); else empty. For logs.
    virtual std::string_view failure() const { return {}; }
    // For splice: waits until the descriptor is readable or writable. Used only while no read or write is pending.
    virtual bool start_wait(StreamOp& op, bool readable) {
        (void)readable;
        op.result.value = -EOPNOTSUPP;
        return true;
    }

    class Wait {
      public:
        Wait(Stream& s, bool readable) : stream_(s), readable_(readable) {}
        Wait(const Wait&) = delete;
        ~Wait() {
            if (!waiting_) return;
            readable_ ? stream_.abandon_read() : stream_.abandon_write();
        }
        bool await_ready() { return stream_.start_wait(op_, readable_); }
        void await_suspend(std::coroutine_handle<> h) {
            op_.waiter = h;
            waiting_ = true;
        }
        IoResult await_resume() {
            waiting_ = false;
            return op_.result;
        }

      private:
        Stream& stream_;
        StreamOp op_;
        bool readable_;
        bool waiting_ = false;
    };
    // > 0 when ready (or at the peer's end), < 0 -errno.
    Wait readable() { return Wait(*this, true); }
    Wait writable() { return Wait(*this, false); }

  protected:
    // @returns true when the operation is over at once (op.result is set); else op.finish() comes later
    virtual bool start_read(StreamOp& op) = 0;
    virtual bool start_write(StreamOp& op) = 0;
    // The waiting operation's owner is being destroyed: op and its Buffer must not be touched again.
    virtual void abandon_read() = 0;
    virtual void abandon_write() = 0;

    // The same of the stream that this one runs over.
    static bool start_read_of(Stream& s, StreamOp& op) { return s.start_read(op); }
    static bool start_write_of(Stream& s, StreamOp& op) { return s.start_write(op); }
    static void abandon_read_of(Stream& s) { s.abandon_read(); }
    static void abandon_write_of(Stream& s) { s.abandon_write(); }
};

// A deadline on a stream's pending operations: interrupts them with ETIMEDOUT.
class StreamDeadline final : public Timer {
  public:
    explicit StreamDeadline(Stream* s = nullptr) : stream_(s) {}
    void attach(Stream* s) { stream_ = s; }
    // True once it has fired since the last set.
    bool fired() const { return fired_; }
    void set_at(TimerWheel& wheel, Time deadline) {
        fired_ = false;
        set(wheel, deadline);
    }

  private:
    void on_timer() override {
        fired_ = true;
        if (stream_ != nullptr) stream_->interrupt(ETIMEDOUT);
    }
    Stream* stream_;
    bool fired_ = false;
};

}  // namespace portico::io
