// What limits promise, wherever they are counted: every test runs against memory and against a real Redis.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "policy/rate_limit/stores_under_test.h"
#include "policy/rate_limit/window_log.h"

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;
using enum Algorithm;

constexpr Algorithm kAll[] = {sliding_window, sliding_counter, token_bucket, fixed_window};

class Limits : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (GetParam() == std::string_view("redis"))
            store_ = std::make_unique<RedisStore>();
        else
            store_ = std::make_unique<MemoryStore>();
    }
    Decision charge(const Limit& l, std::string_view client, uint64_t cost = 1) {
        return store_->charge(l, client, cost);
    }
    void advance(Micros by) { store_->advance(by); }
    // By how much a log may hold what is used longer than the window, in microseconds.
    int64_t held_longer(int64_t window) const {
        return GetParam() == std::string_view("redis") ? 0 : log_quantum(window);
    }

    std::unique_ptr<Store> store_;
};
INSTANTIATE_TEST_SUITE_P(Stores, Limits, testing::Values("memory", "redis"),
                         [](const auto& i) { return std::string(i.param); });

std::string label(const Limit& l) {
    return std::string(name_of(l.algorithm));
}

TEST_P(Limits, AdmitAsManyAsTheQuotaAndRefuseTheNextUntilItsRetryAfter) {
    for (const Algorithm a : kAll) {
        const Limit l = limit_of(std::string(name_of(a)), a, {{100, 60s}});
        SCOPED_TRACE(label(l));
        for (uint64_t i = 0; i < 100; ++i) {
            const Decision d = charge(l, "10.0.0.1");
            ASSERT_TRUE(d.admitted);
            EXPECT_EQ(d.deciding().remaining, 99 - i);
            EXPECT_EQ(d.retry_after, 0us);
            EXPECT_GT(d.deciding().reset, 0us);
        }
        const Decision refused = charge(l, "10.0.0.1");
        EXPECT_FALSE(refused.admitted);
        EXPECT_FALSE(refused.never);
        EXPECT_EQ(refused.deciding().quota, 100u);
        EXPECT_EQ(refused.deciding().remaining, 0u);
        EXPECT_GT(refused.retry_after, 0us);
        EXPECT_EQ(refused.deciding().reset, refused.retry_after);
        EXPECT_TRUE(charge(l, "10.0.0.2").admitted);
        advance(refused.retry_after - 1us);
        const Decision early = charge(l, "10.0.0.1");
        EXPECT_FALSE(early.admitted);
        EXPECT_EQ(early.retry_after, 1us);
        advance(1us);
        EXPECT_TRUE(charge(l, "10.0.0.1").admitted);
    }
}

