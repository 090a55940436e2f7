#include "policy/rate_limit/key_queue.h"

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
    void SetUp() override {
        start();
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

TEST_F(KeyQueueOnSim, A36_what_comes_while_a_command_is_on_its_way_goes_with_the_next) {
    auto first = ask("c");
    settle();
    auto second = ask_times("c", 2);
    auto third = ask("c", 9);
    settle();
    EXPECT_THAT(costs(), ElementsAre("1"));
    answer(1);
    EXPECT_EQ(first->said(), "passes");
    EXPECT_EQ(second[0]->said(), "-");
    EXPECT_EQ(costs().size(), 1u);
    answer(1);
    EXPECT_EQ(second[0]->said(), "passes");
    EXPECT_EQ(second[1]->said(), "refused");
}

TEST_F(KeyQueueOnSim, ACommandIsBounded) {
    auto all = ask_times("c", most_in_one_command(limit.limit) + 2);
    settle();
    EXPECT_EQ(costs().size(), 1u);
    answer(5);
    EXPECT_EQ(all[most_in_one_command(limit.limit) - 1]->said(), "refused");
    EXPECT_EQ(all[most_in_one_command(limit.limit)]->said(), "-");
    EXPECT_THAT(costs(), ElementsAre("1,1"));
    answer(0);
    EXPECT_EQ(all[most_in_one_command(limit.limit) + 1]->said(), "refused");
}

TEST_F(KeyQueueOnSim, A36_a_command_is_bounded_by_the_work_that_it_is) {
    EXPECT_EQ(most_in_one_command(limit_with(1, false)), 32u);
    EXPECT_EQ(most_in_one_command(limit_with(6, false)), 5u);
    EXPECT_EQ(most_in_one_command(limit_with(kMaxWindows, true)), 2u);
}

TEST_F(KeyQueueOnSim, OneThatLeavesTakesNobodyAlongAndIsNotCountedBeforeItIsAsked) {
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
    auto sent = ask_times("c", 2);
    settle();
    auto gathering = ask_times("c", 2);
    auto told = ask_times("d", 1);
    settle();
    queues.reset();
    pass(1s);
    EXPECT_EQ(sent[0]->said(), "-");
    EXPECT_EQ(told[0]->said(), "-");
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
