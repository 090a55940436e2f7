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

TEST(Held, AHostMayHoldThreeTimesWhatIsLeftAndTheNextOneThatOfTheRest) {
    in_a_thread([] {
        HeldMemory::here().limit(1600);
        Holder first(*IpAddress::parse("192.0.2.1")), second(*IpAddress::parse("192.0.2.2"));
        const auto take = [](Holder* holder, Held& held, size_t bytes) {
            const Holder::Current current(holder);
            return held.set(bytes);
        };
        Held a(Holding::request_bodies), b(Holding::documents), c(Holding::made), nobodys(Holding::made);
        EXPECT_TRUE(HeldMemory::here().may_ever_hold(1200));
        EXPECT_FALSE(HeldMemory::here().may_ever_hold(1204));
        EXPECT_FALSE(HeldMemory::here().may_ever_hold(5000));
        EXPECT_TRUE(take(&first, a, 700));
        EXPECT_FALSE(take(&first, b, 504)) << "1204 of which 396 would be left";
        EXPECT_TRUE(take(&first, b, 500));
        EXPECT_TRUE(take(&second, c, 300));
        EXPECT_FALSE(take(&second, c, 304)) << "304 of which 96 would be left: what it holds already counts";
        EXPECT_FALSE(HeldMemory::here().has_room(1, &first.host()));
        EXPECT_TRUE(nobodys.set(100)) << "the whole alone bounds it";
        nobodys.set(0);
        b.set(0);
        EXPECT_TRUE(take(&second, c, 600)) << "as soon as there is more left";
        // Once it is given back it is nobody's, whoever took it before.
        a.set(0);
        EXPECT_TRUE(take(&second, a, 60));
        EXPECT_EQ(first.host().bytes, 0U);
        EXPECT_EQ(second.host().bytes, 660U);
    });
}

TEST(Held, OfAHostNothingIsKeptOnceItHoldsNothingAndNobodyHoldsForIt) {
    in_a_thread([] {
        Held kept(Holding::documents);
        {
            Holder holder(*IpAddress::parse("192.0.2.1")), unused(*IpAddress::parse("192.0.2.2"));
            EXPECT_EQ(HeldMemory::here().hosts(), 0U) << "before something is taken";
            const Holder::Current current(&holder);
            EXPECT_TRUE(kept.set(10));
        }
        EXPECT_EQ(HeldMemory::here().hosts(), 1U) << "what it took lives longer than it";
        kept.set(5);
        EXPECT_EQ(HeldMemory::here().hosts(), 1U);
        kept.set(0);
        EXPECT_EQ(HeldMemory::here().hosts(), 0U);
    });
}

TEST(Held, EveryKindHasAWord) {
    for (size_t i = 0; i < static_cast<size_t>(Holding::count_); ++i) EXPECT_NE(word_of(static_cast<Holding>(i)), "");
}

}  // namespace
}  // namespace portico
