#include "redis/client.h"

#include "redis/redis_fixture.h"

namespace portico::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kSoon = milliseconds(5);

class SingleServer : public OnSim {
  protected:
    // A client that is connected and greeted.
    void start(std::string_view url = "redis://10.0.0.2:6379", Options options = {}) {
        client = make(url, std::move(options));
        client->connect();
        greet();
    }
    void greet() {
        settle();
        server->last().commands.clear();
        server->last().reads.clear();
        server->last().say("+OK\r\n");
        settle();
    }
    std::unique_ptr<Caller> get(const char* key, Duration timeout = kSoon) {
        return std::make_unique<Caller>(*client, Words{"GET", key}, in(timeout));
    }
    std::unique_ptr<FakeServer> server = std::make_unique<FakeServer>(net, loop, "10.0.0.2:6379");
    std::unique_ptr<Client> client;
};

TEST_F(SingleServer, CommandsOfOneTurnGoOutInOneWriteAndAreAnsweredInOrder) {
    start();
    auto a = get("a"), b = get("b"), c = get("c");
    settle();
    ASSERT_THAT(server->last().reads, ElementsAre(wire({"GET", "a"}) + wire({"GET", "b"}) + wire({"GET", "c"})));
    server->last().say("$1\r\n1\r\n:2\r\n$-1\r\n");
    settle();
    EXPECT_EQ(a->said(), "1");
    EXPECT_EQ(b->said(), "2");
    EXPECT_EQ(c->said(), "nil");
    EXPECT_EQ(client->counters().writes, 1u);
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(SingleServer, ALateReplyIsConsumedInItsTurn) {
    start();
    auto a = get("a"), b = get("b", seconds(1));
    settle();
    pass(milliseconds(6));
    EXPECT_EQ(a->said(), "store.timeout");
    EXPECT_EQ(b->said(), "-");
    server->last().say("$4\r\nlate\r\n$3\r\nyes\r\n");
    settle();
    EXPECT_EQ(b->said(), "yes");
    EXPECT_EQ(client->counters().late, 1u);
    EXPECT_EQ(client->counters().timeouts, 1u);
}

TEST_F(SingleServer, ABrokenConnectionFailsWhatWasSentAndSendsNothingTwice) {
    start();
    auto a = get("a", seconds(1)), b = get("b", seconds(1));
    settle();
    server->last().say("$1\r\n1\r\n$100\r\nhalf");
    settle();
    server->last().hang_up();
    settle();
    EXPECT_EQ(a->said(), "1");
    EXPECT_EQ(b->said(), "store.unavailable");
    ASSERT_EQ(server->connections(), 2u);
    greet();
    EXPECT_TRUE(server->last().commands.empty());
    auto c = get("c");
    settle();
    EXPECT_THAT(server->last().commands, ElementsAre(Words{"GET", "c"}));
}

TEST_F(SingleServer, ACallerMayLeaveAtAnyTime) {
    start();
    auto a = get("a"), b = get("b"), c = get("c");
    b.reset();  // before it was sent
    settle();
    a.reset();  // after
    server->last().say("+A\r\n+C\r\n");
    settle();
    EXPECT_EQ(c->said(), "C");
    EXPECT_EQ(server->last().commands.size(), 2u);
}

TEST_F(SingleServer, CommandsWaitForAConnectionNoLongerThanTheirDeadline) {
    client = make("redis://10.0.0.2:6379");
    auto a = get("a"), b = get("b", seconds(1));
    settle();
    pass(milliseconds(6));
    EXPECT_EQ(a->said(), "store.timeout");
    greet();
    EXPECT_THAT(server->last().commands, ElementsAre(Words{"GET", "b"}));
}

TEST_F(SingleServer, TheBreakerOpensAndAProbeClosesIt) {
    start();
    std::vector<std::unique_ptr<Caller>> slow;
    for (int i = 0; i < 3; ++i) slow.push_back(get("a"));
    pass(milliseconds(6));
    EXPECT_EQ(client->state(), State::open);
    const uint64_t turn = loop.turns();
    auto refused = get("b");
    EXPECT_EQ(refused->said(), "store.unavailable");
    EXPECT_EQ(loop.turns(), turn);
    EXPECT_EQ(client->counters().refused, 1u);
    pass(milliseconds(21));
    EXPECT_EQ(server->last().commands.back(), Words{"PING"});
    server->last().say("+a\r\n+a\r\n+a\r\n+PONG\r\n");
    settle();
    EXPECT_EQ(client->state(), State::connected);
    EXPECT_EQ(client->counters().late, 3u);
    EXPECT_THAT(states, ElementsAre(State::connecting, State::connected, State::open, State::connected));
}

TEST_F(SingleServer, AScriptThatTheServerLacksIsSentOnce) {
    start();
    const Script script("return 1");
    Caller a(*client, script, {"k"}, {"1"}, in(kSoon)), b(*client, script, {"k"}, {"2"}, in(kSoon));
    settle();
    EXPECT_EQ(server->last().commands.at(0), (Words{"EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "1", "k", "1"}));
    server->last().commands.clear();
    server->last().say("-NOSCRIPT No matching script.\r\n-NOSCRIPT No matching script.\r\n");
    settle();
    EXPECT_THAT(server->last().commands, ElementsAre(Words{"EVAL", "return 1", "1", "k", "1"},
                                                     Words{"EVALSHA", script.digest(), "1", "k", "2"}));
    server->last().say(":1\r\n:2\r\n");
    settle();
    EXPECT_EQ(a.said(), "1");
    EXPECT_EQ(b.said(), "2");
    EXPECT_EQ(client->counters().reloads, 1u);
}

}  // namespace
}  // namespace portico::redis
