#include "policy/rate_limit/limit.h"

#include <gtest/gtest.h>

#include "base/keyed_hash.h"
#include "policy/rate_limit/ratelimit_fields.h"

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;
using enum Algorithm;

Limit with(Algorithm a, std::vector<Window> windows) {
    return {.name = "l", .algorithm = a, .windows = std::move(windows)};
}

TEST(Limit, IsJudgedByItsNumbers) {
    const struct {
        Limit limit;
        std::string_view flaw;
    } cases[] = {
        {with(sliding_window, {{100, 60s}}), ""},
        {with(sliding_window, {{kMaxQuota, kMaxWindow}, {1, kMinWindow}}), ""},
        {with(token_bucket, {{10, 1s, 100}}), ""},
        {with(fixed_window, {{0, 1s}}), ""},
        {with(sliding_window, {}), "a limit needs a window"},
        {with(sliding_window, {{kMaxQuota + 1, 60s}}), "a limit is at most 1000000000"},
        {with(sliding_window, {{1, 999us}}), "a window is at least 1ms"},
        {with(sliding_window, {{1, kMaxWindow + 1us}}), "a window is at most 31d"},
        {with(sliding_window, {{1, 1s, 2}}), "burst belongs to token_bucket"},
        {with(token_bucket, {{1, 31 * 24h, 13}}), "an empty bucket of this burst takes more than 366d to fill"},
        {with(token_bucket, {{0, 1s, 1}}), "a bucket with a limit of 0 never fills: leave burst out"},
        {with(token_bucket, {{1, 1s, kMaxQuota + 1}}), "a burst is at most 1000000000"},
        {with(fixed_window, {{1, 60s}, {2, 60s}}), "two windows of one length: the smaller limit is enough"},
        {with(fixed_window, {{1, 1s}, {1, 2s}, {1, 3s}, {1, 4s}, {1, 5s}, {1, 6s}, {1, 7s}}),
         "a limit has at most 6 windows"},
    };
    for (const auto& c : cases) EXPECT_EQ(flaw_in(c.limit).value_or(""), c.flaw);
    EXPECT_EQ(flaw_in(Limit{.windows = {{1, 1s}}}), "a limit needs a name");
}

TEST(Limit, AlgorithmsHaveNames) {
    for (const Algorithm a : {sliding_window, sliding_counter, token_bucket, fixed_window})
        EXPECT_EQ(algorithm_of(name_of(a)), a);
    EXPECT_EQ(algorithm_of("leaky_bucket"), std::nullopt);
}

TEST(Limit, RetryAfterIsRoundedUpToWholeSecondsAndNeverZero) {
    EXPECT_EQ(whole_seconds(0us), 1u);
    EXPECT_EQ(whole_seconds(1us), 1u);
    EXPECT_EQ(whole_seconds(1s), 1u);
    EXPECT_EQ(whole_seconds(1s + 1us), 2u);
    EXPECT_EQ(whole_seconds(kMaxRefill), 366u * 86'400);
}

TEST(RatelimitFields, SayThePolicyAndWhatIsLeft) {
    Arena arena;
    Limit l = with(sliding_window, {{100, 60s}});
    l.name = "fair-use";
    Decision d{.admitted = true, .count = 1};
    d.windows[0] = {.quota = 100, .remaining = 99, .length = 60s, .reset = 59'000'001us};
    EXPECT_EQ(ratelimit_policy_field(l), R"("fair-use";q=100;w=60)");
    EXPECT_EQ(ratelimit_field(ratelimit_names(l), d, arena), R"("fair-use";r=99;t=60)");
    d.windows[0].reset = 0us;
    EXPECT_EQ(ratelimit_field(ratelimit_names(l), d, arena), R"("fair-use";r=99)");
}

TEST(RatelimitFields, GiveTheWindowThatRefusedTheMomentOfRetryAfter) {
    Arena arena;
    Limit l = with(sliding_window, {{10, 500ms}, {100, 60s}});
    Decision d{.count = 2};
    d.windows[0] = {.quota = 10, .remaining = 1, .length = 500ms, .retry_after = 7s, .reset = 1s};
    d.windows[1] = {.quota = 100, .remaining = 50, .length = 60s, .retry_after = 0s, .reset = 3s};
    EXPECT_EQ(ratelimit_policy_field(l), R"("l/500ms";q=10;w=1, "l/60s";q=100;w=60)");
    EXPECT_EQ(ratelimit_field(ratelimit_names(l), d, arena), R"("l/500ms";r=1;t=7, "l/60s";r=50;t=3)");
    d.windows[0].retry_after = kNever;
    EXPECT_EQ(ratelimit_field(ratelimit_names(l), d, arena), R"("l/500ms";r=1, "l/60s";r=50;t=3)");
}

TEST(RatelimitFields, AreStructuredStringsWhateverTheName) {
    Limit l = with(fixed_window, {{1, 1s}});
    l.name = "a\"b\\c\r\n\xc3\xa4";
    EXPECT_EQ(ratelimit_policy_field(l), R"("a\"b\\c____";q=1;w=1)");
}

}  // namespace
}  // namespace portico::policy::rate_limit
