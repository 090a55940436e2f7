#include "policy/rate_limit/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/read.h"

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;
using enum Algorithm;
using ::testing::HasSubstr;

// Knows one store, "shared".
class Build final : public gateway::PolicyBuild {
  public:
    gateway::Resources& resources() override { std::abort(); }
    const config::Config& config() const override { std::abort(); }
    int32_t service(const config::Scope&, const config::Node&) override { return -1; }
    int32_t store(const config::Scope& scope, const config::Node& name) override {
        if (name.text == "shared") return 0;
        scope.error(name.mark, "unknown-store", "there is no store \"" + name.text + "\"");
        return -1;
    }
    void reads_of_client(const config::Scope&, const config::Node&) override {}
    std::vector<gateway::ChainLink> use(const config::Scope&, const config::Node&) override { return {}; }
};

struct Read {
    std::optional<Settings> settings;
    std::string faults;
    uint32_t column = 0;  // of the last fault
};

Read read(const std::string& yaml, bool named = true, bool shadow = false) {
    config::FaultList faults;
    const auto document = config::Document::parse(yaml, {}, faults);
    Build build;
    Read r;
    r.settings = read_settings({.name = "fair use", .settings = document->root(), .path = "routes[0].use[1].rate_limit",
                                .identity = named ? "fair use" : "orders/use[1]",
                                .shadow = shadow, .named = named, .build = build}, faults);
    for (const auto& f : faults.all()) {
        r.faults += f.code + ": " + f.message + " (" + f.hint + ")\n";
        r.column = f.mark.column;
    }
    EXPECT_EQ(r.settings.has_value(), faults.errors() == 0);
    return r;
}

Settings settings_of(const std::string& yaml, bool named = true, bool shadow = false) {
    Read r = read(yaml, named, shadow);
    EXPECT_EQ(r.faults, "");
    return r.settings ? std::move(*r.settings) : Settings{};
}

TEST(RateLimitSettings, AreShort) {
    const Settings s = settings_of("{ limit: 100, window: 60s }");
    EXPECT_EQ(s.limit.limit.name, "fair use");
    EXPECT_EQ(s.limit.limit.algorithm, sliding_window);
    EXPECT_EQ(s.limit.limit.windows, (std::vector<Window>{{100, 60s, 0}}));
    EXPECT_FALSE(s.limit.limit.charge_refused);
    EXPECT_EQ(s.limit.policy_field, R"("fair use";q=100;w=60)");
    EXPECT_EQ(s.cost, 1u);
    EXPECT_EQ(s.store, -1);
    EXPECT_EQ(s.fields, Fields::always);
    EXPECT_FALSE(s.key.names_claims());
}

TEST(RateLimitSettings, TwoOverridesOfOneKeyAreAFaultAtTheSecond) {
    constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
        {"2001:db8::1", "2001:db8::2"}, {"2001:db8::2", "2001:db8::1"}, {"2001:db8::/64", "2001:DB8:0:0::7"}, {"1.2.3.4", "::ffff:1.2.3.4"}, {"::ffff:1.2.3.4", "1.2.3.4"}};
    for (const auto& [first, second] : kPairs) {
        const std::string before = "{ limit: 1, window: 1s, overrides: { \"" + std::string(first) + "\": 5, ";
        const Read r = read(before + "\"" + std::string(second) + "\": 2 } }");
        EXPECT_THAT(r.faults, HasSubstr("duplicate-override: \"" + std::string(first) + "\" and \"" + std::string(second) + "\" are one key"));
        EXPECT_EQ(r.column, before.size() + 1);
    }
    EXPECT_EQ(settings_of("{ limit: 1, window: 1s, overrides: { \"2001:db8::1\": 5, \"2001:db8:0:1::1\": 2 } }").overrides.size(), 2u);
    // Of other keys the texts count.
    EXPECT_EQ(settings_of("{ limit: 1, window: 1s, key: header.X-A, overrides: { \"2001:db8::1\": 5, \"2001:db8::2\": 2 } }").overrides.size(), 2u);
    const std::string before = "{ limit: 1, window: 1s, overrides: { \"10.0.0.1\": 5, ";
    EXPECT_EQ(read(before + "office: 5 } }").column, before.size() + 1);
}

TEST(RateLimitSettings, AnOverrideNamesAnAddressAsItIsCounted) {
    const Settings s = settings_of("{ limit: 1, window: 1s, overrides: { \"2001:DB8:0:0:1::7\": 5, \"10.0.0.1\": 6 } }");
    EXPECT_TRUE(s.overrides.contains("2001:db8::/64"));
    EXPECT_TRUE(s.overrides.contains("10.0.0.1"));
    EXPECT_THAT(read("{ limit: 1, window: 1s, overrides: { office: 5 } }").faults, HasSubstr("bad-override"));
    EXPECT_THAT(read("{ limit: 1, window: 1s, key: [client.ip, claims.sub], overrides: { a: 5 } }").faults, HasSubstr("this key is none"));
}

