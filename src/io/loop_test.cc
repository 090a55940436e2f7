#include "io/loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/loop_fixture.h"

namespace portico::io {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

using Log = std::vector<std::string>;

class LoopTest : public OnEachBackend {};
INSTANTIATE_TEST_SUITE_P(Backends, LoopTest, kBothBackends, backend_name);

class Note final : public Deferred {
  public:
    explicit Note(std::function<void()> f) : f_(std::move(f)) {}

  private:
    void on_deferred() override { f_(); }
    std::function<void()> f_;
};

class Alarm final : public Timer {
  public:
    explicit Alarm(std::function<void()> f) : f_(std::move(f)) {}

  private:
    void on_timer() override { f_(); }
    std::function<void()> f_;
};

Task<void> sleep_and_note(Loop& loop, Duration d, Log& log, std::string name) {
    co_await loop.sleep(d);
    log.push_back(name);
}

Task<void> yield_often(Loop& loop, int times, Log& log, std::string name) {
    for (int i = 0; i < times; ++i) {
        log.push_back(name);
        co_await loop.yield();
    }
}

TEST_P(LoopTest, says_which_backend_it_runs_on) {
    EXPECT_STREQ(loop().backend().name(), GetParam() == BackendChoice::uring ? "io_uring" : "epoll");
    EXPECT_EQ(loop().why_not_uring(), "");
}

TEST_P(LoopTest, what_another_thread_posts_runs_here_and_in_order) {
    const auto here = std::this_thread::get_id();
    std::vector<int> got;
    bool elsewhere = false;
    std::thread other([&] {
        for (int i = 0; i < 1000; ++i) {
            loop().post([&, i] {
                got.push_back(i);
                elsewhere |= std::this_thread::get_id() != here;
            });
        }
        loop().post([&] { loop().stop(); });
    });
    loop().run();  // sleeps for ever unless a post wakes it
    other.join();
    ASSERT_EQ(got.size(), 1000u);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(got[static_cast<size_t>(i)], i);
    EXPECT_FALSE(elsewhere);
}

TEST_P(LoopTest, posts_of_many_threads_all_run) {
    constexpr int kThreads = 4, kEach = 500;
    int ran = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < kEach; ++i) loop().post([&] { ++ran; });
        });
    }
    EXPECT_TRUE(turn_until([&] { return ran == kThreads * kEach; }));
    for (auto& t : threads) t.join();
}

TEST_P(LoopTest, what_is_posted_from_a_posted_function_runs_in_the_next_turn) {
    Log log;
    loop().post([&] {
        log.push_back("first");
        loop().post([&] { log.push_back("second"); });
    });
    loop().turn(kForever);
    EXPECT_EQ(log, (Log{"first"}));
    loop().turn(kForever);
    EXPECT_EQ(log, (Log{"first", "second"}));
}

// Each takes 0.1 ms: all of them are a quarter of a second.
constexpr int kMany = 2500;

void take_a_while(const Clock& clock) {
    for (const Time end = clock.now() + std::chrono::microseconds(100); clock.now() < end;) {
    }
}

TEST_P(LoopTest, of_many_that_were_posted_a_turn_runs_as_many_as_it_has_time_for) {
    std::vector<int> ran;
    size_t most = 0, before = 0;
    int turns = 0;
    for (int i = 0; i < kMany; ++i) {
        loop().post([&, i] {
            take_a_while(clock_);
            ran.push_back(i);
        });
    }
    EXPECT_TRUE(turn_until([&] {
        most = std::max(most, ran.size() - before);
        before = ran.size();
        ++turns;
        return ran.size() == kMany;
    }));
    EXPECT_LE(most, 10u);
    EXPECT_GE(turns, kMany / 10);
    EXPECT_TRUE(std::ranges::is_sorted(ran));
}

