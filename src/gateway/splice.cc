#include "gateway/splice.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "gateway/body_pace.h"
#include "gateway/body_pipe.h"

namespace portico::gateway {
namespace {

// The pipes of a thread, those that wait for their next bytes among them: a pipe is only given back empty. Each takes two descriptors, so
// there are kMost of them; who finds none copies its bytes, as slow readers by the hundred may well do.
class PipeStock {
  public:
    struct Pipe {
        int out = -1;
        int in = -1;
    };
    ~PipeStock() {
        for (const Pipe& p : stock_) shut(p);
    }
    Pipe take() {
        if (!stock_.empty()) {
            const Pipe p = stock_.back();
            stock_.pop_back();
            return p;
        }
        int ends[2];
        if (open_ == kMost || ::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return {};
        ++open_;
        // As long as an unprivileged process may have it; the default holds 64 KiB where pages are small.
        ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        return {ends[0], ends[1]};
    }
    void give(Pipe p, bool empty) {
        if (empty && stock_.size() < kMostAtRest) return stock_.push_back(p);
        --open_;
        shut(p);
    }

  private:
    static constexpr size_t kMost = 32;
    static constexpr size_t kMostAtRest = 16;
    static void shut(const Pipe& p) {
        ::close(p.out);
        ::close(p.in);
    }
    std::vector<Pipe> stock_;
    size_t open_ = 0;
};

thread_local PipeStock stock;

// A pipe, held while bytes move or lie in it.
class PipeLease {
  public:
    PipeLease() = default;
    PipeLease(const PipeLease&) = delete;
    PipeLease& operator=(const PipeLease&) = delete;
    ~PipeLease() {
        if (pipe_.out >= 0) stock.give(pipe_, inside == 0);
    }
    // @returns whether there is one
    bool take() {
        if (pipe_.out < 0) pipe_ = stock.take();
        return pipe_.out >= 0;
    }
    void give_back_empty() {
        if (pipe_.out >= 0 && inside == 0) stock.give(std::exchange(pipe_, {}), true);
    }
    int out() const { return pipe_.out; }
    int in() const { return pipe_.in; }
    uint64_t inside = 0;  // bytes

  private:
    PipeStock::Pipe pipe_;
};

constexpr size_t kStep = 1 << 20;
constexpr Duration kNoRoomPause = std::chrono::milliseconds(5);

// Makes a blocking descriptor non-blocking for as long as it lives. splice() waits on a blocking socket whatever its own flags
// say, which would hold the whole worker; io_uring on the other hand wants its sockets blocking. So it is for one round
// only, within which nothing else is submitted.
class NonBlocking {
  public:
    explicit NonBlocking(int fd) : fd_(fd), flags_(::fcntl(fd, F_GETFL)) {
        if (blocking()) ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
    }
    NonBlocking(const NonBlocking&) = delete;
    NonBlocking& operator=(const NonBlocking&) = delete;
    ~NonBlocking() {
        if (blocking()) ::fcntl(fd_, F_SETFL, flags_);
    }

  private:
    bool blocking() const { return flags_ >= 0 && (flags_ & O_NONBLOCK) == 0; }
    int fd_;
    int flags_;
};

class Splicing {
  public:
    Splicing(io::Stream& from, io::Stream& to, uint64_t size) : from_(from), to_(to), size_(size) {}
    enum class Next : uint8_t { again, wait_from, wait_to, over };

    // For somebody else, as long as nothing moves.
    void rest() { pipe_.give_back_empty(); }
    uint64_t taken() const { return taken_; }
    // Grows with each byte that goes into the pipe, and with each that leaves it.
    uint64_t progress() const { return 2 * taken_ - pipe_.inside; }
    // Moves what can be moved without waiting. Over without more where no pipe is to be had: then the bytes are copied.
    Next round(SpliceEnd& end) {
        if (!pipe_.take()) return Next::over;
        const NonBlocking from(from_.splice_fd()), to(to_.splice_fd());
        const bool took = take(end);
        if ((end.from_failed || at_end_) && pipe_.inside == 0) return Next::over;
        const bool gave = give(end);
        if (end.to_failed || end.moved == size_) return Next::over;
        if (pipe_.inside > 0) return Next::wait_to;
        if (end.from_failed || at_end_) return Next::over;
        return took || gave ? Next::again : Next::wait_from;
    }

