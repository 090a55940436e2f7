#include "io/job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "io/sim/network.h"

namespace portico::io {
namespace {

using std::chrono::microseconds;
using ::testing::ElementsAre;

class JobOnSim : public ::testing::Test {
  protected:
    // Its computing takes so many parts of 100 µs and of a thousand steps each.
    class Worker {
      public:
        Worker(JobOnSim& test, int name, int parts, IpAddress host = {}, Allowance allowance = 1'000'000, Time due = Timer::kNever)
            : allowance(allowance), test_(test), host_(host), due_(due) {
            root_.start(run(name, parts), nullptr);
        }
        Allowance allowance;
        int done = 0;
        bool told_to_end = false;
        std::optional<Jobs::End> end;

      private:
        Task<void> run(int name, int count) {
            end = co_await test_.jobs.run(host_, nullptr, allowance, due_, [&, name, count] { compute(name, count); });
        }
        // On a stack that is deeper than the job's own frame.
        void compute(int name, int count) {
            const std::string kept = std::string(100, static_cast<char>('a' + name));
            for (; count > 0; --count) {
                test_.parts.push_back(name);
                test_.net.clock().advance(microseconds(100));
                if (!Meter::spend(1000)) {
                    told_to_end = true;
                    break;
                }
                ++done;
            }
            EXPECT_EQ(kept, std::string(100, static_cast<char>('a' + name)));
        }
        JobOnSim& test_;
        IpAddress host_;
        Time due_;
        Root root_;
    };
    // Who computed in this turn.
    std::vector<int> turn() {
        parts.clear();
        loop.turn(Duration::zero());
        return parts;
    }
    static IpAddress host(const char* text) { return IpAddress::parse(text)->of_host(); }