TEST_P(LoopTest, of_many_that_wait_for_one_thing_a_turn_runs_as_many_as_it_has_time_for) {
    std::vector<size_t> ran;
    std::vector<std::unique_ptr<Note>> many;
    for (size_t i = 0; i < kMany; ++i) {
        many.push_back(std::make_unique<Note>([&, i] {
            take_a_while(clock_);
            ran.push_back(i);
        }));
        loop().defer_one_of_many(*many.back());
    }
    many[1].reset();  // leaves
    size_t most = 0, before = 0;
    EXPECT_TRUE(turn_until([&] {
        most = std::max(most, ran.size() - before);
        before = ran.size();
        return ran.size() == kMany - 1;
    }));
    EXPECT_LE(most, 10u);
    EXPECT_TRUE(std::ranges::is_sorted(ran));
}

TEST_P(LoopTest, what_was_posted_before_the_end_runs) {
    int ran = 0;
    loop().post([&] { loop().stop(); });
    for (int i = 0; i < 100; ++i) {
        loop().post([&] {
            take_a_while(clock_);
            ++ran;
        });
    }
    loop().run();
    EXPECT_EQ(ran, 100);
}

TEST_P(LoopTest, what_was_posted_and_never_ran_is_destroyed_with_the_loop) {
    const auto held = std::make_shared<int>(1);
    loop().post([held] {});
    EXPECT_EQ(held.use_count(), 2);
    loop_.reset();
    EXPECT_EQ(held.use_count(), 1);
}

TEST_P(LoopTest, stop_from_another_thread_ends_a_sleeping_run) {
    std::atomic<bool> running{false};
    loop().post([&] { running = true; });
    std::thread other([&] {
        while (!running) std::this_thread::yield();
        loop().stop();
    });
    loop().run();
    other.join();
}

// Wakes the loop after a while, from outside.
class Rouser {
  public:
    Rouser(Loop& loop, Duration after) : thread_([&loop, after, this] {
        std::this_thread::sleep_for(after);
        loop.post([this] { done = true; });
    }) {}
    ~Rouser() { thread_.join(); }
    bool done = false;

  private:
    std::thread thread_;
};

TEST_P(LoopTest, a_nearer_timer_is_kept_though_the_loop_had_slept_for_a_farther_one) {
    bool far = false, near = false;
    Alarm farther([&] { far = true; }), nearer([&] { near = true; });
    farther.set(loop().timers(), in(seconds(20)));
    for (int i = 0; i < 3; ++i) {
        Rouser rouser(loop(), milliseconds(10));
        while (!rouser.done) loop().turn(kForever);
        near = false;
        const Time due = in(milliseconds(30));
        nearer.set(loop().timers(), due);
        while (!near) loop().turn(kForever);
        EXPECT_GE(clock_.now(), due);
        EXPECT_LT(clock_.now() - due, seconds(5));
        EXPECT_FALSE(far);
    }
}

TEST_P(LoopTest, a_timer_that_was_taken_back_is_not_run_and_the_next_one_is) {
    bool taken = false, next = false;
    Alarm first([&] { taken = true; }), second([&] { next = true; });
    for (int i = 0; i < 3; ++i) {
        first.set(loop().timers(), in(milliseconds(40)));
        {
            Rouser rouser(loop(), milliseconds(5));
            while (!rouser.done) loop().turn(kForever);
        }
        first.cancel();
        {
            Rouser rouser(loop(), milliseconds(i == 0 ? 100 : 5));  // after what was set for the first one, and before it
            while (!rouser.done) loop().turn(kForever);
        }
        next = false;
        second.set(loop().timers(), in(milliseconds(60)));
        while (!next) loop().turn(kForever);
        EXPECT_FALSE(taken);
    }
}

TEST_P(LoopTest, timers_set_in_any_order_all_run_in_time) {
    constexpr int kTimers = 60;
    std::vector<std::unique_ptr<Alarm>> timers;
    int ran = 0, early = 0;
    for (int i = 0; i < kTimers; ++i) {
        const Time due = in(milliseconds(1 + i * 37 % 100));
        timers.push_back(std::make_unique<Alarm>([&, due] {
            ++ran;
            early += clock_.now() < due ? 1 : 0;
        }));
        timers.back()->set(loop().timers(), due);
        if (i % 5 == 0) loop().turn(milliseconds(1));
    }
    const Time begin = clock_.now();
    while (ran < kTimers) loop().turn(kForever);
    EXPECT_EQ(early, 0);
    EXPECT_LT(clock_.now() - begin, seconds(5));
}

