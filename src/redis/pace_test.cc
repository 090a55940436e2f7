#include "redis/pace.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace portico::redis {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// A server that takes `each` for a command, one after the other, `way` away; a burst that waits for it.
struct Served {
    uint32_t most_out = 0;
    Duration longest{};
};
Served serve(Pace& pace, int burst, Duration each, Duration way) {
    Served served;
    std::deque<Time> out;
    Time now = Time{} + std::chrono::hours(1), free = now;
    std::deque<Time> due;
    while (burst > 0 || !out.empty()) {
        while (burst > 0 && pace.admits(1, static_cast<uint32_t>(out.size()))) {
            --burst;
            out.push_back(now);
            free = std::max(free, now + way / 2) + each;
            due.push_back(free + way / 2);
        }
        pace.sent(burst > 0);
        served.most_out = std::max(served.most_out, static_cast<uint32_t>(out.size()));
        now = due.front();
        pace.replied(1, now - out.front(), now);
        served.longest = std::max(served.longest, now - out.front());
        out.pop_front();
        due.pop_front();
        if (out.empty()) pace.answered_all();
        else if (pace.is_slow(out.front(), now)) pace.slow_down(now);
    }
    return served;
}

TEST(Pace, AFastServerSoonHasAllThatItMay) {
    Pace pace(64, milliseconds(5));
    EXPECT_EQ(serve(pace, 500, microseconds(10), microseconds(100)).most_out, 64u);
    EXPECT_EQ(pace.allowed(), 64u);
    pace.rested();
    EXPECT_EQ(pace.allowed(), Pace::kLeast);
}

TEST(Pace, A36_a_burst_makes_no_server_late_that_does_each_command_in_its_time) {
    for (const Duration each : {Duration(microseconds(10)), Duration(microseconds(300)), Duration(microseconds(600))}) {
        for (const Duration way : {Duration(microseconds(50)), Duration(microseconds(800))}) {
            Pace pace(128, milliseconds(10));
            EXPECT_LT(serve(pace, 2000, each, way).longest, milliseconds(10)) << each.count() << " and " << way.count();
        }
    }
}

TEST(Pace, ALongWayIsNoSlowServer) {
    Pace pace(64, milliseconds(5));
    EXPECT_EQ(serve(pace, 1000, microseconds(10), milliseconds(4)).most_out, 64u);
}

TEST(Pace, AServerThatBecomesSlowHasLessOfIt) {
    Pace pace(64, milliseconds(5));
    serve(pace, 500, microseconds(10), microseconds(100));
    serve(pace, 100, microseconds(400), microseconds(100));
    EXPECT_LT(pace.allowed(), 32u);
}

TEST(Pace, WhatIsMoreThanAllowedGoesAlone) {
    const Pace pace(64, milliseconds(5));
    EXPECT_TRUE(pace.admits(64, 0));
    EXPECT_FALSE(pace.admits(64, 1));
    EXPECT_TRUE(pace.admits(1, Pace::kLeast - 1));
    EXPECT_FALSE(pace.admits(1, Pace::kLeast));
}

TEST(Pace, ThoseOfOneAtATimeHaveOne) {
    Pace pace(1, milliseconds(5));
    EXPECT_EQ(serve(pace, 20, microseconds(10), microseconds(10)).most_out, 1u);
}

}  // namespace
}  // namespace portico::redis
