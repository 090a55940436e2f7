// The event loop of one worker: time, timers, buffers, what is to run at the end of the turn, and a Backend that waits.
// A turn: wait → run completions → advance timers → run what was posted and deferred. One thread, but for post() and stop().
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "base/result.h"
#include "io/backend.h"
#include "io/buffer.h"
#include "io/task.h"
#include "io/timer.h"

namespace portico::io {

enum class BackendChoice : uint8_t { automatic, uring, epoll };

// Something to run once at the end of a turn, outside of any coroutine. Leaves the queue when destroyed.
class Deferred : public ListHook<Loop> {
  public:
    virtual void on_deferred() = 0;

  protected:
    ~Deferred() = default;
};

class Loop {
  public:
    // Probes io_uring where it may be used; `automatic` falls back to epoll and says why in why_not_uring().
    // @errors io when the wanted backend cannot be had
    static Result<std::unique_ptr<Loop>> make(BackendChoice choice, const Clock& clock);
    // A loop over a backend of the caller's (io/sim).
    Loop(std::unique_ptr<Backend> backend, const Clock& clock);
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs until stop().
    void run();
    // One turn; @param wait the longest wait (timers may shorten it)
    void turn(Duration wait);
    // Ends run() after the current turn. Thread-safe.
    void stop();
    // Runs `f` on this loop's thread, in order, as many in a turn as it has time for. Thread-safe. The loop must live until it ran or is
    // destroyed (then it is dropped).
    void post(std::function<void()> f);

    // `told` of each turn that takes Turn::kLong or longer: where most of its time went, and how long it was.
    void watch_turns(std::function<void(std::string_view place, Duration taken)> told) { told_ = std::move(told); }

    // The time at which this turn began to run: good for deadlines, not for measuring inside a turn.
    Time now() const { return now_; }
    // The time of this very moment.
    Time precise_now() const { return clock_.now(); }
    // The wall clock in this turn: read when it is first asked for.
    WallTime wall() const {
        if (wall_turn_ != turns_) {
            wall_turn_ = turns_;
            wall_ = clock_.wall();
        }
        return wall_;
    }
    TimerWheel& timers() { return timers_; }
    // For work that is no stream's: it counts what it does, and yield()s when the turn is over.
    Turn& turn_time() { return turn_time_; }
    BufferPool& buffers() { return buffers_; }
    Backend& backend() { return *backend_; }
    const Clock& clock() const { return clock_; }
    const std::string& why_not_uring() const { return why_not_uring_; }
    void defer(Deferred& d) { deferred_.push_back(d); }
    // The same in the next turn, which comes at once.
    void defer_to_next(Deferred& d) { next_turn_.push_back(d); }
    // The same for one of many who may wait for one thing, such as a key or a store's answer: behind all that is deferred, one after the
    // other, as many in a turn as it has time for.
    void defer_one_of_many(Deferred& d) { many_.push_back(d); }
    uint64_t turns() const { return turns_; }

    // A connection to a service that rests, and is closed where somebody else needs its descriptor more.
    class Resting : public ListHook<Resting> {
      public:
        Resting() = default;
        Resting(const Resting&) = delete;
        Resting& operator=(const Resting&) = delete;

      protected:
        ~Resting() = default;

      private:
        friend class Loop;
        // It is out of the list, and is to close at once.
        virtual void on_needed_elsewhere() = 0;
        Time since_{};
    };
    // From now on, until it leaves the list.
    void rests(Resting& r) {
        r.since_ = now();
        resting_.push_back(r);
    }
    // Closes the one that has rested longest, and for so long at least. @returns whether there was one
    bool close_resting(Duration at_least) {
        if (resting_.empty() || now() - resting_.front().since_ < at_least) return false;
        resting_.pop_front()->on_needed_elsewhere();
        return true;
    }

    // Connections to services need descriptors beside those that were accepted. Who accepts keeps some for them, and says whether there is
    // one more, for which he may have closed a connection that waits for nothing.
    void keep_room_by(std::function<bool()> is_room) { is_room_ = std::move(is_room); }
    bool has_room_outward() const { return !is_room_ || is_room_(); }
    // Of all services, made or on their way.
    uint32_t outward() const { return outward_; }
    void count_outward(int change) { outward_ += static_cast<uint32_t>(change); }

