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
// loop until the kernel is done. Bytes that a read brought after it was taken back are there for the next one; a stream that
// lost a write in this way can only be closed.
//
// An operation may have a deadline of its own (Until). It is armed when the operation has to wait, interrupts that direction
// only, and ends with the operation: no deadline outlives what it bounds.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "io/buffer.h"
#include "io/timer.h"
#ifdef PORTICO_WATCH_WAITS
#include "io/wait_watch.h"
#endif

namespace portico::io {

struct IoResult {
    int32_t value = 0;  // bytes, or -errno
    bool ok() const { return value >= 0; }
    bool eof() const { return value == 0; }
    int error() const { return value < 0 ? -value : 0; }
    bool timed_out() const { return value == -ETIMEDOUT; }
};
#ifdef PORTICO_WATCH_WAITS
inline wait_watch::Ending ending_of(const IoResult& result) {
    if (result.value > 0) return wait_watch::Ending::resumed;
    return result.timed_out() ? wait_watch::Ending::timed_out : wait_watch::Ending::broken;
}
#endif

class Stream;
class StreamDeadline;

// The two directions of a stream.
enum class Direction : uint8_t { read = 1, write = 2, both = 3 };

// When an operation must be over; -ETIMEDOUT ends it then. kNever, or no timer: it may take as long as it takes.
struct Until {
    StreamDeadline* timer = nullptr;  // of that direction of that stream; used by one operation at a time
    TimerWheel* wheel = nullptr;
    Time at = Timer::kNever;
    // The timer of the other direction: what is pending there may take until `at` as well. For idle times, which run from the
    // last byte either way.
    StreamDeadline* other = nullptr;

    void extend_other() const;
};

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
    IoResult result;
    std::coroutine_handle<> waiter;
    Sink* sink = nullptr;  // told in place of a waiter
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

  private:
    // What every awaited operation is: pending from await_suspend() to await_resume(), its deadline likewise.
    class Operation {
      public:
        Operation(Stream& s, Until until) : stream_(s), until_(until) { until_.extend_other(); }
        Operation(const Operation&) = delete;
        void await_suspend(std::coroutine_handle<> h);
        IoResult await_resume() {
            end();
            return op_.result;
        }

      protected:
        ~Operation() = default;
        // @returns true when it was still pending
        bool end();

        Stream& stream_;
        StreamOp op_;

      private:
        Until until_;
        bool waiting_ = false;
    };

  public:
    class Read final : public Operation {
      public:
        Read(Stream& s, Buffer& into, uint32_t max, Until until) : Operation(s, until) {
            op_.buffer = &into;
            op_.max = max;
        }
        ~Read() {
            if (end()) stream_.abandon_read();
        }
        bool await_ready() { return stream_.start_read(op_); }
    };
    class Write final : public Operation {
      public:
        Write(Stream& s, Buffer& from, Until until) : Operation(s, until) { op_.buffer = &from; }
        ~Write() {
            if (end()) stream_.abandon_write();
        }
        bool await_ready() { return stream_.start_write(op_); }
    };

    // Appends what has come, up to the buffer's room and at most `max` bytes: what follows stays for the next read.
    // @requires room, or no block at all; max > 0
    Read read(Buffer& into, uint32_t max = UINT32_MAX, Until until = {}) { return Read(*this, into, max, until); }
    // Writes all of `from` and leaves it empty. @requires data in it
    Write write(Buffer& from, Until until = {}) { return Write(*this, from, until); }

    // Ends what is pending in that direction with -error (ETIMEDOUT by deadlines). Resumes whoever waits, at once. The stream
    // can still be read from afterwards, and nothing that comes is lost; after an interrupted write it can only be closed.
    // @requires called from the loop, not from inside a coroutine that uses the stream
    virtual void interrupt(int error, Direction which = Direction::both) = 0;
    // Tells `watcher` (or nobody) of the peer's end and of unasked bytes; of those that are there already from inside this call.
    virtual void watch(StreamWatcher* watcher) = 0;
    // Half-close: no more writes. The peer sees the end after what was written.
    virtual void shutdown_write() = 0;
    // Closing sends RST instead of FIN: a broken answer must not look whole.
    virtual void abort_on_close() = 0;
    virtual SocketAddress peer() const = 0;
    virtual SocketAddress local() const = 0;
    // The plain descriptor where bytes may pass around user space (splice), or -1 (TLS).
    virtual int splice_fd() const { return -1; }
    // Moves at most so many bytes that have come into a pipe, or out of one to the peer, without waiting: as splice() does.
    // @requires splice_fd() >= 0
    virtual ssize_t splice_to(int pipe, size_t most);
    virtual ssize_t splice_from(int pipe, size_t most, bool more);
    // True where nothing has come that was not read, neither bytes nor an end: the state of the kernel's socket when this turn
    // of the loop began or later, or with `now` of this moment. Asks the kernel only where that is not known.
    virtual bool quiet(bool now) = 0;
    // True where the peer's end is known and nothing unread lies before it: a read would return 0 or an error.
    virtual bool at_end() = 0;
    // The descriptor beneath, or -1 (simulation).
    virtual int look_fd() const { return splice_fd(); }
    // Bytes that the peer has not acknowledged yet, or -1 where nobody knows (simulation).
    virtual int64_t unacknowledged() const;
    // What broke the stream, where an errno says too little (TLS); else empty. For logs.
    virtual std::string_view failure() const { return {}; }
    // For splice: waits until the descriptor is readable or writable. Used only while no read or write is pending.
    virtual bool start_wait(StreamOp& op, bool readable) {
        (void)readable;
        op.result.value = -EOPNOTSUPP;
        return true;
    }

