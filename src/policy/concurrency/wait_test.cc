#include "policy/concurrency/wait.h"

#include <gtest/gtest.h>

#include <thread>

namespace portico::policy::concurrency {
namespace {

struct HandClock final : Clock {
    Time now() const override { return at; }
    WallTime wall() const override { return {}; }
    Time at = Time{} + std::chrono::seconds(1);
};

class WaitTest : public ::testing::Test {
  protected:
    WaitTest() : loop_(std::move(*io::Loop::make(io::BackendChoice::epoll, clock_))), place_(table_.enter("k")) {}

    static io::Task<void> wait(WaitTest& t, uint32_t room, std::string* outcome) {
        Wait line(*t.loop_, t.table_, "k", room, t.clock_.at + std::chrono::seconds(2));
        if (line.is_refused()) {
            *outcome = "full";
            co_return;
        }
        const bool placed = co_await line;
        *outcome = placed ? "placed" : "late";
        if (placed) t.table_.leave(line.place());
    }

    void turn() { loop_->turn(Duration::zero()); }

    HandClock clock_;
    std::unique_ptr<io::Loop> loop_;
    InFlight table_{HashKey{}, 1};
    InFlight::Entry* place_;
    std::string outcome_;
};

TEST_F(WaitTest, EndsWithThePlaceThatSomebodyLeft) {
    io::Root root;
    root.start(wait(*this, 1, &outcome_), nullptr);
    turn();
    EXPECT_EQ(outcome_, "");
    table_.leave(place_);
    turn();
    EXPECT_EQ(outcome_, "placed");
    EXPECT_EQ(table_.keys(), 0u);
}

TEST_F(WaitTest, EndsWithItsTime) {
    io::Root root;
    root.start(wait(*this, 1, &outcome_), nullptr);
    clock_.at += std::chrono::milliseconds(1900);
    turn();
    EXPECT_EQ(outcome_, "");
    clock_.at += std::chrono::milliseconds(200);
    turn();
    EXPECT_EQ(outcome_, "late");
    table_.leave(place_);
    EXPECT_EQ(table_.keys(), 0u);
}

TEST_F(WaitTest, ThePlaceWinsWhereItsTimeIsOverInTheSameTurn) {
    io::Root root;
    root.start(wait(*this, 1, &outcome_), nullptr);
    table_.leave(place_);
    clock_.at += std::chrono::seconds(3);
    turn();
    EXPECT_EQ(outcome_, "placed");
    EXPECT_EQ(table_.keys(), 0u);
}

TEST_F(WaitTest, FindsTheLineFull) {
    io::Root first, second;
    std::string other;
    first.start(wait(*this, 1, &outcome_), nullptr);
    second.start(wait(*this, 1, &other), nullptr);
    EXPECT_EQ(other, "full");
    first.cancel();
    table_.leave(place_);
    EXPECT_EQ(table_.keys(), 0u);
}

TEST_F(WaitTest, GoesWithItsClient) {
    io::Root root;
    root.start(wait(*this, 1, &outcome_), nullptr);
    root.cancel();
    table_.leave(place_);
    turn();
    EXPECT_EQ(outcome_, "");
    EXPECT_EQ(table_.keys(), 0u);
}

TEST_F(WaitTest, APlaceThatIsGivenToOneWhoIsGoneIsGivenOn) {
    io::Root first, second;
    std::string other;
    first.start(wait(*this, 2, &outcome_), nullptr);
    second.start(wait(*this, 2, &other), nullptr);
    table_.leave(place_);
    first.cancel();  // before the word arrived
    turn();
    turn();
    EXPECT_EQ(outcome_, "");
    EXPECT_EQ(other, "placed");
    EXPECT_EQ(table_.keys(), 0u);
}

// Waiters of one loop come, are served, run out of time and are cancelled while other threads leave.
TEST(WaitOfThreads, EveryPlaceIsGivenBackOnce) {
    static const SystemClock clock;
    auto loop = std::move(*io::Loop::make(io::BackendChoice::epoll, clock));
    InFlight table{HashKey{}, 1};
    std::atomic<bool> over = false;
    std::atomic<int> begun = 0;
    std::vector<std::thread> others;
    for (int t = 0; t < 2; ++t) {
        others.emplace_back([&] {
            for (++begun; !over;) {
                if (auto* place = table.enter("k")) {
                    std::this_thread::yield();
                    table.leave(place);
                }
            }
        });
    }
    while (begun < 2) std::this_thread::yield();
    struct Client {
        static io::Task<void> run(io::Loop& l, InFlight& t, int& served) {
            Wait line(l, t, "k", 8, l.now() + std::chrono::milliseconds(3));
            if (line.is_refused() || !co_await line) co_return;
            ++served;
            t.leave(line.place());
        }
    };
    int served = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::array<io::Root, 4> roots;
        for (io::Root& r : roots) r.start(Client::run(*loop, table, served), nullptr);
        for (int i = 0; i < round % 4; ++i) loop->turn(Duration::zero());
    }
    over = true;
    for (std::thread& t : others) t.join();
    loop->turn(Duration::zero());
    EXPECT_GT(served, 0);
    EXPECT_EQ(table.keys(), 0u);
}

}  // namespace
}  // namespace portico::policy::concurrency
