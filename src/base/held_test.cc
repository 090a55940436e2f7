#include "base/held.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace portico {
namespace {

// Each in a thread of its own: a bound is the thread's.
template <typename F>
void in_a_thread(F f) {
    std::thread(f).join();
}

TEST(Held, AThreadWithoutABoundIsRefusedNothing) {
    in_a_thread([] {
        Held a(Holding::made);
        EXPECT_TRUE(a.set(size_t{1} << 40));
    });
}

TEST(Held, WhatIsBeyondTheBoundIsRefusedAndTheRestStays) {
    in_a_thread([] {
        HeldMemory::here().limit(1000);
        Held a(Holding::request_bodies), b(Holding::documents);
        EXPECT_TRUE(a.set(600));
        EXPECT_FALSE(b.set(401));
        EXPECT_TRUE(b.set(400));
        EXPECT_FALSE(a.set(601));
        EXPECT_TRUE(a.set(100));
        EXPECT_TRUE(b.set(900));
    });
}

TEST(Held, IsGivenBackAtItsEndAndTheSumIsThatOfAllThreads) {
    const uint64_t before = HeldMemory::total(Holding::codings);
    std::optional<Held> kept;
    in_a_thread([&] {
        Held gone(Holding::codings);
        EXPECT_TRUE(gone.set(70));
        EXPECT_EQ(HeldMemory::total(Holding::codings), before + 70);
        EXPECT_TRUE(kept.emplace(Holding::codings).set(30));
    });
    EXPECT_EQ(HeldMemory::total(Holding::codings), before + 30) << "of a thread that is gone";
    kept.reset();
    EXPECT_EQ(HeldMemory::total(Holding::codings), before);
}

TEST(Held, EveryKindHasAWord) {
    for (size_t i = 0; i < static_cast<size_t>(Holding::count_); ++i) EXPECT_NE(word_of(static_cast<Holding>(i)), "");
}

}  // namespace
}  // namespace portico
