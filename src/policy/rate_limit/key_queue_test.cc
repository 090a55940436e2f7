#include "policy/rate_limit/key_queue.h"

#include <random>

#include "redis/redis_fixture.h"

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// One request that waits.
class Request {
  public:
    Request(KeyQueues& queues, redis::Client& client, const CountedLimit& limit, std::string key, uint64_t cost = 1)
        : key_(std::move(key)) {
        root_.start(ask(queues, client, limit, cost), nullptr);
    }
    bool done() const { return counted_.has_value(); }
    const Decision& decision() const { return *counted_->decision; }
    std::string said() const {
        if (!done()) return "-";
        if (!counted_->decision) return std::string(counted_->decision.error().code());
        return decision().admitted ? "passes" : "refused";
    }

  private:
    io::Task<void> ask(KeyQueues& queues, redis::Client& client, const CountedLimit& limit, uint64_t cost) {
        counted_ = co_await queues.count(client, 5ms, limit, key_, cost);
    }
    std::string key_;
    std::optional<Counted> counted_;
    io::Root root_;
};

Limit limit_with(size_t windows, bool charge_refused) {
    return {.name = "l", .windows = std::vector<Window>(windows), .charge_refused = charge_refused};
}

class KeyQueueOnSim : public redis::SingleServer {
  protected:
    void SetUp() override { restart_with_share(redis::Options().max_in_flight); }
    // The store may have so much work of this worker at a time.
    void restart_with_share(uint32_t work) {
        queues.reset();
        client.reset();
        redis::Options options;
        options.max_in_flight = work;
        start("redis://10.0.0.2:6379", options);
        queues = std::make_unique<KeyQueues>(loop, HashKey{});
    }
    std::unique_ptr<Request> ask(std::string key, uint64_t cost = 1) {
        return std::make_unique<Request>(*queues, *client, limit, std::move(key), cost);
    }
    std::vector<std::unique_ptr<Request>> ask_times(std::string key, size_t count) {
        std::vector<std::unique_ptr<Request>> all;
        for (size_t i = 0; i < count; ++i) all.push_back(ask(key));
        return all;
    }
    // Answers the oldest command: so many of its requests pass.
    void answer(size_t passing) {
        ASSERT_FALSE(server->last().commands.empty());
        const redis::Words words = server->last().commands.front();
        server->last().commands.pop_front();
        const auto count = static_cast<size_t>(std::ranges::count(words[5], ',')) + 1;
        std::string reply = "*" + std::to_string(1 + 4 * count) + "\r\n$" + std::to_string(words.back().size()) + "\r\n" + words.back() + "\r\n";
        for (size_t i = 0; i < count; ++i) {
            reply += i < passing ? ":1\r\n:" + std::to_string(i + 1) + "\r\n:0\r\n:900\r\n" : ":0\r\n:5\r\n:900\r\n:900\r\n";
        }
        server->last().say(reply);
        settle();
    }
    // A server that answers at once is given as much as it may have.
    void warm_up() {
        std::vector<std::unique_ptr<Request>> all;
        for (int i = 0; i < 500; ++i) all.push_back(ask("w" + std::to_string(i)));
        settle();
        while (!server->last().commands.empty()) answer(0);
    }
    std::vector<size_t> requests() {
        std::vector<size_t> all;
        for (const std::string& asked : costs()) all.push_back(static_cast<size_t>(std::ranges::count(asked, ',')) + 1);
        return all;
    }
    std::vector<std::string> costs() {
        std::vector<std::string> all;
        for (const redis::Words& words : server->last().commands) all.push_back(words[5]);
        return all;
    }
    CountedLimit limit{{.name = "l", .windows = {{5, 1s}}}};
    std::unique_ptr<KeyQueues> queues;
};

TEST_F(KeyQueueOnSim, A36_requests_of_one_key_in_one_turn_are_asked_in_one_command) {
    auto all = ask_times("c", 7);
    auto other = ask_times("d", 1);
    settle();
    EXPECT_THAT(costs(), ElementsAre("1,1,1,1,1,1,1", "1"));
    answer(5);
    for (size_t i = 0; i < 7; ++i) EXPECT_EQ(all[i]->said(), i < 5 ? "passes" : "refused");
    EXPECT_EQ(all[0]->decision().deciding().remaining, 4u);
    EXPECT_EQ(all[4]->decision().deciding().remaining, 0u);
    EXPECT_EQ(all[6]->decision().retry_after, 900us);
}

TEST_F(KeyQueueOnSim, EachTurnsRequestsAreOneCommandAndNeedNotWaitForTheLastOnes) {
    auto first = ask("c");
    settle();
    auto second = ask_times("c", 2);
    auto third = ask("c", 9);
    settle();
    EXPECT_THAT(costs(), ElementsAre("1", "1,1,9"));
    answer(1);
    EXPECT_EQ(first->said(), "passes");
    EXPECT_EQ(second[0]->said(), "-");
    answer(1);
    EXPECT_EQ(second[0]->said(), "passes");
    EXPECT_EQ(second[1]->said(), "refused");
    EXPECT_EQ(third->said(), "refused");
}

