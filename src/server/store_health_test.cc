#include "server/store_health.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace portico::server
