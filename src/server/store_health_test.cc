#include "server/store_health.h"

#include <gtest/gtest.h>

#include "server/degradations.h"
namespace portico::server {
namespace {

TEST(StoreHealth, SaysWhenTheFirstWorkerLosesAStoreAndWhenTheLastFindsItAgain) {
    StoreHealth health;
    EXPECT_EQ(health.lost("shared", "NOAUTH Authentication required."), "store shared is lost: NOAUTH Authentication required.");
    EXPECT_EQ(health.lost("shared", "OOM command not allowed"), std::nullopt);
    EXPECT_EQ(health.why("shared"), "OOM command not allowed");
    health.still_lost("shared", "LOADING");
    EXPECT_EQ(health.why("shared"), "LOADING");
    EXPECT_EQ(health.why("other"), "");
    EXPECT_EQ(health.found("shared"), std::nullopt);
    EXPECT_EQ(health.found("shared"), "store shared is found again");
    EXPECT_EQ(health.why("shared"), "");
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
