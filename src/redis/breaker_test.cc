#include "redis/breaker.h"

#include <gtest/gtest.h>

namespace portico::redis {
namespace {

using std::chrono::milliseconds;

TEST(Breaker, OpensAfterFailuresWithNoSuccessBetween) {
    Breaker breaker(3);
    EXPECT_FALSE(breaker.failed());
    EXPECT_FALSE(breaker.failed());
    EXPECT_FALSE(breaker.succeeded());
    EXPECT_FALSE(breaker.failed());
    EXPECT_FALSE(breaker.failed());
    EXPECT_TRUE(breaker.failed());
    EXPECT_TRUE(breaker.open());
    EXPECT_FALSE(breaker.failed());
    EXPECT_TRUE(breaker.succeeded());
    EXPECT_FALSE(breaker.open());
}

TEST(Backoff, DoublesUpToItsBoundAndIsSpread) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Backoff backoff(milliseconds(20), milliseconds(1000), seed);
        Duration span = milliseconds(20);
        for (int i = 0; i < 100; ++i) {
            const Duration delay = backoff.next();
            EXPECT_GE(delay, span / 2);
            EXPECT_LE(delay, span);
            span = std::min<Duration>(span * 2, milliseconds(1000));
        }
        backoff.reset();
        EXPECT_LE(backoff.next(), milliseconds(20));
    }
    EXPECT_NE(Backoff(milliseconds(20), milliseconds(1000), 2).next(), Backoff(milliseconds(20), milliseconds(1000), 4).next());
}

}  // namespace
}  // namespace portico::redis
