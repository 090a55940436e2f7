// How far the sliding counter is from the exact log: the figures that the README states.
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <random>

#include "policy/rate_limit/stores_under_test.h"

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;
using enum Algorithm;

struct Figures {
    double wrong = 0;    // share of decisions that differ from the exact log's over the same history of what passed
    double excess = 0;   // the most that passed in any window, over the quota, as a share of it
    double too_few = 0;  // what it passed in all, less what the exact log passes, as a share
};

// Requests at the instants that `gap` yields, to a counter and to a log of the same numbers.
template <class Gap>
Figures compare(uint64_t quota, Gap gap) {
    MemoryStore counter, log;
    const Limit approx = limit_of("counter", sliding_counter, {{quota, 60s}});
    const Limit exact = limit_of("log", sliding_window, {{quota, 60s}});
    std::deque<Micros> passed;
    uint64_t requests = 0, wrong = 0, by_counter = 0, by_log = 0;
    size_t most = 0;
    while (counter.now() - Micros(1'700'000'040'000'000) < 40min) {
        while (!passed.empty() && passed.front() <= counter.now() - 60s) passed.pop_front();
        const bool room = passed.size() < quota;
        const bool admitted = counter.charge(approx, "c").admitted;
        if (admitted) passed.push_back(counter.now());
        most = std::max(most, passed.size());
        ++requests;
        wrong += room != admitted;
        by_counter += admitted;
        by_log += log.charge(exact, "c").admitted;
        const Micros by = gap(counter.now());
        counter.advance(by);
        log.advance(by);
    }
    const auto share = [](double a, double b) { return a / b; };
    return {share(static_cast<double>(wrong), static_cast<double>(requests)),
            share(static_cast<double>(most), static_cast<double>(quota)) - 1,
            1 - share(static_cast<double>(by_counter), static_cast<double>(by_log))};
}

void report(const char* name, const Figures& f) {
    std::printf("%-28s decisions that differ %5.2f %%, most in a window %+6.1f %%, passed in all %+5.1f %%\n", name,
                100 * f.wrong, 100 * f.excess, -100 * f.too_few);
}

TEST(SlidingCounterAccuracy, UnderSteadyRandomLoadIsCloseToTheLog) {
    std::mt19937_64 random(1);
    std::exponential_distribution<double> at_quota(100.0 / 60), twice(200.0 / 60);
    const auto steady = compare(100, [&](Micros) { return Micros(static_cast<int64_t>(1e6 * at_quota(random))); });
    const auto heavy = compare(100, [&](Micros) { return Micros(static_cast<int64_t>(1e6 * twice(random))); });
    report("random, at the quota", steady);
    report("random, twice the quota", heavy);
    EXPECT_LE(steady.excess, 0.15);
    EXPECT_LE(heavy.excess, 0.15);
    EXPECT_LE(std::abs(heavy.too_few), 0.05);
}

TEST(SlidingCounterAccuracy, UnderBurstsPassesAtMostTwiceTheQuotaMinusOne) {
    std::mt19937_64 random(2);
    // The worst that can be done to it: silence, all of the quota at the end of a window, and what it passes in the
    // next one.
    const auto late = compare(100, [&](Micros now) {
        const Micros within = now % 180s;
        return within < 58s ? 58s - within : within < 120s ? Micros(19'000) : 238s - within;
    });
    const auto bursts = compare(100, [&](Micros) {
        return random() % 150 == 0 ? Micros(static_cast<int64_t>(random() % 90'000'000)) : Micros(5000);
    });
    report("the worst case", late);
    report("bursts of 150, then pauses", bursts);
    EXPECT_LT(late.excess, 1.0);
    EXPECT_GT(late.excess, 0.9);
    EXPECT_LT(bursts.excess, 1.0);
}

}  // namespace
}  // namespace portico::policy::rate_limit