TEST_P(LoopTest, what_is_deferred_runs_at_the_end_of_the_turn_in_order) {
    Log log;
    Note first([&] { log.push_back("first"); }), second([&] { log.push_back("second"); });
    loop().post([&] {
        loop().defer(second);
        loop().defer(first);
        loop().defer(second);  // already there: goes to the end
        log.push_back("posted");
    });
    loop().turn(kForever);
    EXPECT_EQ(log, (Log{"posted", "first", "second"}));
    loop().turn(Duration::zero());
    EXPECT_EQ(log.size(), 3u);
}

TEST_P(LoopTest, what_a_deferred_defers_runs_in_the_same_turn) {
    Log log;
    Note inner([&] { log.push_back("inner"); });
    Note outer([&] {
        loop().defer(inner);
        log.push_back("outer");
    });
    loop().defer(outer);
    loop().turn(Duration::zero());
    EXPECT_EQ(log, (Log{"outer", "inner"}));
}

TEST_P(LoopTest, a_deferred_that_is_destroyed_leaves_the_queue) {
    Log log;
    Note last([&] { log.push_back("last"); });
    auto gone = std::make_unique<Note>([&] { log.push_back("gone"); });
    loop().defer(*gone);
    loop().defer(last);
    gone.reset();
    loop().turn(Duration::zero());
    EXPECT_EQ(log, (Log{"last"}));
}

// A task may end before the loop first runs, and its owner defers.
TEST_P(LoopTest, what_was_deferred_between_turns_does_not_wait_for_an_event) {
    bool ran = false;
    Note note([&] { ran = true; });
    Alarm rescue([] {});
    rescue.set(loop().timers(), in(seconds(1)));
    const Time begin = clock_.now();
    loop().defer(note);
    loop().turn(kForever);
    EXPECT_TRUE(ran);
    EXPECT_LT(clock_.now() - begin, milliseconds(500));
}

TEST_P(LoopTest, tasks_that_yield_take_turns) {
    Log log;
    const Running a(yield_often(loop(), 3, log, "a")), b(yield_often(loop(), 3, log, "b"));
    for (int i = 0; i < 3; ++i) loop().turn(kForever);
    EXPECT_EQ(log, (Log{"a", "b", "a", "b", "a", "b"}));
}

TEST_P(LoopTest, a_task_that_yields_again_and_again_starves_nobody) {
    Log spin, log;
    const Running spinner(yield_often(loop(), INT_MAX, spin, "spin"));
    const Running sleeper(sleep_and_note(loop(), milliseconds(5), log, "timer"));
    std::thread other([&] { loop().post([&] { log.push_back("post"); }); });
    Note note([&] { log.push_back("deferred"); });
    loop().defer(note);
    EXPECT_TRUE(turn_until([&] { return log.size() == 3; }));
    other.join();
}

TEST_P(LoopTest, sleepers_wake_in_the_order_of_their_times_and_never_early) {
    Log log;
    const Time begin = clock_.now();
    const Running c(sleep_and_note(loop(), milliseconds(30), log, "c")), a(sleep_and_note(loop(), milliseconds(10), log, "a")),
        b(sleep_and_note(loop(), milliseconds(20), log, "b"));
    while (log.empty()) loop().turn(kForever);
    EXPECT_GE(clock_.now() - begin, milliseconds(10));
    while (log.size() < 3) loop().turn(kForever);
    EXPECT_GE(clock_.now() - begin, milliseconds(30));
    EXPECT_EQ(log, (Log{"a", "b", "c"}));
}

TEST_P(LoopTest, a_time_that_has_passed_is_not_slept_for) {
    Log log;
    const Running now(sleep_and_note(loop(), Duration::zero(), log, "now"));
    const Running past(sleep_and_note(loop(), -seconds(1), log, "past"));
    EXPECT_EQ(log, (Log{"now", "past"}));
}

TEST_P(LoopTest, sleeping_for_ever_is_not_an_overflow) {
    Log log;
    Running sleeper(sleep_and_note(loop(), kForever, log, "never"));
    settle(2);
    EXPECT_EQ(log, Log{});
}

