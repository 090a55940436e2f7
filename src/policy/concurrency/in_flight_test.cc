#include "policy/concurrency/in_flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

namespace portico::policy::concurrency {
namespace {

using Turn = InFlight::Turn;

struct Person final : InFlight::Waiter {
    void on_place() override { placed = true; }
    std::atomic<bool> placed = false;
};

TEST(InFlight, AdmitsAsManyOfAKeyAsTheLimitSays) {
    InFlight table{HashKey{}, 2};
    auto* first = table.enter("a");
    ASSERT_NE(first, nullptr);
    EXPECT_NE(table.enter("a"), nullptr);
    EXPECT_EQ(table.enter("a"), nullptr);
    EXPECT_NE(table.enter("b"), nullptr);
    table.leave(first);
    EXPECT_NE(table.enter("a"), nullptr);
}

TEST(InFlight, KeepsNothingOfAKeyThatNobodyUses) {
    InFlight table{HashKey{}, 1};
    auto* place = table.enter("a");
    EXPECT_EQ(table.keys(), 1u);
    Person person;
    EXPECT_EQ(table.enter_or_wait("a", 1, person), Turn::waits);
    EXPECT_TRUE(table.withdraw(person));
    table.leave(place);
    EXPECT_EQ(table.keys(), 0u);
}

TEST(InFlight, ServesTheLineInItsOrder) {
    InFlight table{HashKey{}, 1};
    auto* place = table.enter("a");
    std::deque<Person> line(3);
    for (Person& p : line) EXPECT_EQ(table.enter_or_wait("a", 3, p), Turn::waits);
    for (size_t i = 0; i < line.size(); ++i) {
        for (size_t j = 0; j < line.size(); ++j) EXPECT_EQ(line[j].placed, j < i);
        table.leave(place);
        place = line[i].entry();
    }
    table.leave(place);
    EXPECT_EQ(table.keys(), 0u);
}

TEST(InFlight, TurnsAwayWhoFindsTheLineFull) {
    InFlight table{HashKey{}, 1};
    ASSERT_NE(table.enter("a"), nullptr);
    Person first, second;
    EXPECT_EQ(table.enter_or_wait("a", 1, first), Turn::waits);
    EXPECT_EQ(table.enter_or_wait("a", 1, second), Turn::refused);
    EXPECT_TRUE(table.withdraw(first));
}

TEST(InFlight, NobodyPassesThoseWhoWait) {
    InFlight table{HashKey{}, 1};
    auto* place = table.enter("a");
    Person first;
    ASSERT_EQ(table.enter_or_wait("a", 5, first), Turn::waits);
    table.leave(place);
    EXPECT_TRUE(first.placed);
    EXPECT_EQ(table.enter("a"), nullptr);
    EXPECT_FALSE(table.withdraw(first));
    table.leave(first.entry());
    EXPECT_EQ(table.keys(), 0u);
}

TEST(InFlight, OneWhoLeavesTheLineLetsTheNextMoveUp) {
    InFlight table{HashKey{}, 1};
    auto* place = table.enter("a");
    Person first, second;
    ASSERT_EQ(table.enter_or_wait("a", 5, first), Turn::waits);
    ASSERT_EQ(table.enter_or_wait("a", 5, second), Turn::waits);
    EXPECT_TRUE(table.withdraw(first));
    table.leave(place);
    EXPECT_TRUE(second.placed);
    table.leave(second.entry());
}

TEST(InFlight, AHigherLimitAdmitsThoseWhoWait) {
    InFlight table{HashKey{}, 1};
    auto* place = table.enter("a");
    Person first, second;
    ASSERT_EQ(table.enter_or_wait("a", 5, first), Turn::waits);
    ASSERT_EQ(table.enter_or_wait("a", 5, second), Turn::waits);
    table.adopt_limit(2);
    EXPECT_TRUE(first.placed);
    EXPECT_FALSE(second.placed);
    table.adopt_limit(4);
    EXPECT_NE(table.enter("a"), nullptr);
    EXPECT_TRUE(second.placed);
    EXPECT_EQ(table.in_flight("a"), 4u);
    table.leave(place);
}

TEST(InFlight, ALowerLimitCountsThoseWhoAreThere) {
    InFlight table{HashKey{}, 3};
    std::vector<InFlight::Entry*> places;
    for (int i = 0; i < 3; ++i) places.push_back(table.enter("a"));
    table.adopt_limit(1);
    EXPECT_EQ(table.enter("a"), nullptr);
    table.leave(places[0]);
    table.leave(places[1]);
    EXPECT_EQ(table.enter("a"), nullptr);
    table.leave(places[2]);
    EXPECT_NE(table.enter("a"), nullptr);
}

TEST(InFlight, ALowerLimitHoldsForThoseWhoWaitToo) {
    InFlight table{HashKey{}, 2};
    std::vector<InFlight::Entry*> places = {table.enter("a"), table.enter("a")};
    Person person;
    ASSERT_EQ(table.enter_or_wait("a", 1, person), Turn::waits);
    table.adopt_limit(1);
    table.leave(places[0]);
    EXPECT_FALSE(person.placed);
    table.leave(places[1]);
    EXPECT_TRUE(person.placed);
    table.leave(person.entry());
    EXPECT_EQ(table.keys(), 0u);
}

// Threads that come, wait, give up and leave at once: never more than the limit are in, and in the end nobody is.
TEST(InFlight, HoldsItsLimitUnderManyThreads) {
    constexpr uint32_t kLimit = 3;
    constexpr int kThreads = 4, kRounds = 5'000;
    InFlight table{HashKey{}, kLimit};
    std::array<std::atomic<uint32_t>, 4> inside{};
    std::atomic<uint32_t> most = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kRounds; ++i) {
                const size_t k = static_cast<size_t>(i + t) % inside.size();
                const std::string key = "key" + std::to_string(k);
                Person person;
                InFlight::Entry* place = i % 3 == 0 ? table.enter(key) : nullptr;
                if (place == nullptr) {
                    const Turn turn = table.enter_or_wait(key, 2, person);
                    if (turn == Turn::refused) continue;
                    place = person.entry();
                    if (turn == Turn::waits) {
                        for (int spin = 0; spin < i % 50 && !person.placed; ++spin) std::this_thread::yield();
                        if (table.withdraw(person)) continue;
                    }
                }
                const uint32_t now = ++inside[k];
                uint32_t seen = most;
                while (now > seen && !most.compare_exchange_weak(seen, now)) {
                }
                if (i % 7 == 0) std::this_thread::yield();
                --inside[k];
                table.leave(place);
            }
        });
    }
    for (std::thread& t : threads) t.join();
    EXPECT_LE(most, kLimit);
    EXPECT_EQ(table.keys(), 0u);
}

}  // namespace
}  // namespace portico::policy::concurrency
