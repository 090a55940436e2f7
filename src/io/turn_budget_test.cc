#include "io/turn_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "io/sim/network.h"

namespace portico::io {
namespace {

using std::chrono::microseconds;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

class Budget : public ::testing::Test {
  protected:
    // One that computes for as long as it is told, at once or when its turn comes; as often as it is told.
    class Worker {
      public:
        Worker(Budget& test, int name, Duration takes = microseconds(100), int times = 1, IpAddress host = {}) : test_(test), host_(host) {
            root_.start(run(name, takes, times), nullptr);
        }

      private:
        Task<void> run(int name, Duration takes, int times) {
            for (; times > 0; --times) {
                if (test_.budget.open()) {
                    const auto spending = test_.budget.spend();
                    test_.compute(name, takes);
                    continue;
                }
                co_await test_.budget.wait(host_);
                test_.compute(name, takes);
            }
        }
        Budget& test_;
        IpAddress host_;
        Root root_;
    };

    void compute(int name, Duration takes) {
        done.push_back(name);
        net.clock().advance(takes);
    }
    Worker& come(int name, Duration takes = microseconds(100)) { return *workers.emplace_back(std::make_unique<Worker>(*this, name, takes)); }
    void come(int first, int last, Duration takes) {
        for (int name = first; name <= last; ++name) come(name, takes);
    }
    // Who computed in this turn.
    std::vector<int> turn() {
        done.clear();
        loop.turn(Duration::zero());
        return done;
    }