  private:
    // From the socket into the pipe. @returns true when something came
    bool take(SpliceEnd& end) {
        if (taken_ == size_ || pipe_.inside > 0) return false;
        const size_t want = static_cast<size_t>(std::min<uint64_t>(size_ - taken_, kStep));
        const ssize_t n = from_.splice_to(pipe_.in(), want);
        if (n > 0) {
            taken_ += static_cast<uint64_t>(n);
            pipe_.inside += static_cast<uint64_t>(n);
            return true;
        }
        // An end; or an urgent byte that the end stands behind: read() tells which.
        if (n == 0) {
            at_end_ = true;
        } else if (errno != EAGAIN && errno != EINTR) {
            end.from_failed = true;
            end.error = errno;
        }
        return false;
    }
    // From the pipe into the socket, until it takes no more.
    bool give(SpliceEnd& end) {
        bool gave = false;
        while (pipe_.inside > 0) {
            const ssize_t n = to_.splice_from(pipe_.out(), static_cast<size_t>(pipe_.inside), taken_ < size_);
            if (n > 0) {
                pipe_.inside -= static_cast<uint64_t>(n);
                end.moved += static_cast<uint64_t>(n);
                gave = true;
            } else if (n < 0 && errno != EINTR) {
                if (errno == EAGAIN) break;
                end.to_failed = true;
                end.error = errno;
                break;
            }
        }
        return gave;
    }

    PipeLease pipe_;
    io::Stream& from_;
    io::Stream& to_;
    uint64_t size_;
    uint64_t taken_ = 0;
    bool at_end_ = false;
};

}  // namespace

io::Task<SpliceEnd> splice(io::Loop& loop, SpliceSide from, SpliceSide to, uint64_t size, const Deadlines& deadlines) {
    SpliceEnd end;
    Splicing splicing(from.stream, to.stream, size);
    // Idle times run from the last byte that moved, not from the last time that somebody was woken.
    const auto moved_now = [&] {
        from.until.at = to.until.at = deadlines.idle(loop.now());
        from.until.extend_other();
        to.until.extend_other();
    };
    moved_now();
    Splicing::Next next = Splicing::Next::wait_from;
    for (;;) {
        const bool waits = next != Splicing::Next::again;
        // The exchange may have ended meanwhile.
        from.until.at = std::min(from.until.at, deadlines.total());
        if (next == Splicing::Next::wait_from) {
            splicing.rest();
            const Time began = loop.now(), idle = from.until.at;
            if (from.pace != nullptr) from.until.at = from.pace->until(began, idle);
            const io::IoResult ready = co_await from.stream.readable(from.until);
            from.until.at = idle;
            if (from.pace != nullptr) {
                from.pace->waited(loop.now() - began);
                end.too_slow = from.pace->too_slow();
                if (!end.too_slow && ready.timed_out() && loop.now() < idle) continue;
            }
            // The first wait also takes an armed receive back; bytes that it brought meanwhile are for read().
            if (ready.error() == EBUSY) co_return end;
            if (!ready.ok() || end.too_slow) {
                end.from_failed = true;
                end.timed_out = ready.timed_out() || end.too_slow;
                end.error = end.too_slow ? ETIMEDOUT : ready.error();
                co_return end;
            }
        } else if (next == Splicing::Next::wait_to) {
            const io::IoResult ready = co_await to.stream.writable(to.until);
            if (!ready.ok()) {
                end.to_failed = true;
                end.timed_out = ready.timed_out();
                end.error = ready.error();
                co_return end;
            }
        }
        const Splicing::Next before = next;
        const uint64_t progress = splicing.progress();
        const uint64_t taken = splicing.taken();
        next = splicing.round(end);
        if (from.pace != nullptr) from.pace->came(splicing.taken() - taken);
        if (next == Splicing::Next::over) co_return end;
        if (splicing.progress() != progress) {
            moved_now();
        } else if (waits && next == before) {
            // Ready, and yet nothing can be moved. Before an urgent byte splice() stops for good: read() passes it.
            if (next == Splicing::Next::wait_from) co_return end;
            // The machine has no memory for sockets.
            if (loop.now() >= to.until.at) {
                end.to_failed = end.timed_out = true;
                end.error = ETIMEDOUT;
                co_return end;
            }
            splicing.rest();
            co_await loop.sleep(kNoRoomPause);
        }
        loop.turn_time().count(splicing.progress() - progress);
        if (loop.turn_time().over()) co_await loop.yield();
    }
}

}  // namespace portico::gateway
