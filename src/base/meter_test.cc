#include "base/meter.h"

#include <gtest/gtest.h>

namespace portico {
namespace {

// Counts what it is told, and allows so much.
class Counting final : public Meter {
  public:
    explicit Counting(uint64_t most) : most_(most) { current_ = this; }
    ~Counting() { current_ = nullptr; }
    uint64_t told = 0;

  private:
    bool more(uint64_t steps) override {
        told += steps;
        return told <= most_;
    }
    uint64_t most_;
};

TEST(Meter, WhereNobodyCountsAStepIsFree) { EXPECT_TRUE(Meter::spend(UINT64_MAX)); }

TEST(Meter, WhoCountsIsToldOfEachStepThatHeHasNotGranted) {
    Counting meter(10);
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
    Counting meter(UINT64_MAX);
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
    Counting meter(3000);
    Steps steps(1'000'000);
    uint64_t spent = 0;
    while (steps.spend(10)) spent += 10;
    EXPECT_GE(spent, 2900u);
    EXPECT_LE(spent, 5000u);
    EXPECT_EQ(steps.left(), 0u);
}

}  // namespace
}  // namespace portico