    SimNetwork net;
    Loop loop{net.backend(), net.clock()};
    TurnBudget budget{loop, microseconds(500)};
    std::vector<int> done;
    std::vector<std::unique_ptr<Worker>> workers;
};

TEST_F(Budget, who_comes_while_there_is_time_computes_at_once) {
    come(1, 5, microseconds(100));
    EXPECT_THAT(done, ElementsAre(1, 2, 3, 4, 5));
    EXPECT_FALSE(budget.open());
    EXPECT_THAT(turn(), IsEmpty());
    EXPECT_TRUE(budget.open()) << "the next turn has time of its own";
}

TEST_F(Budget, the_others_go_on_in_later_turns_in_the_order_of_coming) {
    come(1, 12, microseconds(100));
    EXPECT_THAT(done, ElementsAre(1, 2, 3, 4, 5));
    EXPECT_THAT(turn(), ElementsAre(6, 7, 8, 9, 10));
    EXPECT_THAT(turn(), ElementsAre(11, 12));
    EXPECT_THAT(turn(), IsEmpty());
}

TEST_F(Budget, the_bound_is_a_time_and_not_a_number) {
    come(0, microseconds(500));
    come(1, 30, microseconds(20));
    come(31, 33, microseconds(450));
    EXPECT_EQ(turn().size(), 25u);
    EXPECT_THAT(turn(), ElementsAre(26, 27, 28, 29, 30, 31)) << "100 µs, and one more that begins before 500";
    EXPECT_THAT(turn(), ElementsAre(32, 33));
}

TEST_F(Budget, one_that_takes_longer_than_a_turn_has_is_served_all_the_same) {
    come(1, 3, microseconds(2000));
    EXPECT_THAT(done, ElementsAre(1));
    EXPECT_THAT(turn(), ElementsAre(2));
    EXPECT_THAT(turn(), ElementsAre(3));
}

TEST_F(Budget, nobody_passes_those_who_stand_in_line) {
    come(1, 6, microseconds(100));
    EXPECT_EQ(done.size(), 5u);
    loop.post([this] { come(7); });  // a new one, before the line has its turn
    EXPECT_THAT(turn(), ElementsAre(6, 7));
}

TEST_F(Budget, a_flood_that_goes_on_starves_nobody) {
    come(0, 99, microseconds(100));
    int next = 100;
    std::vector<int> all = done;
    for (int i = 0; i < 200; ++i) {
        loop.post([&] { come(next, next + 9, microseconds(100)), next += 10; });  // twice as many as a turn serves
        for (const int name : turn()) all.push_back(name);
    }
    std::vector<int> in_order(1005);
    for (size_t i = 0; i < in_order.size(); ++i) in_order[i] = static_cast<int>(i);
    EXPECT_THAT(all, ElementsAreArray(in_order)) << "five a turn, each in its order";
}

TEST_F(Budget, who_leaves_the_line_is_not_woken) {
    come(1, 10, microseconds(100));
    workers[5].reset();
    workers[8].reset();
    EXPECT_THAT(turn(), ElementsAre(7, 8, 10));
    workers.clear();
    EXPECT_TRUE(budget.open());
}

TEST_F(Budget, one_that_goes_on_may_send_others_away) {
    struct Leaver {
        Root root;
        static Task<void> run(TurnBudget& budget, std::vector<std::unique_ptr<Worker>>& workers) {
            co_await budget.wait({});
            workers.clear();
        }
    } leaver;
    come(0, microseconds(500));
    leaver.root.start(Leaver::run(budget, workers), nullptr);
    come(1, 3, microseconds(100));
    EXPECT_THAT(turn(), IsEmpty());
    EXPECT_THAT(turn(), IsEmpty());
}

TEST_F(Budget, a_line_that_everybody_left_begins_anew) {
    come(1, 6, microseconds(100));
    workers.clear();
    EXPECT_THAT(turn(), IsEmpty());
    come(7, 12, microseconds(100));
    EXPECT_EQ(done.size(), 5u);
    EXPECT_THAT(turn(), ElementsAre(12));
}

TEST_F(Budget, what_the_line_spends_is_not_spent_again_in_its_turn) {
    come(1, 6, microseconds(100));
    workers.clear();  // the line is empty, and its turn is still to come
    loop.post([this] { come(11, 16, microseconds(100)); });
    EXPECT_THAT(turn(), ElementsAre(11, 12, 13, 14, 15));
    come(21, 25, microseconds(100));
    EXPECT_THAT(turn(), ElementsAre(16, 21, 22, 23, 24));
}

TEST_F(Budget, what_the_line_leaves_of_a_turn_others_may_spend) {
    come(1, 7, microseconds(100));
    EXPECT_THAT(turn(), ElementsAre(6, 7));
    come(8, 12, microseconds(100));
    EXPECT_THAT(done, ElementsAre(6, 7, 8, 9, 10));
}

// A connection whose next request is here already asks again before it returns.
TEST_F(Budget, one_that_goes_on_and_asks_again_stands_in_line_again) {
    come(0, microseconds(500));
    const Worker alone(*this, 1, microseconds(100), 20);
    EXPECT_THAT(turn(), ElementsAre(1, 1, 1, 1, 1));
    EXPECT_THAT(turn(), ElementsAre(1, 1, 1, 1, 1));
}

// A60's kind: who asks a thousand times waits for himself.
TEST_F(Budget, hosts_have_turns_one_after_the_other) {
    come(0, microseconds(500));
    come(1, 8, microseconds(250));
    const Worker other(*this, 100, microseconds(250), 1, IpAddress::v4(2));
    const Worker third(*this, 200, microseconds(250), 1, IpAddress::v4(3));
    EXPECT_THAT(turn(), ElementsAre(1, 100));
    EXPECT_THAT(turn(), ElementsAre(200, 2));
    EXPECT_THAT(turn(), ElementsAre(3, 4));
}

TEST_F(Budget, a_line_that_goes_before_its_turn_is_not_served) {
    std::optional<TurnBudget> other(std::in_place, loop, Duration::zero());
    Root root;
    bool served = false;
    struct One {
        static Task<void> run(TurnBudget& budget, bool& served) {
            co_await budget.wait({});
            served = true;
        }
    };
    root.start(One::run(*other, served), nullptr);
    root.cancel();
    other.reset();
    turn();
    turn();
    EXPECT_FALSE(served);
}

// What everybody else waits, whatever the flood: the turn that it is in.
TEST_F(Budget, a_turn_of_a_loop_takes_the_bound_and_one_computation_at_most) {
    come(0, 999, microseconds(90));
    size_t turns = 0;
    for (; !budget.open(); ++turns) {
        const Time began = net.clock().now();
        loop.turn(Duration::zero());
        ASSERT_LE(net.clock().now() - began, microseconds(500 + 90));
    }
    EXPECT_EQ(turns, 166u);
}

}  // namespace
}  // namespace portico::io