    SimNetwork net;
    Loop loop{net.backend(), net.clock()};
    TurnBudget budget{loop, microseconds(500)};
    Jobs jobs{loop, budget};
    std::vector<int> parts;
    void SetUp() override { jobs.look_after(1000); }
};

TEST_F(JobOnSim, WhatFitsIntoTheTurnIsDoneAtOnce) {
    turn();
    Worker one(*this, 1, 3);
    EXPECT_EQ(one.end, Jobs::End::whole);
    EXPECT_EQ(one.done, 3);
    EXPECT_EQ(one.allowance, 997'000u);
    EXPECT_EQ(jobs.begun(), 0u);
}

TEST_F(JobOnSim, WhatTakesLongerGoesOnInLaterTurns) {
    turn();
    Worker one(*this, 1, 12);
    EXPECT_FALSE(one.end);
    EXPECT_LE(one.done, 6);
    const int first = one.done;
    turn();
    EXPECT_FALSE(one.end);
    EXPECT_GT(one.done, first);
    turn();
    turn();
    EXPECT_EQ(one.end, Jobs::End::whole);
    EXPECT_EQ(one.done, 12);
    EXPECT_EQ(one.allowance, 988'000u);
    EXPECT_EQ(jobs.begun(), 0u);
}

TEST_F(JobOnSim, ATurnTakesTheTimeOfOneHoweverManyThereAre) {
    turn();
    std::vector<std::unique_ptr<Worker>> all;
    for (int i = 0; i < 20; ++i) all.push_back(std::make_unique<Worker>(*this, i, 20));
    for (int i = 0; i < 80; ++i) ASSERT_LE(turn().size(), 7u);
    for (const auto& one : all) EXPECT_EQ(one->end, Jobs::End::whole);
}

// Not before one has ended: what has begun holds memory. A short one among them passes the long ones.
TEST_F(JobOnSim, SoManyOfAHostBeginAndShortOnesPassLongOnes) {
    turn();
    std::vector<std::unique_ptr<Worker>> all;
    for (int i = 0; i < 60; ++i) all.push_back(std::make_unique<Worker>(*this, 0, 40, host("10.0.0.9")));
    for (int i = 0; i < 100; ++i) {
        turn();
        ASSERT_LE(jobs.begun(), TurnBudget::kBegunAHost + 1);
    }
    Worker other(*this, 1, 1, host("10.0.0.8"));
    for (int i = 0; i < 4 && !other.end; ++i) turn();
    EXPECT_EQ(other.end, Jobs::End::whole);
    for (int i = 0; i < 1000; ++i) turn();
    for (const auto& one : all) EXPECT_EQ(one->end, Jobs::End::whole);
}

TEST_F(JobOnSim, AShortOnePassesTheLongOnesOfItsHost) {
    turn();
    std::vector<std::unique_ptr<Worker>> all;
    for (int i = 0; i < 3; ++i) all.push_back(std::make_unique<Worker>(*this, 0, 400, host("10.0.0.9")));
    for (int i = 0; i < 10; ++i) turn();
    Worker other(*this, 1, 1, host("10.0.0.9"));
    for (int i = 0; i < 5 && !other.end; ++i) turn();
    EXPECT_EQ(other.end, Jobs::End::whole);
}

TEST_F(JobOnSim, HostsHaveTurnsOneAfterTheOther) {
    turn();
    std::vector<std::unique_ptr<Worker>> greedy;
    for (int i = 0; i < 30; ++i) greedy.push_back(std::make_unique<Worker>(*this, 0, 6, host("10.0.0.9")));
    Worker other(*this, 1, 6, host("10.0.0.8"));
    for (int i = 0; i < 8 && !other.end; ++i) turn();
    EXPECT_EQ(other.end, Jobs::End::whole);
}

TEST_F(JobOnSim, WhoHasSpentHisAllowanceIsToldToEnd) {
    turn();
    Worker one(*this, 1, 50, {}, 7500);
    for (int i = 0; i < 20 && !one.end; ++i) turn();
    EXPECT_EQ(one.end, Jobs::End::exhausted);
    EXPECT_TRUE(one.told_to_end);
    EXPECT_EQ(one.done, 7);
    EXPECT_EQ(one.allowance, 0u);
    Worker again(*this, 2, 1, {}, 0);
    EXPECT_EQ(again.end, Jobs::End::exhausted);
}

// What a destroyed job holds is let go, on its own stack, before the destructor has come to its end.
TEST_F(JobOnSim, OneThatIsDestroyedEndsAtItsNextStep) {
    turn();
    auto one = std::make_unique<Worker>(*this, 1, 50);
    const int done = one->done;
    EXPECT_FALSE(one->end);
    EXPECT_EQ(jobs.begun(), 1u);
    parts.clear();
    one.reset();
    EXPECT_EQ(jobs.begun(), 0u);
    EXPECT_TRUE(parts.empty()) << done;
    EXPECT_TRUE(turn().empty());
}

// What is due while it waits for a turn ends then, and not with the turn that it would have had.
TEST_F(JobOnSim, OneThatIsDueBeforeItsTurnsEndsThen) {
    turn();
    std::vector<std::unique_ptr<Worker>> before;
    for (int i = 0; i < 40; ++i) before.push_back(std::make_unique<Worker>(*this, 0, 100, host("10.0.0.9")));
    const Time due = net.clock().now() + std::chrono::milliseconds(5);
    Worker waits(*this, 1, 1, host("10.0.0.9"), 1'000'000, due);
    while (!waits.end) {
        ASSERT_LE(net.clock().now(), due + std::chrono::milliseconds(3));
        turn();
    }
    EXPECT_EQ(waits.end, Jobs::End::late);
    EXPECT_EQ(waits.done, 0);
    EXPECT_GE(net.clock().now(), due);
    for (int i = 0; i < 1000; ++i) turn();
    for (const auto& one : before) EXPECT_EQ(one->end, Jobs::End::whole);
}

TEST_F(JobOnSim, OneThatIsDueInTheMiddleIsToldToEnd) {
    turn();
    const Time due = net.clock().now() + std::chrono::milliseconds(5);
    Worker one(*this, 1, 1000, {}, 10'000'000, due);
    Worker in_time(*this, 2, 10, {}, 1'000'000, due);
    while (!one.end) turn();
    EXPECT_EQ(one.end, Jobs::End::late);
    EXPECT_TRUE(one.told_to_end);
    EXPECT_GT(one.done, 0);
    EXPECT_LE(net.clock().now(), due + std::chrono::milliseconds(3));
    EXPECT_EQ(in_time.end, Jobs::End::whole);
    EXPECT_EQ(jobs.begun(), 0u);
    EXPECT_TRUE(turn().empty());
}

TEST_F(JobOnSim, ThereIsRoomForSoManyThatHaveBegunAndTheOthersWait) {
    jobs.look_after(1);
    turn();
    std::vector<std::unique_ptr<Worker>> all;
    for (int i = 0; i < 300; ++i) all.push_back(std::make_unique<Worker>(*this, 0, 8, host(("10.0.1." + std::to_string(i % 250)).c_str())));
    for (int i = 0; i < 2000; ++i) {
        turn();
        ASSERT_LE(jobs.begun(), Jobs::kMost);
    }
    for (const auto& one : all) ASSERT_EQ(one->end, Jobs::End::whole);
}

TEST_F(JobOnSim, RandomComingsAndGoingsLeaveNothingBehind) {
    for (uint32_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE(seed);
        std::minstd_rand random(seed);
        const auto up_to = [&](size_t most) { return static_cast<int>(random() % (most + 1)); };
        std::vector<std::unique_ptr<Worker>> all;
        for (int step = 0; step < 60; ++step) {
            switch (up_to(3)) {
                case 0: all.push_back(std::make_unique<Worker>(*this, up_to(20), up_to(30), host(up_to(1) == 0 ? "10.0.0.9" : "fd00::1"), static_cast<Allowance>(up_to(40'000)),
                                                               up_to(1) == 0 ? Timer::kNever : net.clock().now() + std::chrono::milliseconds(up_to(20))));
                    break;
                case 1:
                    if (!all.empty()) all.erase(all.begin() + up_to(all.size() - 1));
                    break;
                default: turn();
            }
        }
        for (int i = 0; i < 400; ++i) turn();
        for (const auto& one : all) ASSERT_TRUE(one->end.has_value());
        ASSERT_EQ(jobs.begun(), 0u);
    }
}

}  // namespace
}  // namespace portico::io