TEST_F(KeyQueueOnSim, A36_what_one_key_has_with_the_store_is_bounded_and_the_rest_gathers) {
    warm_up();
    const size_t most = most_asked_at_once(limit.limit);
    auto early = ask_times("c", 20);
    settle();
    auto late = ask_times("c", most);
    settle();
    auto later = ask_times("c", 5);
    settle();
    EXPECT_THAT(requests(), ElementsAre(20, most - 20));
    answer(5);
    EXPECT_EQ(early[19]->said(), "refused");
    EXPECT_THAT(requests(), ElementsAre(most - 20, 20));
    answer(0);
    // Those that gathered meanwhile are one command.
    EXPECT_THAT(requests(), ElementsAre(20, 5));
    EXPECT_EQ(late[most - 21]->said(), "refused");
    EXPECT_EQ(late[most - 20]->said(), "-");
    answer(0);
    answer(0);
    EXPECT_EQ(late[most - 1]->said(), "refused");
    EXPECT_EQ(later[4]->said(), "refused");
}

// A server begins with little work: of these keys, "c" stands in line behind others, and its later requests would only make that longer.
TEST_F(KeyQueueOnSim, A36_behind_a_command_that_stands_in_line_the_next_ones_of_its_key_gather) {
    auto others = ask_times("a", redis::Pace::kLeast);
    settle();
    std::vector<std::unique_ptr<Request>> all;
    for (int turn = 0; turn < 5; ++turn) {
        all.push_back(ask("c"));
        settle();
    }
    EXPECT_THAT(requests(), ElementsAre(redis::Pace::kLeast));
    answer(1);
    EXPECT_THAT(requests(), ElementsAre(1));
    answer(1);
    EXPECT_EQ(all[0]->said(), "passes");
    EXPECT_THAT(requests(), ElementsAre(4));
    answer(4);
    EXPECT_EQ(all[4]->said(), "passes");
}

// A store may take as long for a small command as for a large one.
TEST_F(KeyQueueOnSim, A36_what_one_key_has_with_the_store_is_in_few_commands) {
    warm_up();
    std::vector<std::unique_ptr<Request>> all;
    for (size_t turn = 0; turn < kMostCommandsOfAKey + 9; ++turn) {
        all.push_back(ask("c"));
        settle();
    }
    EXPECT_THAT(requests(), ElementsAre(1, 1, 1, 1));
    answer(1);
    EXPECT_THAT(requests(), ElementsAre(1, 1, 1, 9));
}

TEST_F(KeyQueueOnSim, ACommandIsBounded) {
    auto all = ask_times("c", most_asked_at_once(limit.limit) + 2);
    settle();
    EXPECT_EQ(costs().size(), 1u);
    answer(5);
    EXPECT_EQ(all[most_asked_at_once(limit.limit) - 1]->said(), "refused");
    EXPECT_EQ(all[most_asked_at_once(limit.limit)]->said(), "-");
    EXPECT_THAT(costs(), ElementsAre("1,1"));
    answer(0);
    EXPECT_EQ(all[most_asked_at_once(limit.limit) + 1]->said(), "refused");
}

// A server's share is what its client may have with it at a time: a command of more would go beyond it.
TEST_F(KeyQueueOnSim, A36_a_command_keeps_to_its_workers_share) {
    restart_with_share(8);
    auto all = ask_times("c", 20);
    settle();
    EXPECT_THAT(requests(), ElementsAre(8));
    answer(0);
    EXPECT_THAT(requests(), ElementsAre(8));
    answer(0);
    EXPECT_THAT(requests(), ElementsAre(4));
    answer(0);
    EXPECT_EQ(all[19]->said(), "refused");
}

// However few windows' work a share is, one request is asked.
TEST_F(KeyQueueOnSim, A36_a_share_below_one_request_asks_for_one) {
    restart_with_share(1);
    limit.limit.charge_refused = true;
    auto all = ask_times("c", 2);
    settle();
    EXPECT_THAT(requests(), ElementsAre(1));
}

// A store that takes 4 ms of its 5 for each command serves 25 in 100 ms: those that stood behind them for longer than 250 ms are told so.
TEST_F(KeyQueueOnSim, A36_nobody_waits_longer_than_a_quarter_of_a_second_behind_his_own_key) {
    restart_with_share(1);
    auto all = ask_times("c", 100);
    settle();
    for (int i = 0; i < 62; ++i) {
        pass(4ms);
        answer(1);
    }
    EXPECT_EQ(all[61]->said(), "passes");
    EXPECT_EQ(all[62]->said(), "-");
    pass(4ms);
    answer(1);
    EXPECT_EQ(all[62]->said(), "passes");
    for (size_t i = 63; i < 100; ++i) EXPECT_EQ(all[i]->said(), "store.overload") << i;
    EXPECT_EQ(client->counters().overloads, 37u);
    EXPECT_TRUE(costs().empty());
}

