#include "io/timer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace portico::io {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class Probe final : public Timer {
  public:
    explicit Probe(std::function<void()> f = {}) : f_(std::move(f)) {}
    int fired = 0;

  private:
    void on_timer() override {
        ++fired;
        if (f_) f_();
    }
    std::function<void()> f_;
};

const Time kStart{hours(100)};

TEST(TimerWheel, a_timer_fires_at_its_deadline_and_not_before) {
    TimerWheel wheel(kStart);
    Probe t;
    t.set(wheel, kStart + milliseconds(10));
    EXPECT_TRUE(t.armed());
    wheel.advance(kStart + milliseconds(10) - nanoseconds(1));
    EXPECT_EQ(t.fired, 0);
    wheel.advance(kStart + milliseconds(10));
    EXPECT_EQ(t.fired, 1);
    EXPECT_FALSE(t.armed());
    wheel.advance(kStart + seconds(10));
    EXPECT_EQ(t.fired, 1);
}

TEST(TimerWheel, a_deadline_inside_a_tick_waits_for_its_end) {
    TimerWheel wheel(kStart);
    Probe t;
    t.set(wheel, kStart + microseconds(10'200));
    wheel.advance(kStart + microseconds(10'900));
    EXPECT_EQ(t.fired, 0);
    wheel.advance(kStart + milliseconds(11));
    EXPECT_EQ(t.fired, 1);
}

TEST(TimerWheel, a_deadline_in_the_past_fires_at_the_next_tick) {
    TimerWheel wheel(kStart);
    wheel.advance(kStart + seconds(5));
    Probe past, before_all;
    past.set(wheel, kStart + seconds(1));
    before_all.set(wheel, kStart - hours(1));
    EXPECT_LE(wheel.next(), kStart + seconds(5) + TimerWheel::kTick);
    wheel.advance(wheel.next());
    EXPECT_EQ(past.fired, 1);
    EXPECT_EQ(before_all.fired, 1);
}

TEST(TimerWheel, a_cancelled_timer_does_not_fire_and_may_be_set_again) {
    TimerWheel wheel(kStart);
    Probe t;
    t.set(wheel, kStart + milliseconds(10));
    t.cancel();
    EXPECT_FALSE(t.armed());
    wheel.advance(kStart + milliseconds(20));
    EXPECT_EQ(t.fired, 0);
    t.set(wheel, kStart + milliseconds(30));
    t.cancel();
    t.set(wheel, kStart + milliseconds(25));
    wheel.advance(kStart + milliseconds(25));
    EXPECT_EQ(t.fired, 1);
}

TEST(TimerWheel, never_disarms) {
    TimerWheel wheel(kStart);
    Probe t;
    t.set(wheel, kStart + milliseconds(1));
    t.set(wheel, Timer::kNever);
    wheel.advance(kStart + hours(1));
    EXPECT_EQ(t.fired, 0);
}

TEST(TimerWheel, moving_a_deadline_later_or_earlier_counts) {
    TimerWheel wheel(kStart);
    Probe later, earlier;
    later.set(wheel, kStart + milliseconds(5));
    later.set(wheel, kStart + seconds(5));
    earlier.set(wheel, kStart + seconds(5));
    earlier.set(wheel, kStart + milliseconds(5));
    wheel.advance(kStart + milliseconds(5));
    EXPECT_EQ(later.fired, 0);
    EXPECT_EQ(earlier.fired, 1);
    wheel.advance(kStart + seconds(5) - milliseconds(1));
    EXPECT_EQ(later.fired, 0);
    wheel.advance(kStart + seconds(5));
    EXPECT_EQ(later.fired, 1);
}

TEST(TimerWheel, timers_fire_in_the_order_of_their_ticks) {
    TimerWheel wheel(kStart);
    std::vector<int> order;
    std::vector<std::unique_ptr<Probe>> timers;
    for (const int ms : {700, 3, 64, 65, 1, 5000, 63, 128, 4095, 4096, 4097, 300'000}) {
        timers.push_back(std::make_unique<Probe>([&order, ms] { order.push_back(ms); }));
        timers.back()->set(wheel, kStart + milliseconds(ms));
    }
    wheel.advance(kStart + hours(1));
    EXPECT_EQ(order, (std::vector{1, 3, 63, 64, 65, 128, 700, 4095, 4096, 4097, 5000, 300'000}));
}

TEST(TimerWheel, timers_of_days_fire_to_the_tick) {
    for (const Duration d : {Duration(hours(1)), Duration(hours(24)), Duration(hours(24 * 7) + milliseconds(1)), Duration(hours(24 * 30))}) {
        TimerWheel wheel(kStart);
        const Time now = kStart + d / 3;  // where the wheel stands by now does not matter
        wheel.advance(now);
        Probe t;
        t.set(wheel, now + d);
        wheel.advance(now + d - TimerWheel::kTick);
        EXPECT_EQ(t.fired, 0);
        wheel.advance(now + d + TimerWheel::kTick);
        EXPECT_EQ(t.fired, 1);
    }
}

TEST(TimerWheel, a_timer_destroyed_while_armed_is_forgotten) {
    TimerWheel wheel(kStart);
    auto t = std::make_unique<Probe>();
    t->set(wheel, kStart + milliseconds(10));
    t.reset();
    wheel.advance(kStart + seconds(1));
    EXPECT_EQ(wheel.next(), Timer::kNever);
}

TEST(TimerWheel, a_callback_may_cancel_destroy_or_move_a_timer_of_the_same_tick) {
    TimerWheel wheel(kStart);
    Probe cancelled, moved;
    auto destroyed = std::make_unique<Probe>();
    Probe first([&] {
        cancelled.cancel();
        destroyed.reset();
        moved.set(wheel, kStart + milliseconds(50));
    });
    first.set(wheel, kStart + milliseconds(10));
    cancelled.set(wheel, kStart + milliseconds(10));
    destroyed->set(wheel, kStart + milliseconds(10));
    moved.set(wheel, kStart + milliseconds(10));
    wheel.advance(kStart + milliseconds(10));
    EXPECT_EQ(first.fired, 1);
    EXPECT_EQ(cancelled.fired, 0);
    EXPECT_EQ(moved.fired, 0);
    wheel.advance(kStart + milliseconds(50));
    EXPECT_EQ(moved.fired, 1);
    EXPECT_EQ(cancelled.fired, 0);
}

TEST(TimerWheel, a_callback_may_destroy_its_own_timer) {
    TimerWheel wheel(kStart);
    std::unique_ptr<Probe> t;
    int fired = 0;
    t = std::make_unique<Probe>([&] {
        ++fired;
        t.reset();
    });
    t->set(wheel, kStart + milliseconds(1));
    wheel.advance(kStart + milliseconds(5));
    EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, a_timer_that_sets_itself_at_once_fires_once_a_tick) {
    TimerWheel wheel(kStart);
    int fired = 0;
    std::unique_ptr<Probe> t;
    t = std::make_unique<Probe>([&] {
        ++fired;
        t->set(wheel, kStart);
    });
    t->set(wheel, kStart + milliseconds(1));
    wheel.advance(kStart + milliseconds(1));
    EXPECT_EQ(fired, 1);
    wheel.advance(kStart + milliseconds(10));
    EXPECT_EQ(fired, 10);
}

TEST(TimerWheel, time_that_steps_back_does_nothing) {
    TimerWheel wheel(kStart);
    Probe t;
    wheel.advance(kStart + seconds(1));
    t.set(wheel, kStart + seconds(2));
    wheel.advance(kStart);
    EXPECT_EQ(t.fired, 0);
    wheel.advance(kStart + seconds(2));
    EXPECT_EQ(t.fired, 1);
}

// A worker that slept for days must not step through them tick by tick before it serves again.
TEST(TimerWheel, days_in_which_nothing_was_due_are_stepped_over_at_once) {
    TimerWheel wheel(kStart);
    EXPECT_EQ(wheel.next(), Timer::kNever);
    Probe far, near;
    far.set(wheel, kStart + hours(24 * 500));
    for (int day = 1; day <= 400; ++day) wheel.advance(kStart + hours(24 * day));
    near.set(wheel, kStart + hours(24 * 400) + milliseconds(1));
    wheel.advance(kStart + hours(24 * 400) + milliseconds(1));
    EXPECT_EQ(near.fired, 1);
    EXPECT_EQ(far.fired, 0);
    wheel.advance(kStart + hours(24 * 500));
    EXPECT_EQ(far.fired, 1);
}

// The wheel reaches two years ahead; what lies beyond is placed at its end and placed again then.
TEST(TimerWheel, a_timer_beyond_the_wheels_reach_is_waited_for) {
    TimerWheel wheel(kStart);
    wheel.advance(kStart + milliseconds(5));
    Probe t;
    t.set(wheel, kStart + hours(24 * 365 * 3));
    // Woken before its time it is placed again; it fires at its time.
    int wakes = 0;
    while (t.fired == 0 && wheel.next() != Timer::kNever && ++wakes < 100) {
        EXPECT_LE(wheel.next(), kStart + hours(24 * 365 * 3));
        wheel.advance(wheel.next());
    }
    EXPECT_EQ(t.fired, 1);
}

TEST(TimerWheel, the_farthest_deadline_before_never_is_accepted) {
    TimerWheel wheel(kStart);
    Probe t;
    t.set(wheel, Timer::kNever - nanoseconds(1));
    wheel.advance(kStart + hours(1));
    EXPECT_EQ(t.fired, 0);
    EXPECT_TRUE(t.armed());
}

// Whoever sleeps until next() and then advances misses nothing and is woken a few times only, however far the deadline is.
TEST(TimerWheel, sleeping_until_next_misses_nothing) {
    for (unsigned seed = 1; seed <= 30; ++seed) {
        std::mt19937_64 random(seed);
        const auto some = [&](uint64_t below) { return random() % below; };
        TimerWheel wheel(kStart);
        Time now = kStart;
        struct One final : Timer {
            void on_timer() override { *late = std::max(*late, *clock - due), fired = true; }
            Time due{};
            Time* clock = nullptr;
            Duration* late = nullptr;
            bool fired = false;
        };
        Duration late{};
        std::vector<std::unique_ptr<One>> timers;
        for (int i = 0; i < 40; ++i) {
            timers.push_back(std::make_unique<One>());
            One& t = *timers.back();
            t.clock = &now;
            t.late = &late;
            // From a few ticks to some days, in nanoseconds.
            t.due = now + Duration(static_cast<int64_t>(some(uint64_t{1} << (10 + some(40)))));
            t.set(wheel, t.due);
            if (i % 3 == 0) {
                t.due = now + Duration(static_cast<int64_t>(some(uint64_t{1} << (10 + some(40)))));
                t.set(wheel, t.due);
            }
            if (i % 7 == 0) {
                t.cancel();
                t.fired = true;
            }
        }
        int wakes = 0;
        for (Time next = wheel.next(); next != Timer::kNever; next = wheel.next()) {
            ASSERT_GT(next, now - TimerWheel::kTick);
            now = std::max(now, next) + Duration(static_cast<int64_t>(some(2) * some(1'000'000)));
            wheel.advance(now);
            for (const auto& t : timers) ASSERT_TRUE(t->fired || t->due > now - 2 * TimerWheel::kTick);
            ++wakes;
        }
        for (const auto& t : timers) EXPECT_TRUE(t->fired);
        EXPECT_LT(late, 3 * TimerWheel::kTick);
        EXPECT_LT(wakes, 40 * 7 + 10);
    }
}

// A clock that each look moves on, so that time passes within a turn.
class Passing final : public Clock {
  public:
    Time now() const override { return now_ += microseconds(100); }
    WallTime wall() const override { return {}; }

  private:
    mutable Time now_ = kStart;
};

TEST(TimerWheel, of_many_that_are_due_a_turn_fires_as_many_as_it_has_time_for) {
    const Passing clock;
    Turn turn(clock);
    TimerWheel wheel(kStart);
    std::vector<int> order;
    std::vector<std::unique_ptr<Probe>> many;
    for (int i = 0; i < 1000; ++i) {
        many.push_back(std::make_unique<Probe>([&order, i] { order.push_back(i); }));
        many.back()->set(wheel, kStart + milliseconds(10 + i / 500));
    }
    Probe later([&order] { order.push_back(1000); });
    later.set(wheel, kStart + milliseconds(12));
    const Time now = kStart + milliseconds(20);
    size_t turns = 0;
    while (order.size() < 998) {
        const size_t before = order.size();
        turn.begin(clock.now());
        Turn::Share share(turn);
        wheel.advance(now, &share);
        ASSERT_GT(order.size(), before);
        ASSERT_LE(order.size(), before + 5);
        if (++turns > 1) continue;
        EXPECT_LE(wheel.next(), now) << "there is more to do at once";
        many[700]->set(wheel, now + seconds(1));  // those who are due may still move, and go
        many[701]->cancel();
        many[702].reset();
    }
    wheel.advance(now);
    EXPECT_EQ(order.size(), 998u);
    EXPECT_TRUE(std::ranges::is_sorted(order));
    wheel.advance(now + seconds(1));
    EXPECT_EQ(order.back(), 700);
}

}  // namespace
}  // namespace portico::io
