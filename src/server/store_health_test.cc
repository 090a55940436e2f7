#include "server/store_health.h"

#include <gtest/gtest.h>

#include "server/degradations.h"
#include "server/store_cause.h"

namespace portico::server {
namespace {

TEST(StoreHealth, SaysWhenTheFirstWorkerLosesAStoreAndWhenTheLastFindsItAgain) {
    StoreHealth health;
    EXPECT_EQ(health.lost("shared", "NOAUTH Authentication required."), "store shared is lost: NOAUTH Authentication required.");
    EXPECT_EQ(health.lost("shared", "OOM command not allowed"), std::nullopt);
    EXPECT_EQ(health.why("shared"), "OOM command not allowed");
    EXPECT_EQ(health.still_lost("shared", "LOADING", Time{}).line, "store shared is still lost: LOADING");
    EXPECT_EQ(health.why("shared"), "LOADING");
    EXPECT_EQ(health.why("other"), "");
    EXPECT_EQ(health.found("shared"), std::nullopt);
    EXPECT_EQ(health.found("shared"), "store shared is found again");
    EXPECT_EQ(health.why("shared"), "");
}

TEST(StoreHealth, SaysANewReasonOnceAndOneOfSeveralInAMinute) {
    StoreHealth health;
    const Time begun{std::chrono::hours(1)};
    (void)health.lost("shared", "Connection refused");
    EXPECT_FALSE(health.still_lost("shared", "Connection refused", begun).line);
    EXPECT_EQ(health.still_lost("shared", "WRONGPASS", begun).line, "store shared is still lost: WRONGPASS");
    EXPECT_FALSE(health.still_lost("shared", "WRONGPASS", begun).later) << "another worker";
    const auto other = health.still_lost("shared", "LOADING", begun + std::chrono::seconds(59));
    EXPECT_TRUE(!other.line && other.later && other.from == begun + StoreHealth::kBetween);
    EXPECT_EQ(health.why("shared"), "LOADING");
    EXPECT_EQ(health.still_lost("shared", "LOADING", other.from).line, "store shared is still lost: LOADING");
    EXPECT_EQ(health.found("shared"), "store shared is found again");
    EXPECT_EQ(health.lost("shared", "LOADING"), "store shared is lost: LOADING");
    EXPECT_EQ(health.still_lost("shared", "WRONGPASS", other.from).line, "store shared is still lost: WRONGPASS");
}

TEST(StoreCause, T41_each_reason_has_one_of_a_few_causes) {
    const std::pair<std::string_view, std::string_view> kCauses[] = {
        {"connect to 127.0.0.1:1: Connection refused", "connect"}, {"TLS with 127.0.0.1:6379: not answered in time; does 127.0.0.1:6379 speak TLS?", "tls"},
        {"AUTH refused: WRONGPASS invalid username-password pair or user is disabled.", "sign_in"}, {"SELECT refused: ERR DB index is out of range", "sign_in"},
        {"NOAUTH Authentication required.", "sign_in"}, {"NOPERM this user has no permissions", "sign_in"}, {"READONLY You can't write", "role"},
        {"10.0.0.2:6379 is not a master", "role"}, {"not answered in time", "timeout"}, {"no answer to probes", "timeout"},
        {"OOM command not allowed when used memory > 'maxmemory'.", "refused"}, {"LOADING Redis is loading the dataset in memory", "refused"},
        {"read: the server closed the connection", "closed"}, {"", "closed"},
    };
    for (const auto& [why, cause] : kCauses) EXPECT_EQ(kStoreCauses[store_cause(why)], cause) << why;
}

TEST(Degradations, T42_a_trouble_stands_there_while_it_lasts_and_its_owner_lives) {
    Degradations all;
    auto a = std::make_shared<int>(1), b = std::make_shared<int>(2);
    all.tell(a, "keys of a", "could not be fetched");
    all.tell(b, "keys of b", "not fetched yet");
    all.tell(a, "keys of a", "status 500");
    EXPECT_EQ(all.all().size(), 2u);
    all.tell(b, "keys of b", "");
    EXPECT_EQ(all.all(), std::vector<std::string>{"keys of a: status 500"});
    a.reset();
    EXPECT_TRUE(all.all().empty());
}

}  // namespace
}  // namespace portico::server
