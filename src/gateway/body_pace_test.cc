#include "gateway/body_pace.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace portico::gateway {
namespace {

using namespace std::chrono_literals;

BodyPace pace_of(uint64_t rate) {
    BodyPace pace;
    pace.set_rate(rate);
    return pace;
}

TEST(BodyPace, SilenceIsTooSlowAfterAMinuteOfWaiting) {
    BodyPace pace = pace_of(500);
    EXPECT_EQ(pace.patience(), 60s);
    pace.waited(20s);
    EXPECT_EQ(pace.patience(), 40s);
    pace.waited(39s);
    EXPECT_FALSE(pace.too_slow());
    pace.waited(1s);
    EXPECT_TRUE(pace.too_slow());
}

TEST(BodyPace, OneByteNowAndThenIsTooSlow) {
    BodyPace pace = pace_of(500);
    Duration waited{};
    while (!pace.too_slow() && waited < 10min) {
        pace.waited(600ms);
        waited += 600ms;
        pace.came(1);
    }
    EXPECT_GE(waited, 60s);
    EXPECT_LE(waited, 61s);
}

TEST(BodyPace, ASteadyOneThatKeepsItsRateGoesOnForever) {
    BodyPace pace = pace_of(500);
    for (int i = 0; i < 10'000; ++i) {
        pace.waited(100ms);
        pace.came(51);
        ASSERT_FALSE(pace.too_slow()) << i;
    }
}

TEST(BodyPace, WhatCameFastCountsForAMinuteAndNoLonger) {
    BodyPace pace = pace_of(500);
    pace.came(10'000'000);
    pace.waited(500ms);
    pace.came(10'000'000);
    pace.waited(59s);
    EXPECT_FALSE(pace.too_slow());
    pace.waited(5s);
    EXPECT_TRUE(pace.too_slow()) << "a whole minute brought nothing";
}

TEST(BodyPace, AnyPaceWillDoWhereNoneIsAsked) {
    BodyPace pace;
    pace.waited(10h);
    EXPECT_FALSE(pace.too_slow());
    EXPECT_EQ(pace.patience(), kForever);
}

// Against every span of sixty whole seconds, counted by hand; and who is patient for as long as it says finds it just then.
TEST(BodyPace, RandomPacesAreJudgedAsByHand) {
    std::mt19937_64 random(3);
    int slow = 0;
    for (int round = 0; round < 400; ++round) {
        const uint64_t rate = 1 + random() % 100;
        BodyPace pace = pace_of(rate);
        std::deque<uint64_t> seconds(1, 0);
        int64_t waited_ms = 0;
        bool by_hand = false;
        const uint64_t style = random() % 3;
        for (int step = 0; step < 2000 && !by_hand; ++step) {
            int64_t ms = static_cast<int64_t>(random() % (style == 0 ? 300 : style == 1 ? 3000 : 20'000));
            const bool waits_out = round % 4 == 0 && random() % 50 == 0;
            if (waits_out) {
                const Duration patience = pace.patience();
                ASSERT_GT(patience, Duration::zero());
                ASSERT_LE(patience, 61s);
                BodyPace& p = pace;
                ms = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
                p.waited(std::chrono::milliseconds(ms));
            } else {
                pace.waited(std::chrono::milliseconds(ms));
            }
            for (waited_ms += ms; static_cast<int64_t>(seconds.size()) <= waited_ms / 1000; seconds.push_back(0)) {
                if (seconds.size() < 60) continue;
                uint64_t sum = 0;
                for (size_t i = seconds.size() - 60; i < seconds.size(); ++i) sum += seconds[i];
                by_hand |= sum < rate * 60;
            }
            ASSERT_EQ(pace.too_slow(), by_hand) << round << ", step " << step;
            const uint64_t bytes = random() % (static_cast<uint64_t>(ms) * rate / (round % 2 == 0 ? 500 : 150) + 2);
            pace.came(bytes);
            seconds.back() += bytes;
        }
        slow += by_hand;
    }
    EXPECT_GT(slow, 50);
    EXPECT_LT(slow, 390);
}

}  // namespace
}  // namespace portico::gateway