    class Wait final : public Operation {
      public:
        Wait(Stream& s, bool readable, Until until) : Operation(s, until), readable_(readable) {}
        ~Wait() {
            if (!end()) return;
            readable_ ? stream_.abandon_read() : stream_.abandon_write();
        }
        bool await_ready() { return stream_.start_wait(op_, readable_); }

      private:
        bool readable_;
    };
    // > 0 when ready (or at the peer's end), < 0 -errno.
    Wait readable(Until until = {}) { return Wait(*this, true, until); }
    Wait writable(Until until = {}) { return Wait(*this, false, until); }

  protected:
    // @returns true when the operation is over at once (op.result is set); else op.finish() comes later
    virtual bool start_read(StreamOp& op) = 0;
    virtual bool start_write(StreamOp& op) = 0;
    // The waiting operation's owner is being destroyed: op and its Buffer must not be touched again.
    virtual void abandon_read() = 0;
    virtual void abandon_write() = 0;

    // A write has met the peer's reset. The kernel tells of it once: without this a later read would find an end in order.
    virtual void note_reset() {}

    // The same of the stream that this one runs over.
    static bool start_read_of(Stream& s, StreamOp& op) { return s.start_read(op); }
    static bool start_write_of(Stream& s, StreamOp& op) { return s.start_write(op); }
    static void abandon_read_of(Stream& s) { s.abandon_read(); }
    static void abandon_write_of(Stream& s) { s.abandon_write(); }
};

// A deadline on what is pending on a stream: interrupts it with ETIMEDOUT.
class StreamDeadline : public Timer {
  public:
    explicit StreamDeadline(Stream* s = nullptr, Direction which = Direction::both) : stream_(s), which_(which) {}
    void attach(Stream* s) { stream_ = s; }
    void set_at(TimerWheel& wheel, Time deadline) { set(wheel, deadline); }
    // Of an operation that has this as its deadline: it waits from here …
    virtual void begin(const Until& until) {
        pending_ = true;
        set_at(*until.wheel, until.at);
    }
    // … to here. In between its deadline may be moved by set_at().
    void end() {
        pending_ = false;
        cancel();
    }
    bool pending() const { return pending_; }

  protected:
    void on_timer() override {
        if (stream_ != nullptr) stream_->interrupt(ETIMEDOUT, which_);
    }
    Stream* stream_;

  private:
    Direction which_;
    bool pending_ = false;
};

// The same for writes to a peer that may be slow. The kernel tells of room in its buffer only once a third of it is free, which a slow and
// steady reader may take minutes for: as long as he takes something in each such time, the write goes on.
class SteadyDeadline final : public StreamDeadline {
  public:
    explicit SteadyDeadline(Stream* s, Direction which = Direction::write) : StreamDeadline(s, which) {}
    // From the next operation on: the time in which something must be taken (zero: the operation's own end stands), and the end of all.
    void go_on_by(Duration steady, Time most) {
        steady_ = steady;
        most_ = most;
    }
    void begin(const Until& until) override {
        StreamDeadline::begin(until);
        wheel_ = until.wheel;
        at_ = until.at;
        left_ = -1;
    }

  private:
    void on_timer() override {
        // Nothing is asked before: most writes are over at once. The first look needs a second one to say anything.
        const bool first = left_ < 0;
        const int64_t left = steady_ > Duration::zero() && at_ < most_ ? stream_->unacknowledged() : -1;
        if (left < 0 || left == std::exchange(left_, left)) return StreamDeadline::on_timer();
        at_ = std::min(at_ + (first ? std::min(steady_, kSecondLook) : steady_), most_);
        set_at(*wheel_, at_);
    }
    static constexpr Duration kSecondLook = std::chrono::seconds(5);
    Duration steady_{};
    Time most_ = kNever;
    TimerWheel* wheel_ = nullptr;
    Time at_{};
    int64_t left_ = -1;  // what the peer had not acknowledged when that was looked at last
};

inline void Until::extend_other() const {
    // One that may take any time says nothing of when the last byte came.
    if (at == Timer::kNever) return;
    if (other != nullptr && other->armed() && other->deadline() < at) other->set_at(*wheel, at);
}

inline void Stream::Operation::await_suspend(std::coroutine_handle<> h) {
    op_.waiter = h;
    waiting_ = true;
    if (until_.timer != nullptr) until_.timer->begin(until_);
}

inline bool Stream::Operation::end() {
    if (!std::exchange(waiting_, false)) return false;
    if (until_.timer != nullptr) until_.timer->end();
    return true;
}

}  // namespace portico::io