TEST_P(LoopTest, a_timer_shortens_the_wait_and_a_cancelled_one_rings_no_more) {
    int rung = 0;
    Alarm alarm([&] { ++rung; }), cancelled([&] { rung += 100; });
    cancelled.set(loop().timers(), in(milliseconds(1)));
    cancelled.cancel();
    alarm.set(loop().timers(), in(milliseconds(5)));
    while (rung == 0) loop().turn(kForever);
    EXPECT_EQ(rung, 1);
}

TEST_P(LoopTest, time_stands_still_within_a_turn) {
    Time at_post{}, at_deferred{};
    Note note([&] { at_deferred = loop().now(); });
    loop().post([&] {
        at_post = loop().now();
        while (clock_.now() - at_post < milliseconds(2)) {
        }
        EXPECT_GT(loop().precise_now(), loop().now());
        loop().defer(note);
    });
    loop().turn(kForever);
    EXPECT_EQ(at_post, at_deferred);
    EXPECT_EQ(loop().turns(), 1u);
}

TEST_P(LoopTest, a_sleeping_or_yielding_task_may_be_destroyed) {
    Log log;
    Running sleeper(sleep_and_note(loop(), milliseconds(1), log, "slept"));
    Running yielder(yield_often(loop(), 2, log, "yielded"));
    sleeper.cancel();
    yielder.cancel();
    settle(4);
    EXPECT_EQ(log, (Log{"yielded"}));
}

// Watched descriptors.

class Watching final : public FdWatch::Sink {
  public:
    Watching(Loop& loop, bool readable, bool writable)
        : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), watch_(loop.backend().watch(fd_, readable, writable, *this)) {}
    ~Watching() {
        watch_.reset();
        ::close(fd_);
    }
    void signal() const {
        const uint64_t one = 1;
        EXPECT_EQ(::write(fd_, &one, sizeof one), ssize_t{sizeof one});
    }
    void drain() const {
        uint64_t n = 0;
        EXPECT_EQ(::read(fd_, &n, sizeof n), ssize_t{sizeof n});
    }
    void end() { watch_.reset(); }
    int readable = 0, writable = 0;
    bool drains = false, ends = false;

  private:
    void on_fd_ready(int fd, bool r, bool w) override {
        EXPECT_EQ(fd, fd_);
        readable += r;
        writable += w;
        if (drains && r) drain();
        if (ends) end();
    }
    int fd_;
    std::unique_ptr<FdWatch> watch_;
};

TEST_P(LoopTest, a_watched_descriptor_is_told_of_as_long_as_it_is_ready) {
    Watching w(loop(), true, false);
    settle(3);
    EXPECT_EQ(w.readable, 0);
    w.signal();
    EXPECT_TRUE(turn_until([&] { return w.readable >= 3; }));
    EXPECT_EQ(w.writable, 0);
    w.drain();
    settle(3);
    const int told = w.readable;
    settle(3);
    EXPECT_EQ(w.readable, told);
    w.drains = true;
    w.signal();
    EXPECT_TRUE(turn_until([&] { return w.readable > told; }));
}

TEST_P(LoopTest, a_watch_for_writing_hears_only_of_that) {
    Watching w(loop(), false, true);
    w.signal();
    EXPECT_TRUE(turn_until([&] { return w.writable > 0; }));
    EXPECT_EQ(w.readable, 0);
}

TEST_P(LoopTest, a_watch_may_end_inside_its_call_and_outside) {
    Watching inside(loop(), true, false), outside(loop(), true, false);
    inside.ends = true;
    inside.signal();
    outside.signal();
    outside.end();
    settle();
    EXPECT_EQ(inside.readable, 1);
    EXPECT_EQ(outside.readable, 0);
}

TEST(Loop, automatic_finds_a_backend_and_says_why_it_is_not_io_uring) {
    const SystemClock clock;
    const auto made = Loop::make(BackendChoice::automatic, clock);
    ASSERT_TRUE(made);
    EXPECT_EQ((*made)->why_not_uring().empty(), std::string_view((*made)->backend().name()) == "io_uring");
}

}  // namespace
}  // namespace portico::io