TEST(RateLimitSettings, ReadEveryKey) {
    const Settings s = settings_of(
        "{ limit: 100, window: 60s, algorithm: token_bucket, burst: 200, key: claims.sub, cost: query.items,\n"
        "  overrides: { \"10.0.0.1\": 1000, banned: 0 }, charge_refused: true, store: shared, on_store_failure: memory, fields: refused }");
    EXPECT_EQ(s.limit.limit.algorithm, token_bucket);
    EXPECT_EQ(s.limit.limit.windows, (std::vector<Window>{{100, 60s, 200}}));
    EXPECT_TRUE(s.limit.limit.charge_refused);
    EXPECT_TRUE(s.key.names_claims());
    EXPECT_TRUE(s.cost_of);
    EXPECT_EQ(s.cost, 1u);
    EXPECT_EQ(s.store, 0);
    EXPECT_EQ(s.on_store_failure, OnStoreFailure::memory);
    EXPECT_EQ(s.fields, Fields::refused);
    // The limit's name stays: whose plan changes keeps the usage.
    EXPECT_EQ(s.overrides.at("10.0.0.1").limit.name, "fair use");
    EXPECT_EQ(s.overrides.at("10.0.0.1").limit.windows, (std::vector<Window>{{1000, 60s, 200}}));
    EXPECT_EQ(s.overrides.at("banned").limit.windows, (std::vector<Window>{{0, 60s, 0}}));
    EXPECT_TRUE(s.overrides.at("banned").limit.charge_refused);
}

TEST(RateLimitSettings, KnowTheAlgorithmsByName) {
    for (const Algorithm a : {sliding_window, sliding_counter, token_bucket, fixed_window}) {
        const Settings s = settings_of("{ limit: 1, window: 1s, algorithm: " + std::string(name_of(a)) + " }");
        EXPECT_EQ(s.limit.limit.algorithm, a);
    }
}

TEST(RateLimitSettings, HoldSeveralWindows) {
    const Settings s = settings_of("{ algorithm: token_bucket, windows: [{ limit: 10, window: 1s, burst: 20 }, { limit: 100, window: 1m }] }");
    EXPECT_EQ(s.limit.limit.windows, (std::vector<Window>{{10, 1s, 20}, {100, 60s, 0}}));
}

TEST(RateLimitSettings, TakeTheLimitByAValue) {
    const Settings s = settings_of("{ limit: { by: claims.plan, values: { gold: 1000, none: 0 }, default: 60 }, window: 60s }");
    ASSERT_TRUE(s.by);
    EXPECT_TRUE(s.by->names_claims());
    EXPECT_EQ(s.limit.limit.windows, (std::vector<Window>{{60, 60s, 0}}));
    EXPECT_EQ(s.values.at("gold").limit.windows, (std::vector<Window>{{1000, 60s, 0}}));
    EXPECT_EQ(s.values.at("none").limit.windows, (std::vector<Window>{{0, 60s, 0}}));
    EXPECT_EQ(s.values.at("gold").limit.name, s.limit.limit.name);
}

TEST(RateLimitSettings, CountUnderANameOfTheirOwnInShadow) {
    const std::string yaml = "{ limit: 1, window: 1s, store: shared, on_store_failure: deny }";
    const Settings shadow = settings_of(yaml, true, true);
    EXPECT_EQ(shadow.limit.limit.name, "fair use/shadow");
    // What shadows refuses nothing, also when its store is away.
    EXPECT_EQ(shadow.on_store_failure, OnStoreFailure::allow);
    EXPECT_EQ(settings_of(yaml).on_store_failure, OnStoreFailure::deny);
}

TEST(RateLimitSettings, AreCountedByTheirPlaceWithoutAName) {
    EXPECT_EQ(settings_of("{ limit: 1, window: 1s }", false).limit.limit.name, "orders/use[1]");
    EXPECT_THAT(read("{ limit: 1, window: 1s, store: shared, on_store_failure: deny }", false).faults,
                HasSubstr("unnamed-limit: a limit that is counted in a store needs a name there (write it under policies, or add name:"));
}

