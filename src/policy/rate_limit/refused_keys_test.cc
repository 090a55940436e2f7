#include "policy/rate_limit/refused_keys.h"

#include <gtest/gtest.h>

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow{1h};

// Decided at this very moment.
RefusedKeys::Decided at(Time t) { return {t, t}; }

Decision refusal(Micros wait) {
    Decision d;
    d.count = 1;
    d.retry_after = wait;
    d.windows[0] = {.quota = 5, .remaining = 0, .length = 60s, .retry_after = wait, .reset = wait};
    return d;
}

TEST(RefusedKeys, RefuseUntilTheMomentAndNotAMicrosecondLonger) {
    RefusedKeys keys{HashKey{}};
    const Limit limit{.name = "l"};
    keys.keep(limit, "c", 1, refusal(10s), at(kNow));
    const auto later = keys.find(limit, "c", 1, kNow + 4s);
    ASSERT_TRUE(later);
    EXPECT_FALSE(later->admitted);
    EXPECT_EQ(later->retry_after, 6s);
    EXPECT_EQ(later->windows[0].retry_after, 6s);
    EXPECT_EQ(later->windows[0].reset, 6s);
    EXPECT_EQ(later->windows[0].quota, 5u);
    EXPECT_TRUE(keys.find(limit, "c", 1, kNow + 10s - 1us));
    EXPECT_FALSE(keys.find(limit, "c", 1, kNow + 10s));
}

TEST(RefusedKeys, A39_a_slow_answer_refuses_nobody_too_early_and_promises_nothing_too_early) {
    RefusedKeys keys{HashKey{}};
    const Limit limit{.name = "l"};
    // Asked at kNow, answered 4 ms later: the store decided at some moment between.
    keys.keep(limit, "c", 1, refusal(10s), {kNow, kNow + 4ms});
    EXPECT_EQ(keys.find(limit, "c", 1, kNow + 4ms).value().retry_after, 10s);
    EXPECT_EQ(keys.find(limit, "c", 1, kNow + 10s - 1us).value().retry_after, 4ms + 1us);
    EXPECT_FALSE(keys.find(limit, "c", 1, kNow + 10s));
}

TEST(RefusedKeys, AreOfALimitAndACost) {
    RefusedKeys keys{HashKey{}};
    const Limit limit{.name = "l", .windows = {{9, 60s}}}, other{.name = "l"};
    keys.keep(limit, "c", 5, refusal(10s), at(kNow));
    EXPECT_TRUE(keys.find(limit, "c", 6, kNow));
    EXPECT_FALSE(keys.find(limit, "c", 4, kNow)) << "a lower cost may pass";
    EXPECT_FALSE(keys.find(other, "c", 5, kNow)) << "another plan may let it pass";
    EXPECT_FALSE(keys.find(limit, "d", 5, kNow));
}

TEST(RefusedKeys, KnowAHigherCostThatCanNeverPass) {
    RefusedKeys keys{HashKey{}};
    const Limit limit{.name = "l", .windows = {{5, 60s}}};
    keys.keep(limit, "c", 1, refusal(10s), at(kNow));
    EXPECT_EQ(keys.find(limit, "c", 5, kNow).value().retry_after, 10s);
    EXPECT_EQ(keys.find(limit, "c", 6, kNow).value().retry_after, kNever);
    EXPECT_TRUE(keys.find(limit, "c", 6, kNow)->never);
}

TEST(RefusedKeys, AskAgainAfterAMinuteWhereARequestCanNeverPass) {
    RefusedKeys keys{HashKey{}};
    const Limit limit{.name = "l"};
    Decision never = refusal(kNever);
    never.never = true;
    keys.keep(limit, "c", 9, never, at(kNow));
    EXPECT_EQ(keys.find(limit, "c", 9, kNow + 59s).value().retry_after, kNever);
    EXPECT_FALSE(keys.find(limit, "c", 9, kNow + 60s));
}

TEST(RefusedKeys, AreBoundedAndMakeRoomOfWhatIsOver) {
    RefusedKeys keys{HashKey{}};
    const Limit limit{.name = "l"};
    for (size_t i = 0; i < RefusedKeys::kMax; ++i) keys.keep(limit, "c" + std::to_string(i), 1, refusal(i % 2 == 0 ? 1s : 9s), at(kNow));
    keys.keep(limit, "late", 1, refusal(1s), at(kNow));
    EXPECT_EQ(keys.size(), RefusedKeys::kMax);
    EXPECT_FALSE(keys.find(limit, "late", 1, kNow));
    keys.keep(limit, "later", 1, refusal(1s), at(kNow + 2s));
    EXPECT_EQ(keys.size(), RefusedKeys::kMax / 2 + 1);
    EXPECT_TRUE(keys.find(limit, "later", 1, kNow + 2s));
    EXPECT_TRUE(keys.find(limit, "c1", 1, kNow + 2s));
}

TEST(RefusedKeys, AreNotKeptWhereTheyAreLong) {
    RefusedKeys keys{HashKey{}};
    const Limit limit{.name = "l"};
    const std::string longest(RefusedKeys::kLongestKey, 'k');
    keys.keep(limit, longest, 1, refusal(10s), at(kNow));
    keys.keep(limit, longest + "k", 1, refusal(10s), at(kNow));
    EXPECT_TRUE(keys.find(limit, longest, 1, kNow));
    EXPECT_EQ(keys.size(), 1u);
}

TEST(RefusedKeys, AFullTableIsNotSweptForEveryNewcomer) {
    RefusedKeys keys{HashKey{}};
    const Limit limit{.name = "l"};
    for (size_t i = 0; i < RefusedKeys::kMax; ++i) keys.keep(limit, "c" + std::to_string(i), 1, refusal(i == 0 ? 50ms : 9s), at(kNow));
    keys.keep(limit, "sweeps in vain", 1, refusal(9s), at(kNow));
    keys.keep(limit, "soon", 1, refusal(9s), at(kNow + 60ms));
    EXPECT_FALSE(keys.find(limit, "soon", 1, kNow + 60ms));
    keys.keep(limit, "later", 1, refusal(9s), at(kNow + RefusedKeys::kSweepEvery));
    EXPECT_TRUE(keys.find(limit, "later", 1, kNow + RefusedKeys::kSweepEvery));
}

}  // namespace
}  // namespace portico::policy::rate_limit
