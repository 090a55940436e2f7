#include "base/meter.h"

#include <gtest/gtest.h>

#include "base/meter_fixture.h"

namespace portico {
namespace {

TEST(Meter, WhereNobodyCountsAStepIsFree) { EXPECT_TRUE(Meter::spend(UINT64_MAX)); }

TEST(Meter, WhoCountsIsToldOfEachStepThatHeHasNotGranted) {
    CountingMeter meter(10);
    EXPECT_TRUE(Meter::spend(10));
    EXPECT_FALSE(Meter::spend(1));
    EXPECT_EQ(meter.told, 11u);
}

TEST(Steps, ABoundIsKeptToTheStep) {
    Steps steps(5000);
    for (int i = 0; i < 5000; ++i) ASSERT_TRUE(steps.spend(1)) << i;
    EXPECT_EQ(steps.left(), 0u);
    EXPECT_FALSE(steps.spend(1));
}

TEST(Steps, OneThatIsTooLargeEndsIt) {
    Steps steps(5000);
    EXPECT_TRUE(steps.spend(4000));
    EXPECT_EQ(steps.left(), 1000u);
    EXPECT_FALSE(steps.spend(1001));
    EXPECT_FALSE(steps.spend(1));
}

TEST(Steps, AllThatWasSpentIsToldAndNoMore) {
    CountingMeter meter(UINT64_MAX);
    uint64_t spent = 0;
    {
        Steps steps(1'000'000);
        for (const uint64_t n : {1u, 1000u, 30u, 5000u, 1u, 1023u, 1024u, 1025u, 7u}) {
            EXPECT_TRUE(steps.spend(n));
            spent += n;
            EXPECT_LE(meter.told, spent);
            EXPECT_EQ(steps.left(), 1'000'000 - spent);
        }
    }
    EXPECT_EQ(meter.told, spent);
}

TEST(Steps, EndWhereTheMeterEnds) {
    CountingMeter meter(3000);
    Steps steps(1'000'000);
    uint64_t spent = 0;
    while (steps.spend(10)) spent += 10;
    EXPECT_GE(spent, 2900u);
    EXPECT_LE(spent, 5000u);
    EXPECT_EQ(steps.left(), 0u);
}

}  // namespace
}  // namespace portico
