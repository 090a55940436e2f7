#include "base/fair_queue.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace portico {
namespace {

TEST(FairQueue, TurnsGoFromOneToTheNext) {
    FairQueue<std::string, int> queue(100);
    for (int i = 0; i < 3; ++i) queue.push("greedy", i);
    queue.push("other", 10);
    queue.push("third", 20);
    std::vector<int> order;
    while (auto item = queue.pop()) order.push_back(*item);
    EXPECT_EQ(order, (std::vector<int>{0, 10, 20, 1, 2}));
    EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, WhoHasMostGivesWay) {
    FairQueue<std::string, int> queue(4);
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(queue.push("greedy", i));
    EXPECT_EQ(queue.push("greedy", 4), 4) << "his own finds no place";
    EXPECT_EQ(queue.push("other", 10), 3) << "his youngest";
    EXPECT_EQ(queue.push("other", 11), 2);
    EXPECT_EQ(queue.push("other", 12), 12) << "nobody has more than he would have";
    EXPECT_EQ(queue.push("third", 20), 1);
    std::vector<int> order;
    while (auto item = queue.pop()) order.push_back(*item);
    EXPECT_EQ(order, (std::vector<int>{0, 10, 20, 11}));
}

TEST(FairQueue, WhatNobodyWantsAnyMoreLeavesRoom) {
    FairQueue<int, int> queue(3);
    for (int i = 0; i < 3; ++i) queue.push(i, i);
    queue.erase_if([](int item) { return item != 1; });
    EXPECT_EQ(queue.size(), 1u);
    EXPECT_FALSE(queue.push(0, 5));
    EXPECT_EQ(queue.pop(), 1);
    EXPECT_EQ(queue.pop(), 5);
    EXPECT_FALSE(queue.pop());
}

// Against counting by hand: nothing is lost or doubled, nobody is passed over twice, the bound holds.
TEST(FairQueue, RandomStepsKeepItsPromises) {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        const size_t most = 1 + random() % 8;
        FairQueue<int, int> queue(most);
        std::vector<std::pair<int, int>> waiting;  // who and what
        std::map<int, int> passed_over;
        for (int step = 0; step < 300; ++step) {
            if (random() % 3 != 0) {
                const int who = static_cast<int>(random() % 4);
                const auto gone = queue.push(who, step);
                if (gone != step) waiting.emplace_back(who, step);
                if (gone) std::erase_if(waiting, [&](const auto& w) { return w.second == *gone; });
            } else if (const auto item = queue.pop()) {
                const auto found = std::ranges::find(waiting, *item, &std::pair<int, int>::second);
                ASSERT_NE(found, waiting.end());
                const int who = found->first;
                for (const auto& w : waiting) {
                    ASSERT_TRUE(w.first != who || w.second >= *item) << "the oldest of his first";
                }
                waiting.erase(found);
                passed_over[who] = 0;
                std::map<int, bool> there;
                for (const auto& w : waiting) there[w.first] = true;
                for (int other = 0; other < 4; ++other) {
                    if (other == who) continue;
                    passed_over[other] = there[other] ? passed_over[other] + 1 : 0;
                    ASSERT_LE(passed_over[other], 4);
                }
            }
            ASSERT_EQ(queue.size(), waiting.size());
            ASSERT_LE(queue.size(), most);
        }
    }
}

}  // namespace
}  // namespace portico
