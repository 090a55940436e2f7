#include "gateway/splice.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "gateway/body_pipe.h"

namespace portico::gateway {
namespace {

// Pipes that wait for their next body. One stock a thread: a pipe is only given back empty.
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
        if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return {};
        // As long as an unprivileged process may have it; the default holds 64 KiB where pages are small.
        ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        return {ends[0], ends[1]};
    }
    void give(Pipe p, bool empty) {
        if (empty && stock_.size() < 16) stock_.push_back(p);
        else shut(p);
    }

  private:
    static void shut(const Pipe& p) {
        ::close(p.out);
        ::close(p.in);
    }
    std::vector<Pipe> stock_;
};

thread_local PipeStock stock;

class PipeLease {
  public:
    PipeLease() : pipe_(stock.take()) {}
    PipeLease(const PipeLease&) = delete;
    PipeLease& operator=(const PipeLease&) = delete;
    ~PipeLease() {
        if (pipe_.out >= 0) stock.give(pipe_, inside == 0);
    }
    bool ok() const { return pipe_.out >= 0; }
    int out() const { return pipe_.out; }
    int in() const { return pipe_.in; }
    uint64_t inside = 0;  // bytes

  private:
    PipeStock::Pipe pipe_;
};

constexpr size_t kStep = 1 << 20;

}  // namespace

io::Task<SpliceEnd> splice(io::Loop& loop, io::Stream& from, io::Stream& to, uint64_t size, Exchange& x,
                           io::StreamDeadline& upstream_deadline, const Deadlines& deadlines) {
    SpliceEnd end;
    PipeLease pipe;
    if (!pipe.ok()) {
        end.to_failed = true;
        end.error = EMFILE;
        co_return end;
    }
    uint64_t taken = 0;
    const auto rearm = [&] {
        const Time until = deadlines.idle(loop.now());
        upstream_deadline.set_at(loop.timers(), until);
        x.client->set_write_deadline(until);
    };
    // The first wait also takes an armed receive back; bytes that it brought meanwhile are for read().
    rearm();
    io::IoResult ready = co_await from.readable();
    if (ready.error() == EBUSY) co_return end;
    while (ready.ok()) {
        bool moved = false;
        if (taken < size) {
            const size_t want = static_cast<size_t>(std::min<uint64_t>(size - taken, kStep));
            const ssize_t n = ::splice(from.splice_fd(), nullptr, pipe.in(), nullptr, want, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (n > 0) {
                taken += static_cast<uint64_t>(n);
                pipe.inside += static_cast<uint64_t>(n);
                moved = true;
            } else if (n == 0) {
                end.from_failed = true;
                break;
            } else if (errno != EAGAIN && errno != EINTR) {
                end.from_failed = true;
                end.error = errno;
                break;
            }
        }
        while (pipe.inside > 0) {
            const unsigned more = taken < size ? SPLICE_F_MORE : 0;
            const ssize_t n = ::splice(pipe.out(), nullptr, to.splice_fd(), nullptr, static_cast<size_t>(pipe.inside),
                                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK | more);
            if (n > 0) {
                pipe.inside -= static_cast<uint64_t>(n);
                end.moved += static_cast<uint64_t>(n);
                moved = true;
                continue;
            }
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno != EAGAIN) {
                end.to_failed = true;
                end.error = errno;
                co_return end;
            }
            rearm();
            const io::IoResult writable = co_await to.writable();
            if (!writable.ok()) {
                end.to_failed = true;
                end.timed_out = writable.timed_out();
                end.error = writable.error();
                co_return end;
            }
        }
        if (end.moved == size) co_return end;
        if (moved) continue;
        rearm();
        ready = co_await from.readable();
    }
    if (!ready.ok()) {
        end.from_failed = true;
        end.timed_out = ready.timed_out();
        end.error = ready.error();
    }
    co_return end;
}

}  // namespace portico::gateway