    // co_await loop.yield(): goes on at the end of a turn, after everybody whose bytes came had theirs: of this one where it is
    // called while events are handled, else of the next.
    class Yield final : public Deferred {
      public:
        explicit Yield(Loop& l) : loop_(l) {}
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> h) {
            waiter_ = h;
            loop_.defer_to_next(*this);
        }
        void await_resume() const {}

      private:
        void on_deferred() override { waiter_.resume(); }
        Loop& loop_;
        std::coroutine_handle<> waiter_;
    };
    Yield yield() { return Yield(*this); }

    // co_await loop.turn_of_one(): goes on in this turn or a later one, as one of many (defer_one_of_many): before what takes long by itself,
    // such as a TLS handshake's next step.
    class TurnOfOne final : public Deferred {
      public:
        explicit TurnOfOne(Loop& l) : loop_(l) {}
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> h) {
            waiter_ = h;
            loop_.defer_one_of_many(*this);
        }
        void await_resume() const {}

      private:
        void on_deferred() override { waiter_.resume(); }
        Loop& loop_;
        std::coroutine_handle<> waiter_;
    };
    TurnOfOne turn_of_one() { return TurnOfOne(*this); }

    // co_await loop.connect(address, deadline): the stream, or an errno (ETIMEDOUT at the deadline).
    struct Connected {
        std::unique_ptr<Stream> stream;
        int error = 0;
    };
    class Connect final : private Timer {
      public:
        Connect(Loop& l, const SocketAddress& a, Time deadline) : loop_(l), deadline_(deadline) { op_.address = a; }
        ~Connect() override {
            if (waiting_) loop_.backend().abandon_connect(op_);
        }
        bool await_ready() { return loop_.backend().start_connect(op_); }
        void await_suspend(std::coroutine_handle<> h) {
            op_.waiter = h;
            waiting_ = true;
            set(loop_.timers(), deadline_);
        }
        Connected await_resume() {
            waiting_ = false;
            return {std::move(op_.stream), op_.error};
        }

      private:
        void on_timer() override { loop_.backend().interrupt_connect(op_, ETIMEDOUT); }
        Loop& loop_;
        Time deadline_;
        ConnectOp op_;
        bool waiting_ = false;
    };
    Connect connect(const SocketAddress& a, Time deadline) { return Connect(*this, a, deadline); }

    // co_await loop.sleep_until(t)
    class Sleep final : private Timer {
      public:
        Sleep(Loop& l, Time t) : loop_(l), until_(t) {}
        bool await_ready() const { return until_ <= loop_.now(); }
        void await_suspend(std::coroutine_handle<> h) {
            waiter_ = h;
            set(loop_.timers(), until_);
        }
        void await_resume() const {}

      private:
        void on_timer() override { waiter_.resume(); }
        Loop& loop_;
        Time until_;
        std::coroutine_handle<> waiter_;
    };
    Sleep sleep_until(Time t) { return Sleep(*this, t); }
    Sleep sleep(Duration d) { return Sleep(*this, d < Timer::kNever - now_ ? now_ + d : Timer::kNever); }

  private:
    void run_deferred();
    void run_many();
    void run_posted();

    const Clock& clock_;
    Time now_;
    Turn turn_time_;
    TimerWheel timers_;
    BufferPool buffers_;
    std::unique_ptr<Backend> backend_;
    std::string why_not_uring_;
    std::function<void(std::string_view, Duration)> told_;
    IntrusiveList<Deferred, Loop> deferred_;
    IntrusiveList<Deferred, Loop> next_turn_;
    IntrusiveList<Deferred, Loop> many_;
    uint64_t turns_ = 0;
    IntrusiveList<Resting, Resting> resting_;  // the longest first
    std::function<bool()> is_room_;
    uint32_t outward_ = 0;
    mutable WallTime wall_{};
    mutable uint64_t wall_turn_ = UINT64_MAX;  // when wall_ was read

    std::atomic<bool> stop_{false};
    std::atomic<bool> has_posted_{false};
    std::mutex posted_mutex_;
    std::vector<std::function<void()>> posted_;
    std::deque<std::function<void()>> to_run_;  // of those that were posted: what the last turn had no time for
};

#ifdef PORTICO_WATCH_WAITS
inline wait_watch::Ending ending_of(const Loop::Connected& result) {
    if (result.stream != nullptr) return wait_watch::Ending::resumed;
    return result.error == ETIMEDOUT ? wait_watch::Ending::timed_out : wait_watch::Ending::broken;
}
#endif

}  // namespace portico::io