TEST_P(Limits, FreeWhatASlidingWindowUsedExactlyOneWindowLater) {
    const Limit l = limit_of("log", sliding_window, {{3, 1s}});
    EXPECT_TRUE(charge(l, "c").admitted);
    advance(300'001us);
    EXPECT_TRUE(charge(l, "c").admitted);
    advance(300ms);
    EXPECT_TRUE(charge(l, "c").admitted);
    EXPECT_EQ(charge(l, "c").retry_after, 399'999us);
    EXPECT_EQ(charge(l, "c", 2).retry_after, 700ms);
    EXPECT_EQ(charge(l, "c", 3).retry_after, 1s);
    advance(399'999us);
    EXPECT_TRUE(charge(l, "c").admitted);
    EXPECT_EQ(charge(l, "c").retry_after, 300'001us);
}

TEST_P(Limits, ChargeAllWindowsOrNone) {
    for (const Algorithm a : kAll) {
        const Limit l = limit_of(std::string(name_of(a)), a, {{2, 1s}, {5, 60s}});
        SCOPED_TRACE(label(l));
        EXPECT_TRUE(charge(l, "c").admitted);
        EXPECT_TRUE(charge(l, "c").admitted);
        for (int i = 0; i < 20; ++i) {
            const Decision d = charge(l, "c");
            EXPECT_FALSE(d.admitted);
            EXPECT_EQ(d.decided, 0);
            EXPECT_EQ(d.windows[0].remaining, 0u);
            EXPECT_EQ(d.windows[1].remaining, 3u) << "a refused request was charged to the other window";
            EXPECT_EQ(d.windows[1].retry_after, 0us);
        }
        advance(2s);
        EXPECT_TRUE(charge(l, "c", 2).admitted);
        advance(2s);
        EXPECT_TRUE(charge(l, "c").admitted);
        if (a == token_bucket) continue;  // its long window has refilled a little by now
        const Decision d = charge(l, "c");
        EXPECT_FALSE(d.admitted);
        EXPECT_EQ(d.decided, 1);
        EXPECT_EQ(d.windows[0].remaining, 1u) << "charged to the window that admitted";
        EXPECT_GT(d.retry_after, 10s);
    }
}

TEST_P(Limits, ChargeByCostAndDecideTheImpossibleAtOnce) {
    for (const Algorithm a : kAll) {
        const Limit l = limit_of(std::string(name_of(a)), a, {{10, 60s}});
        SCOPED_TRACE(label(l));
        EXPECT_EQ(charge(l, "c", 7).deciding().remaining, 3u);
        EXPECT_FALSE(charge(l, "c", 4).admitted);
        EXPECT_EQ(charge(l, "c", 3).deciding().remaining, 0u);
        for (const uint64_t cost : {uint64_t{11}, uint64_t{1} << 40, UINT64_MAX}) {
            const Decision never = charge(l, "other", cost);
            EXPECT_FALSE(never.admitted);
            EXPECT_TRUE(never.never);
            EXPECT_EQ(never.retry_after, kNever);
            EXPECT_EQ(never.deciding().remaining, 10u);
        }
        EXPECT_EQ(charge(l, "other", 0).deciding().remaining, 10u);
        EXPECT_TRUE(charge(l, "c", 0).admitted) << "what costs nothing passes";
    }
}

TEST_P(Limits, RefuseEverythingThatCostsAtAQuotaOfZero) {
    for (const Algorithm a : kAll) {
        const Limit l = limit_of(std::string(name_of(a)), a, {{0, 60s}});
        SCOPED_TRACE(label(l));
        const Decision d = charge(l, "c");
        EXPECT_FALSE(d.admitted);
        EXPECT_TRUE(d.never);
        EXPECT_EQ(d.deciding().reset, 0us);
        EXPECT_TRUE(charge(l, "c", 0).admitted);
    }
}

TEST_P(Limits, LeaveRefusedRequestsFreeUnlessAsked) {
    for (const Algorithm a : kAll) {
        SCOPED_TRACE(name_of(a));
        const Limit free = limit_of("free", a, {{5, 10s}});
        const Limit charged = limit_of("charged", a, {{5, 10s}}, true);
        for (const Limit* l : {&free, &charged}) {
            for (int i = 0; i < 5; ++i) EXPECT_TRUE(charge(*l, "c").admitted);
        }
        // Refused five times, a tenth of the window apart.
        for (int i = 0; i < 5; ++i) {
            advance(1s);
            EXPECT_FALSE(charge(free, "c", 5).admitted);
            EXPECT_FALSE(charge(charged, "c", 5).admitted);
        }
        advance(5s);
        const bool lasting = a == sliding_window || a == sliding_counter || a == token_bucket;
        EXPECT_TRUE(charge(free, "c", a == sliding_counter ? 0 : 5).admitted);
        EXPECT_EQ(charge(charged, "c", 5).admitted, !lasting);
        EXPECT_TRUE(charge(charged, "c", 6).never) << "the impossible is not charged";
        advance(60s);
        EXPECT_TRUE(charge(charged, "c", 5).admitted);
    }
}

TEST_P(Limits, LetATokenBucketBurstAndThenRefillSteadily) {
    const Limit l = limit_of("bucket", token_bucket, {{10, 1s, 30}});
    EXPECT_TRUE(charge(l, "c", 30).admitted);
    EXPECT_EQ(charge(l, "c").retry_after, 100ms);
    EXPECT_EQ(charge(l, "c", 30).retry_after, 3s);
    for (int i = 0; i < 50; ++i) {
        advance(99'999us);
        EXPECT_FALSE(charge(l, "c").admitted);
        advance(1us);
        EXPECT_TRUE(charge(l, "c").admitted);
    }
    advance(1s);
    EXPECT_EQ(charge(l, "c", 0).deciding().remaining, 10u);
    advance(1h);
    EXPECT_EQ(charge(l, "c", 0).deciding().remaining, 30u);
}

TEST_P(Limits, RefillATokenBucketWhoseUnitIsNoWholeNumberOfMicrosecondsWithoutDrift) {
    const Limit l = limit_of("thirds", token_bucket, {{3, 1s, 1}});
    EXPECT_TRUE(charge(l, "c").admitted);
    Micros waited{};
    for (int i = 0; i < 300; ++i) {
        const Decision d = charge(l, "c");
        ASSERT_FALSE(d.admitted);
        advance(d.retry_after);
        waited += d.retry_after;
        ASSERT_TRUE(charge(l, "c").admitted);
    }
    EXPECT_EQ(waited, 100s + 200us)
        << "each wait is a third of a second, rounded up to the microsecond, and the rest is kept";
}

TEST_P(Limits, CountLargeNumbersExactly) {
    for (const Algorithm a : kAll) {
        const Limit l = limit_of(std::string(name_of(a)), a, {{kMaxQuota, std::chrono::days(31)}});
        SCOPED_TRACE(label(l));
        EXPECT_EQ(charge(l, "c", 999'999'999).deciding().remaining, 1u);
        EXPECT_FALSE(charge(l, "c", 2).admitted);
        const Decision last = charge(l, "c");
        EXPECT_TRUE(last.admitted);
        EXPECT_EQ(last.deciding().remaining, 0u);
        const Decision d = charge(l, "c");
        EXPECT_FALSE(d.admitted);
        advance(d.retry_after - 1us);
        EXPECT_FALSE(charge(l, "c").admitted);
        advance(1us);
        EXPECT_TRUE(charge(l, "c").admitted);
    }
}

TEST_P(Limits, KeepAnyBytesOfNamesAndClientsApart) {
    const std::string_view names[] = {"a", "a:b", "a}", "{a", "a%3a"};
    const std::string zero("\0", 1), long1(300, 'x'), long2 = long1 + "y";
    const std::string clients[] = {"",   "b",        ":b", "b:c",       "{b}",  "}",   "%",
                                   "b ", "\xff\xfe", zero, zero + zero, "\r\n", long1, long2};
    for (const std::string_view name : names) {
        const Limit l = limit_of(std::string(name), sliding_window, {{1, 60s}, {1, 90s}});
        for (const std::string& client : clients) {
            EXPECT_TRUE(charge(l, client).admitted) << name << " and " << client;
            EXPECT_FALSE(charge(l, client).admitted) << name << " and " << client;
        }
    }
}

TEST_P(Limits, R26OneNameIsOneCountForAllRoutesAndTwoNamesAreTwo) {
    for (const Algorithm a : kAll) {
        const std::string name = "fair-use-" + std::string(name_of(a));
        std::vector<Limit> routes;
        for (int i = 0; i < 102; ++i) routes.push_back(limit_of(name, a, {{50, 60s}}));
        int passed = 0;
        for (const Limit& l : routes) passed += charge(l, "c").admitted;
        EXPECT_EQ(passed, 50);
        const Limit other = limit_of(name + "-2", a, {{50, 60s}});
        passed = 0;
        for (int i = 0; i < 102; ++i) passed += charge(other, "c").admitted;
        EXPECT_EQ(passed, 50);
    }
}

TEST_P(Limits, R28ARaisedLimitAppliesAtOnceAndKeepsTheUsage) {
    for (const Algorithm a : kAll) {
        const std::string name(name_of(a));
        SCOPED_TRACE(name);
        const Limit ten = limit_of(name, a, {{10, 60s}});
        const Limit twenty = limit_of(name, a, {{20, 60s}});
        for (int i = 0; i < 10; ++i) EXPECT_TRUE(charge(ten, "c").admitted);
        EXPECT_FALSE(charge(ten, "c").admitted);
        for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(charge(twenty, "c").deciding().remaining, 9 - i);
        EXPECT_FALSE(charge(twenty, "c").admitted);
        const Decision lowered = charge(ten, "c");
        EXPECT_FALSE(lowered.admitted);
        EXPECT_EQ(lowered.deciding().remaining, 0u);
        EXPECT_GT(lowered.retry_after, 0us);
        advance(lowered.retry_after - 1us);
        EXPECT_FALSE(charge(ten, "c").admitted);
        advance(1us);
        EXPECT_TRUE(charge(ten, "c").admitted);
    }
}

TEST_P(Limits, R28ALowDynamicLimitDoesNotHoldBackAHighOneOfTheSameKey) {
    for (const Algorithm a : kAll) {
        const std::string name(name_of(a));
        SCOPED_TRACE(name);
        const Limit low = limit_of(name, a, {{2, 60s}});
        const Limit high = limit_of(name, a, {{100, 60s}});
        EXPECT_TRUE(charge(low, "c").admitted);
        EXPECT_TRUE(charge(low, "c").admitted);
        uint64_t passed = 2;
        for (int i = 0; i < 200; ++i) {
            const Decision d = charge(low, "c");
            EXPECT_FALSE(d.admitted);
            EXPECT_GT(d.retry_after, 0us);
            EXPECT_GT(whole_seconds(d.retry_after), 0u);
            passed += charge(high, "c").admitted;
        }
        EXPECT_EQ(passed, 100u);
    }
}

TEST_P(Limits, R28AChangedWindowKeepsTheUsage) {
    for (const Algorithm a : kAll) {
        const std::string name(name_of(a));
        SCOPED_TRACE(name);
        const Limit minute = limit_of(name, a, {{10, 60s}});
        const Limit longer = limit_of(name, a, {{10, 600s}});
        const Limit shorter = limit_of(name, a, {{10, 5s}});
        EXPECT_TRUE(charge(minute, "c", 10).admitted);
        EXPECT_FALSE(charge(longer, "c").admitted);
        EXPECT_FALSE(charge(shorter, "c").admitted);
        advance(10s);
        // The log and the bucket have shed what is older than 5 s, the counters began a window of 5 s with the usage.
        EXPECT_TRUE(charge(shorter, "c").admitted);
    }
}

TEST_P(Limits, AnAlgorithmChangedBeginsAnew) {
    const Limit before = limit_of("l", sliding_window, {{1, 60s}});
    const Limit after = limit_of("l", fixed_window, {{1, 60s}});
    EXPECT_TRUE(charge(before, "c").admitted);
    EXPECT_TRUE(charge(after, "c").admitted);
    EXPECT_FALSE(charge(after, "c").admitted);
}

TEST_P(Limits, AClockThatStepsBackNeverFreesAndHealsWithinAWindowOrTwo) {
    for (const Algorithm a : kAll) {
        for (const Micros back : {Micros(500us), Micros(5s), Micros(1h)}) {
            const Limit l = limit_of(std::string(name_of(a)) + std::to_string(back.count()), a, {{4, 10s}});
            SCOPED_TRACE(l.name);
            for (int i = 0; i < 3; ++i) {
                EXPECT_TRUE(charge(l, "c").admitted);
                advance(1ms);
            }
            advance(-back);
            EXPECT_LE(charge(l, "c").admitted + charge(l, "c").admitted, 1);
            EXPECT_FALSE(charge(l, "c").admitted);
            advance(30s);
            EXPECT_TRUE(charge(l, "c", 4).admitted);
            advance(2h);
        }
    }
}

// The straightforward truth about a history of what passed.
class History {
  public:
    void add(Micros at, uint64_t cost) { passed_.emplace_back(at.count(), cost); }
    uint64_t in(int64_t from, int64_t to) const {  // from < at <= to
        uint64_t sum = 0;
        for (auto it = passed_.rbegin(); it != passed_.rend() && it->first > from; ++it)
            sum += it->first <= to ? it->second : 0;
        return sum;
    }

  private:
    std::vector<std::pair<int64_t, uint64_t>> passed_;
};

struct RandomLimit {
    Limit limit;
    uint64_t most_cost;
    int64_t gap;
};
RandomLimit random_limit(std::mt19937_64& random, Algorithm a, std::string name) {
    const auto pick = [&](uint64_t low, uint64_t high) {
        return std::uniform_int_distribution<uint64_t>(low, high)(random);
    };
    std::vector<Window> windows;
    int64_t length = static_cast<int64_t>(1000 * pick(1, 3000));
    uint64_t quota = pick(1, 40);
    for (uint64_t n = pick(1, 3); n > 0; --n) {
        windows.push_back({quota, Micros(length), a == token_bucket && pick(0, 1) ? pick(1, 2 * quota) : 0});
        length = length * static_cast<int64_t>(pick(2, 6)) + static_cast<int64_t>(pick(0, 999));
        quota += pick(0, 2 * quota);
    }
    const int64_t gap = std::max<int64_t>(windows[0].length.count() / static_cast<int64_t>(windows[0].quota), 2);
    return {limit_of(std::move(name), a, windows), pick(0, 2) == 0 ? windows[0].quota : 1, gap};
}

TEST_P(Limits, NeverPassMoreThanTheQuotaInAnyWindowAndRefuseOnlyWhatWouldExceedIt) {
    std::mt19937_64 random(26);
    for (int round = 0; round < 60; ++round) {
        const auto [l, most_cost, gap] = random_limit(random, sliding_window, "l" + std::to_string(round));
        History history;
        for (int i = 0; i < 250; ++i) {
            const uint64_t cost = std::uniform_int_distribution<uint64_t>(1, most_cost)(random);
            const Decision d = charge(l, "c", cost);
            const int64_t now = store_->now().count();
            bool room = true, tight = true;
            for (const Window& w : l.windows) {
                const int64_t length = w.length.count();
                room = room && history.in(now - length, now) + cost <= w.quota;
                tight = tight && history.in(now - length - held_longer(length), now) + cost <= w.quota;
            }
            if (d.admitted) {
                ASSERT_TRUE(room) << "round " << round << " request " << i;
                history.add(store_->now(), cost);
            } else {
                ASSERT_FALSE(tight) << "round " << round << " request " << i;
            }
            if (random() % 4 != 0) advance(Micros(static_cast<int64_t>(random() % static_cast<uint64_t>(gap))));
        }
    }
}

TEST_P(Limits, PassAfterExactlyTheirRetryAfterWithAnyWindowsAndCosts) {
    std::mt19937_64 random(27);
    for (int round = 0; round < 80; ++round) {
        const auto [l, most_cost, gap] = random_limit(random, kAll[round % 4], "l" + std::to_string(round));
        SCOPED_TRACE(label(l) + ", round " + std::to_string(round));
        int refused = 0;
        for (int i = 0; i < 150; ++i) {
            const uint64_t cost = std::uniform_int_distribution<uint64_t>(1, most_cost)(random);
            const Decision d = charge(l, "c", cost);
            if (!d.admitted && !d.never) {
                ++refused;
                ASSERT_GT(d.retry_after, 0us);
                if (random() % 3 == 0) {
                    advance(d.retry_after - 1us);
                    const Decision early = charge(l, "c", cost);
                    ASSERT_FALSE(early.admitted);
                    ASSERT_EQ(early.retry_after, 1us);
                    advance(1us);
                    ASSERT_TRUE(charge(l, "c", cost).admitted);
                }
            }
            if (random() % 3 != 0) advance(Micros(static_cast<int64_t>(random() % static_cast<uint64_t>(gap))));
        }
        EXPECT_GT(refused, 0);
    }
}

TEST_P(Limits, TellTheMomentWhenThereIsMore) {
    std::mt19937_64 random(28);
    for (int round = 0; round < 40; ++round) {
        const auto [l, most_cost, gap] = random_limit(random, kAll[round % 4], "l" + std::to_string(round));
        SCOPED_TRACE(label(l) + ", round " + std::to_string(round));
        for (int i = 0; i < 60; ++i) {
            const Decision d = charge(l, "c", std::uniform_int_distribution<uint64_t>(1, most_cost)(random));
            if (d.windows[0].reset == 0us) continue;
            advance(d.windows[0].reset - 1us);
            ASSERT_EQ(charge(l, "c", 0).windows[0].remaining, d.windows[0].remaining);
            advance(1us);
            ASSERT_GT(charge(l, "c", 0).windows[0].remaining, d.windows[0].remaining);
        }
    }
}

TEST_P(Limits, CountAFixedWindowFromBoundaryToBoundary) {
    const Limit l = limit_of("f", fixed_window, {{7, 60s}});
    std::mt19937_64 random(29);
    std::map<int64_t, int> passed;
    for (int i = 0; i < 600; ++i) {
        const int64_t window = store_->now() / 60s;
        ASSERT_EQ(charge(l, "c").admitted, passed[window] < 7);
        passed[window] = std::min(passed[window] + 1, 7);
        advance(Micros(static_cast<int64_t>(random() % 12'000'000)));
    }
}

TEST_P(Limits, KeepATokenBucketToBurstAndRateInEveryInterval) {
    std::mt19937_64 random(30);
    const Limit l = limit_of("b", token_bucket, {{7, 1s, 12}});
    // Exact by a second way: units in 1/1,000,000, at most the burst, 7 of them a microsecond.
    int64_t level = 12'000'000;
    for (int i = 0; i < 1500; ++i) {
        const int64_t cost = 1 + static_cast<int64_t>(random() % 4);
        const bool passes = level >= cost * 1'000'000;
        ASSERT_EQ(charge(l, "c", static_cast<uint64_t>(cost)).admitted, passes) << i;
        if (passes) level -= cost * 1'000'000;
        const auto gap = static_cast<int64_t>(random() % 600'000);
        advance(Micros(gap));
        level = std::min<int64_t>(12'000'000, level + 7 * gap);
    }
}

}  // namespace
}  // namespace portico::policy::rate_limit
