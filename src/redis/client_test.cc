#include "redis/client.h"

#include "redis/redis_fixture.h"

namespace portico::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

TEST_F(SingleServer, TheGreetingSignsInChoosesAndNames) {
    client = make("redis://user:secret@10.0.0.2:6379/7");
    client->connect();
    settle();
    EXPECT_THAT(server->last().commands, ElementsAre(Words{"AUTH", "user", "secret"}, Words{"SELECT", "7"},
                                                     Words{"CLIENT", "SETNAME", "portico"}));
    EXPECT_EQ(server->last().reads.size(), 1u);
    EXPECT_EQ(client->state(), State::connecting);
    server->last().say("+OK\r\n+OK\r\n-NOPERM no names for you\r\n");
    settle();
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(SingleServer, ARefusedGreetingIsTriedAgainWithBackoffAndNeverTwiceAtOnce) {
    client = make("redis://:secret@10.0.0.2:6379");
    auto a = get("a", seconds(1));
    settle();
    server->last().say("-WRONGPASS invalid username-password pair\r\n");
    settle();
    EXPECT_EQ(a->said(), "store.unavailable");
    // T41: in the server's own words, and for each question.
    EXPECT_EQ(a->context(), "AUTH refused: WRONGPASS invalid username-password pair");
    EXPECT_EQ(get("a")->context(), "not connected: AUTH refused: WRONGPASS invalid username-password pair");
    EXPECT_EQ(server->connections(), 1u);
    pass(milliseconds(21));
    EXPECT_EQ(server->connections(), 2u);
}

TEST_F(SingleServer, T41_a_refusal_that_repeats_the_password_is_told_by_its_first_word) {
    for (const std::string_view words : {"ERR unknown command `AUTH`, with args beginning with: `hunter2`,", "ERR wrong password hunter2 given",
                                         "ERR unknown command 'AUTH'"}) {
        client = make("redis://:hunter2@10.0.0.2:6379/3");
        auto a = get("a", seconds(1));
        settle();
        server->last().say("-" + std::string(words) + "\r\n");
        settle();
        EXPECT_EQ(a->context(), "AUTH refused: ERR") << words;
    }
    client = make("redis://10.0.0.2:6379/3");
    auto a = get("a", seconds(1));
    settle();
    server->last().say("-NOPERM this user has no permissions to run the 'select' command\r\n");
    settle();
    EXPECT_EQ(a->context(), "SELECT refused: NOPERM this user has no permissions to run the 'select' command");
}

TEST_F(SingleServer, AttemptsAtAServerThatIsAwayGrowRare) {
    server.reset();
    client = make("redis://10.0.0.2:6379");
    client->connect();
    settle();
    uint64_t attempts = client->counters().failures;
    EXPECT_EQ(attempts, 1u);
    pass(seconds(60));
    // 20, 40, … 640 ms, then one in half a second to a second.
    attempts = client->counters().failures;
    EXPECT_GE(attempts, 60u);
    EXPECT_LE(attempts, 130u);
    EXPECT_EQ(client->state(), State::open);
    server = std::make_unique<FakeServer>(net, loop, "10.0.0.2:6379");
    pass(milliseconds(1001));
    ASSERT_EQ(server->connections(), 1u);
    server->last().say("+OK\r\n");
    settle();
    // Open until a probe is answered.
    EXPECT_EQ(client->state(), State::open);
    EXPECT_EQ(server->last().commands.back(), Words{"PING"});
    server->last().say("+PONG\r\n");
    settle();
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(SingleServer, AServerThatNeverAnswersTheGreetingIsGivenUp) {
    client = make("redis://10.0.0.2:6379");
    client->connect();
    pass(milliseconds(1002));
    EXPECT_EQ(client->counters().failures, 1u);
    EXPECT_TRUE(server->at(0).closed);
}

TEST_F(SingleServer, AnAddressThatSwallowsEverythingIsGivenUp) {
    net.swallow(*SocketAddress::parse("10.0.0.3:6379"));
    client = make("redis://10.0.0.3:6379");
    auto a = get("a", seconds(2));
    pass(milliseconds(1002));
    EXPECT_EQ(a->said(), "store.unavailable");
    EXPECT_EQ(a->context(), "connect to 10.0.0.3:6379");
}

TEST_F(SingleServer, OneThatIsSilentAndAnswersNoProbeIsGivenUpForANewConnection) {
    start();
    std::vector<std::unique_ptr<Caller>> slow;
    for (int i = 0; i < 3; ++i) slow.push_back(get("a"));
    pass(milliseconds(6));
    ASSERT_EQ(client->state(), State::open);
    pass(milliseconds(900));
    EXPECT_EQ(server->connections(), 1u);
    const auto pings = std::ranges::count(server->at(0).commands, Words{"PING"});
    EXPECT_GE(pings, 4);
    EXPECT_LE(pings, 8);
    pass(milliseconds(1500));
    EXPECT_TRUE(server->at(0).closed);
    EXPECT_GE(server->connections(), 2u);
}

TEST_F(SingleServer, AProbeThatIsAnsweredTooLateDoesNotClose) {
    start();
    std::vector<std::unique_ptr<Caller>> slow;
    for (int i = 0; i < 3; ++i) slow.push_back(get("a"));
    pass(milliseconds(6));
    // Each answer comes 30 ms late.
    for (int i = 0; i < 3; ++i) {
        for (int turns = 0; turns < 100 && server->last().commands.size() < static_cast<size_t>(4 + i); ++turns) loop.turn(seconds(2));
        pass(milliseconds(30));
        server->last().say(i == 0 ? "+a\r\n+a\r\n+a\r\n+PONG\r\n" : "+PONG\r\n");
        settle();
        EXPECT_EQ(client->state(), State::open);
    }
    server->last().say("+PONG\r\n");
    settle();
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(SingleServer, BeingClosedWhileItRestsIsNoFailure) {
    start();
    for (int i = 0; i < 5; ++i) {
        pass(seconds(300));
        server->last().hang_up();
        settle();
        ASSERT_EQ(server->connections(), static_cast<size_t>(i + 2));
        greet();
        EXPECT_EQ(client->state(), State::connected);
    }
    EXPECT_EQ(client->counters().opened, 0u);
    EXPECT_EQ(client->last_failure(), "read: the server closed the connection");
}

TEST_F(SingleServer, OneThatIsClosedAgainAndAgainIsLeftAlone) {
    start();
    for (int i = 0; i < 3; ++i) {
        server->last().hang_up();
        settle();
        pass(milliseconds(100));
        server->last().say("+OK\r\n");
        settle();
    }
    EXPECT_EQ(client->state(), State::open);
}

TEST_F(SingleServer, MalformedRepliesEndTheConnection) {
    start();
    auto a = get("a"), b = get("b");
    settle();
    server->last().say("+A\r\nHTTP/1.1 400 Bad Request\r\n");
    settle();
    EXPECT_EQ(a->said(), "A");
    EXPECT_EQ(b->said(), "store.protocol");
    EXPECT_EQ(server->connections(), 2u);
}

TEST_F(SingleServer, AReplyThatNobodyAskedForEndsTheConnection) {
    start();
    server->last().say("+OK\r\n");
    settle();
    EXPECT_EQ(server->connections(), 2u);
}

TEST_F(SingleServer, PushesAreNoReplies) {
    start();
    auto a = get("a");
    settle();
    server->last().say(">2\r\n+invalidate\r\n*1\r\n+a\r\n+A\r\n");
    settle();
    EXPECT_EQ(a->said(), "A");
}

TEST_F(SingleServer, PendingCommandsAreBoundedTheAbandonedOnesToo) {
    Options options;
    options.max_pending = 3;
    options.failures = 100;
    start("redis://10.0.0.2:6379", options);
    auto a = get("a"), b = get("b");
    settle();
    pass(milliseconds(6));
    auto c = get("c"), d = get("d");
    EXPECT_EQ(c->said(), "-");
    EXPECT_EQ(d->said(), "store.overload");
    settle();
    server->last().say("+A\r\n+B\r\n+C\r\n");
    settle();
    EXPECT_EQ(c->said(), "C");
    EXPECT_EQ(get("e")->said(), "-");
}

TEST_F(SingleServer, BytesNotYetSentAreBounded) {
    Options options;
    options.max_pending_bytes = 1000;
    start("redis://10.0.0.2:6379", options);
    const std::string key(400, 'k');
    auto a = get(key.c_str()), b = get(key.c_str()), c = get(key.c_str());
    EXPECT_EQ(b->said(), "-");
    EXPECT_EQ(c->said(), "store.overload");
    settle();
    EXPECT_EQ(get(key.c_str())->said(), "-");
}

TEST_F(SingleServer, AServerThatDoesNotReadHoldsNobodyLongerThanTheDeadline) {
    Options options;
    options.failures = 1000;
    start("redis://10.0.0.2:6379", options);
    const std::string value(60 * 1024, 'v');
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < 10; ++i) callers.push_back(std::make_unique<Caller>(*client, Words{"SET", "k", value}, in(kSoon)));
    settle();
    pass(milliseconds(6));
    for (const auto& caller : callers) EXPECT_EQ(caller->said(), "store.timeout");
    // All arrive whole, or not at all.
    for (const Words& words : server->last().commands) EXPECT_EQ(words, (Words{"SET", "k", value}));
}

TEST_F(SingleServer, AnErrorOfTheServersIsAnErrorAndNoFailure) {
    start();
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < 5; ++i) callers.push_back(get("a"));
    settle();
    for (int i = 0; i < 5; ++i) server->last().say("-WRONGTYPE Operation against a key\r\n");
    settle();
    for (const auto& caller : callers) {
        EXPECT_EQ(caller->said(), "store.unavailable");
        EXPECT_EQ(caller->context(), "WRONGTYPE Operation against a key");
    }
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(SingleServer, AReplicaIsLeftForWhoeverIsMasterNow) {
    start();
    auto a = get("a"), b = get("b");
    settle();
    server->last().say("-READONLY You can't write against a read only replica.\r\n");
    settle();
    EXPECT_EQ(a->context(), "READONLY You can't write against a read only replica.");
    EXPECT_EQ(b->said(), "store.unavailable");
    EXPECT_EQ(server->connections(), 2u);
}

TEST_F(SingleServer, CallersMayAskAgainAndLeaveWhileAConnectionBreaks) {
    start();
    auto b = get("b", seconds(1));
    std::unique_ptr<Caller> again;
    // Resumed first, it makes another leave and asks anew.
    struct Stirrer {
        static io::Task<void> run(Client& c, std::array<std::string_view, 2> words, Duration timeout, std::unique_ptr<Caller>& leaves,
                                  std::unique_ptr<Caller>& comes) {
            Result<Reply> reply = co_await c.command(words, timeout);
            EXPECT_FALSE(reply);
            leaves.reset();
            comes = std::make_unique<Caller>(c, Words{"GET", "again"}, timeout);
        }
    };
    b.reset();
    io::Root stirrer;
    stirrer.start(Stirrer::run(*client, {"GET", "a"}, in(seconds(1)), b, again), nullptr);
    b = get("b", seconds(1));
    settle();
    server->last().hang_up();
    settle();
    EXPECT_EQ(b, nullptr);
    greet();
    EXPECT_THAT(server->last().commands, ElementsAre(Words{"GET", "again"}));
}

TEST_F(SingleServer, TheClientMayGoWhileCallersWait) {
    start();
    auto sent = get("a");
    settle();
    auto unsent = get("b");
    client.reset();
    pass(seconds(1));
    EXPECT_FALSE(sent->done());
    EXPECT_FALSE(unsent->done());
}

TEST_F(SingleServer, ALoaderThatLeavesIsReplacedByTheNext) {
    start();
    const Script script("return 1");
    const auto call = [&](const char* argument) {
        return std::make_unique<Caller>(*client, script, Words{"k"}, Words{argument}, in(seconds(1)));
    };
    auto a = call("1"), b = call("2");
    settle();
    server->last().commands.clear();
    server->last().say("-NOSCRIPT\r\n");
    while (server->last().commands.empty()) loop.turn(Duration::zero());
    a.reset();
    server->last().say("-NOSCRIPT\r\n");
    settle();
    // Its text was on the way all the same; had it been lost, the next would bring it.
    EXPECT_EQ(server->last().commands.back().at(0), "EVAL");
    server->last().say(":1\r\n:2\r\n");
    settle();
    EXPECT_EQ(b->said(), "2");
}

TEST_F(SingleServer, AServerThatForgetsForEverIsNotAskedForEver) {
    start();
    const Script script("return 1");
    Caller a(*client, script, {"k"}, {}, in(seconds(1)));
    for (int i = 0; i < 10; ++i) {
        settle();
        if (a.done()) break;
        server->last().say("-NOSCRIPT\r\n");
    }
    EXPECT_EQ(a.context(), "NOSCRIPT");
    EXPECT_EQ(server->last().commands.size(), 4u);
}

}  // namespace
}  // namespace portico::redis