class RateLimitFaults : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(RateLimitFaults, SayWhatIsWrong) { EXPECT_THAT(read(GetParam().first).faults, HasSubstr(GetParam().second)); }
INSTANTIATE_TEST_SUITE_P(All, RateLimitFaults, ::testing::Values(
    std::pair{"{}", "missing-key: rate_limit needs the key \"limit\""},
    std::pair{"{ limit: 100 }", "missing-key: rate_limit needs the key \"window\" (such as { limit: 100, window: 60s, key: client.ip })"},
    std::pair{"{ window: 60s }", "needs the key \"limit\""}, std::pair{"{ limit: 100, window: 60 }", "60s or 60m"},
    std::pair{"{ limit: -1, window: 60s }", "a whole number from 0 to 1000000000, found -1"}, std::pair{"{ limit: 1000000001, window: 60s }", "1000000000"},
    std::pair{"{ limit: many, window: 60s }", "number"}, std::pair{"{ limit: 1, window: 32d }", "bad-limit: a window is at most 31d"},
    std::pair{"{ limit: 1, window: 100us }", "window"}, std::pair{"{ limit: 1, window: none }", "a duration such as 250ms, 60s or 5m, found \"none\""},
    std::pair{"{ limit: 1, window: 1s, algorithm: leaky }", "sliding_window"},
    std::pair{"{ limit: 1, window: 1s, burst: 5 }", "idle-setting: burst is a setting of token_bucket (algorithm: token_bucket)"},
    std::pair{"{ limit: 1, window: 1s, algorithm: token_bucket, burst: 0 }", "a whole number from 1 to 1000000000, found 0"},
    std::pair{"{ limit: 0, window: 1s, windows: [{ limit: 1, window: 1s }] }", "limit-shape: windows stands in place of limit and window"},
    std::pair{"{ windows: [{ limit: 1, window: 1s }], overrides: { a: 1 } }", "knows no values or overrides"},
    std::pair{"{ windows: [{ limit: 1, window: 1s }], algorithm: token_bucket, burst: 2 }", "limit-shape: burst stands beside the limit of each"},
    std::pair{"{ windows: [{ limit: 1, window: 1s, burst: 2 }] }", "bad-limit: burst belongs to token_bucket"},
    std::pair{"{ windows: [{ limit: 1, window: 1s }, { limit: 2, window: 1s }] }", "bad-limit: two windows of one length"},
    std::pair{"{ windows: [{ limit: 1 }] }", "\"window\""}, std::pair{"{ windows: [{ window: 1s }] }", "\"limit\""},
    std::pair{"{ windows: [] }", "a list of windows"}, std::pair{"{ windows: { limit: 1, window: 1s } }", "write windows: [{"},
    std::pair{"{ windows: [{ limit: 1, window: 1s }, { limit: 1, window: 2s }, { limit: 1, window: 3s }, { limit: 1, window: 4s }, { limit: 1, window: 5s }, { limit: 1, window: 6s }, { limit: 1, window: 7s }] }", "at most 6 windows"},
    std::pair{"{ limit: { by: claims.plan, values: { a: 1 } }, window: 1s }", "needs the key \"default\""},
    std::pair{"{ limit: { by: claims.plan, default: 1 }, window: 1s }", "needs the key \"values\""},
    std::pair{"{ limit: { values: { a: 1 }, default: 1 }, window: 1s }", "needs the key \"by\""},
    std::pair{"{ limit: { by: claims.plan, values: [1], default: 1 }, window: 1s }", "limits by value, such as { gold: 1000, free: 60 }"},
    std::pair{"{ limit: { by: claims.plan, values: { a: x }, default: 1 }, window: 1s }", "number"},
    std::pair{"{ limit: 1, window: 1s, overrides: [a] }", "limits by key, such as { \"10.0.0.1\": 1000 }"},
    std::pair{"{ limit: 1, window: 31d, algorithm: token_bucket, overrides: { a: 1000 }, burst: 13 }", "takes more than 366d to fill"},
    std::pair{"{ limit: 1000, window: 31d, algorithm: token_bucket, overrides: { a: 1 }, burst: 13 }", "bad-limit: a: an empty bucket of this burst"},
    std::pair{"{ limit: 1, window: 1s, key: \"{client.ip}-{header.x}\" }", "bad-key: a key is one value or a list of values"},
    std::pair{"{ limit: 1, window: 1s, key: [] }", "the list is empty"},
    std::pair{"{ limit: 1, window: 1s, cost: 0 }", "a whole number from 1 to 1000000, found 0"}, std::pair{"{ limit: 1, window: 1s, cost: 1000001 }", "1000000"},
    std::pair{"{ limit: 1, window: 1s, cost: [1] }", "a whole number, or a value such as query.items"},
    std::pair{"{ limit: 1, window: 1s, store: other, on_store_failure: deny }", "unknown-store"},
    std::pair{"{ limit: 1, window: 1s, store: shared }", "missing-key: a limit with a store needs the key \"on_store_failure\": what happens while it is out of reach (allow, deny or memory)"},
    std::pair{"{ limit: 1, window: 1s, on_store_failure: deny }", "idle-setting: on_store_failure says something about a store, and there is none"},
    std::pair{"{ limit: 1, window: 1s, store: shared, on_store_failure: ignore }", "allow"},
    std::pair{"{ limit: 1, window: 1s, fields: sometimes }", "refused"},
    std::pair{"{ limit: 1, window: 1s, charge_refused: 1 }", "true or false"},
    std::pair{"{ limit: 1, window: 1s, algoritm: fixed_window }", "algorithm"}));

}  // namespace
}  // namespace portico::policy::rate_limit