TEST_F(KeyQueueOnSim, A36_a_command_is_bounded_by_the_work_that_it_is) {
    EXPECT_EQ(most_asked_at_once(limit_with(1, false)), 32u);
    EXPECT_EQ(most_asked_at_once(limit_with(6, false)), 5u);
    EXPECT_EQ(most_asked_at_once(limit_with(kMaxWindows, true)), 2u);
}

TEST_F(KeyQueueOnSim, OneThatLeavesTakesNobodyAlongAndIsNotCountedBeforeItIsAsked) {
    restart_with_share(3);
    auto all = ask_times("c", 3);
    settle();
    auto next = ask_times("c", 2);
    settle();
    all[1].reset();
    next[0].reset();
    answer(2);
    EXPECT_EQ(all[0]->said(), "passes");
    EXPECT_EQ(all[2]->said(), "refused");
    EXPECT_THAT(costs(), ElementsAre("1"));
    next[1].reset();
    answer(1);
    auto again = ask_times("c", 1);
    again.clear();
    settle();
    EXPECT_TRUE(costs().empty());
}

TEST_F(KeyQueueOnSim, AStoreThatFailsIsToldToAllWhoWait) {
    restart_with_share(3);
    auto all = ask_times("c", 3);
    settle();
    auto next = ask_times("c", 2);
    pass(6ms);
    for (const auto& request : all) EXPECT_EQ(request->said(), "store.timeout");
    // Their own command has its own time.
    EXPECT_EQ(next[0]->said(), "-");
    pass(6ms);
    EXPECT_EQ(next[1]->said(), "store.timeout");
}

TEST_F(KeyQueueOnSim, LimitsOfOtherNumbersAreAskedForApart) {
    const CountedLimit gold{{.name = "l", .windows = {{50, 1s}}}};
    Request a(*queues, *client, limit, "c"), b(*queues, *client, gold, "c");
    settle();
    EXPECT_EQ(costs().size(), 2u);
}

TEST_F(KeyQueueOnSim, TheQueuesMayGoWhileRequestsWait) {
    restart_with_share(2);
    auto sent = ask_times("c", 2);
    settle();
    auto gathering = ask_times("c", 2);
    settle();
    auto due = ask_times("d", 1);  // to be asked for at the end of this turn
    queues.reset();
    pass(1s);
    EXPECT_EQ(sent[0]->said(), "-");
    EXPECT_EQ(gathering[0]->said(), "-");
    EXPECT_EQ(due[0]->said(), "-");
}

// Random requests, leavings and answers of a few keys, until the store is late: at the end nobody who stayed waits.
TEST_F(KeyQueueOnSim, RandomStepsLoseNobody) {
    for (uint32_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        std::minstd_rand random(seed);
        const auto up_to = [&](size_t most) { return random() % (most + 1); };
        restart_with_share(static_cast<uint32_t>(1 + up_to(39)));
        std::vector<std::unique_ptr<Request>> all;
        // Once the store was late it is probed, and asked nothing else.
        for (int step = 0; step < 120 && client->counters().timeouts == 0; ++step) {
            switch (up_to(5)) {
                case 0:
                case 1:
                    for (size_t n = up_to(20); n > 0; --n) all.push_back(ask("k" + std::to_string(up_to(2)), 1 + up_to(2)));
                    break;
                case 2:
                    if (!all.empty()) all.erase(all.begin() + static_cast<ptrdiff_t>(up_to(all.size() - 1)));
                    break;
                case 3:
                    if (!server->last().commands.empty()) answer(up_to(3));
                    break;
                case 4: settle(); break;
                default: pass(std::chrono::microseconds(up_to(1500))); break;
            }
        }
        pass(1s);
        for (const auto& request : all) ASSERT_TRUE(request->done());
        if (seed % 3 == 0) queues.reset();
        all.clear();
        settle();
    }
}

TEST_F(KeyQueueOnSim, ThousandsOfKeysComeAndGo) {
    std::vector<std::unique_ptr<Request>> all;
    for (int round = 0; round < 2; ++round) {
        all.clear();
        for (int i = 0; i < 2000; ++i) all.push_back(ask("k" + std::to_string(i)));
        settle();
        while (!server->last().commands.empty()) answer(1);
        for (const auto& request : all) EXPECT_EQ(request->said(), "passes");
    }
}

}  // namespace
}  // namespace portico::policy::rate_limit
