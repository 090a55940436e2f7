// A single real server: signed in to, paused, killed, emptied.
#include "redis/real_server_fixture.h"

namespace portico::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What a limit is like: counts, and says how often.
const Script kCount("return redis.call('INCRBY', KEYS[1], ARGV[1])");

class RealSingle : public OnRealServers {};
INSTANTIATE_TEST_SUITE_P(Backends, RealSingle, io::kBothBackends, io::backend_name);

TEST_P(RealSingle, SignsInWithThePasswordChoosesTheDatabaseAndGivesItsName) {
    RealServer server({"--requirepass", "p@ss/word"});
    server.password = "p@ss/word";
    const auto client = make("redis://:p%40ss%2Fword@" + server.host_port() + "/3");
    EXPECT_EQ(ask(*client, {"SET", "k", "v"}), "OK");
    EXPECT_THAT(ask(*client, {"CLIENT", "INFO"}), AllOf(HasSubstr("name=portico"), HasSubstr("db=3"), HasSubstr("user=default")));
    EXPECT_EQ(server.run({"GET", "k"}), "nil");
}

TEST_P(RealSingle, SignsInAsAUserWhoMayDoLittle) {
    RealServer server({"--user", "limits", "on", ">s3cret", "~rl:*", "+evalsha", "+eval", "+incrby"});
    const auto client = make("redis://limits:s3cret@" + server.host_port());
    EXPECT_EQ(eval(*client, kCount, {"rl:a"}, {"2"}), "2");
    Caller other(*client, {"GET", "rl:a"}, in(seconds(1)));
    EXPECT_TRUE(turn_until([&] { return other.done(); }));
    EXPECT_THAT(other.context(), HasSubstr("NOPERM"));
    EXPECT_EQ(client->state(), State::connected);
}

TEST_P(RealSingle, AWrongPasswordIsAnOutageThatNamesNoPassword) {
    RealServer server({"--requirepass", "right"});
    const auto client = make("redis://:wrong-one@" + server.host_port());
    Caller caller(*client, {"GET", "a"}, in(seconds(1)));
    EXPECT_TRUE(turn_until([&] { return caller.done(); }));
    EXPECT_EQ(caller.said(), "store.unavailable");
    EXPECT_THAT(caller.context(), AllOf(HasSubstr("AUTH refused: WRONGPASS"), Not(HasSubstr("wrong-one"))));
}

TEST_P(RealSingle, ThousandCallsInFlightEachGetTheirOwnReply) {
    RealServer server;
    const auto client = make("redis://" + server.host_port());
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < 1000; ++i) {
        callers.push_back(std::make_unique<Caller>(*client, kCount, Words{"k" + std::to_string(i)}, Words{std::to_string(i)}, in(seconds(5))));
    }
    EXPECT_TRUE(turn_until([&] { return callers.back()->done(); }));
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(callers[i]->said(), std::to_string(i));
    EXPECT_EQ(client->counters().reloads, 1u);
}

TEST_P(RealSingle, ForgottenScriptsAreSentAgain) {
    RealServer server;
    const auto client = make("redis://" + server.host_port());
    for (int i = 1; i <= 5; ++i) {
        EXPECT_EQ(eval(*client, kCount, {"k"}, {"1"}), std::to_string(i));
        server.run({"SCRIPT", "FLUSH"});
    }
    EXPECT_EQ(client->counters().reloads, 5u);
}

TEST_P(RealSingle, LargeCommandsAndRepliesPass) {
    RealServer server;
    const auto client = make("redis://" + server.host_port());
    const std::string value = io::pattern(120 * 1024);
    EXPECT_EQ(ask(*client, {"SET", "k", value}), "OK");
    EXPECT_EQ(ask(*client, {"GET", "k"}), value);
    EXPECT_EQ(ask(*client, {"SET", "k", io::pattern(200 * 1024)}), "gateway.internal");
}

TEST_P(RealSingle, APausedServerCostsAFewTimeoutsAndThenNothing) {
    RealServer server;
    const auto client = make("redis://" + server.host_port());
    EXPECT_EQ(eval(*client, kCount, {"k"}, {"1"}), "1");
    server.pause();
    std::vector<std::string> said;
    for (int i = 0; i < 3; ++i) said.push_back(eval(*client, kCount, {"k"}, {"1"}, milliseconds(5)));
    EXPECT_EQ(said, std::vector<std::string>(3, "store.timeout"));
    EXPECT_EQ(client->state(), State::open);
    const uint64_t turn = loop().turns();
    for (int i = 0; i < 100; ++i) {
        Caller caller(*client, kCount, {"k"}, {"1"}, in(milliseconds(5)));
        EXPECT_EQ(caller.said(), "store.unavailable");
    }
    EXPECT_EQ(loop().turns(), turn);
    server.go_on();
    EXPECT_TRUE(turn_until([&] { return client->state() == State::connected; }, seconds(5)));
    // The three that timed out were counted once each, late.
    EXPECT_EQ(eval(*client, kCount, {"k"}, {"1"}), "5");
}

TEST_P(RealSingle, AServerPausedForLongIsFoundAgain) {
    RealServer server;
    Options options;
    options.silence = milliseconds(100);
    options.connect_timeout = milliseconds(100);
    options.most_backoff = milliseconds(50);
    const auto client = make("redis://" + server.host_port(), options);
    EXPECT_EQ(ask(*client, {"GET", "k"}), "nil");
    server.pause();
    for (int i = 0; i < 3; ++i) ask(*client, {"GET", "k"}, milliseconds(5));
    // The silent connection is given up, and attempts at new ones fail.
    EXPECT_TRUE(turn_until([&] { return client->counters().failures >= 3; }));
    EXPECT_EQ(client->state(), State::open);
    server.go_on();
    EXPECT_TRUE(turn_until([&] { return client->state() == State::connected; }, seconds(5)));
    EXPECT_EQ(ask(*client, {"GET", "k"}), "nil");
}

TEST_P(RealSingle, AKilledServerFailsAtOnceAndOneThatComesBackEmptyIsUsed) {
    RealServer server;
    const auto client = make("redis://" + server.host_port());
    EXPECT_EQ(eval(*client, kCount, {"k"}, {"7"}), "7");
    server.kill();
    EXPECT_TRUE(turn_until([&] { return client->state() == State::open; }));
    Caller refused(*client, {"GET", "k"}, in(seconds(1)));
    EXPECT_EQ(refused.said(), "store.unavailable");
    server.start();
    EXPECT_TRUE(turn_until([&] { return client->state() == State::connected; }));
    EXPECT_EQ(eval(*client, kCount, {"k"}, {"1"}), "1");
    EXPECT_EQ(client->counters().reloads, 2u);
}

TEST_P(RealSingle, NothingIsEverCountedTwice) {
    RealServer server;
    Options options;
    options.failures = 1000;
    const auto client = make("redis://" + server.host_port(), options);
    int asked = 0, passed = 0;
    for (int round = 0; round < 20; ++round) {
        std::vector<std::unique_ptr<Caller>> callers;
        for (int i = 0; i < 50; ++i, ++asked) {
            callers.push_back(std::make_unique<Caller>(*client, kCount, Words{"k"}, Words{"1"}, in(milliseconds(20))));
        }
        loop().turn(milliseconds(1));
        // Connections are cut while replies are under way.
        if (round % 3 == 1) server.run({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
        if (round % 3 == 2) server.run({"SCRIPT", "FLUSH"});
        EXPECT_TRUE(turn_until([&] { return std::ranges::all_of(callers, [](auto& c) { return c->done(); }); }));
        for (const auto& caller : callers) passed += caller->result() ? 1 : 0;
    }
    const int counted = std::stoi(server.run({"GET", "k"}));
    EXPECT_LE(counted, asked);
    EXPECT_GE(counted, passed);
    EXPECT_GE(passed, 300);
}

// A turn takes in so many events. The reply has come in time, behind what thousands of clients have sent.
TEST_P(RealSingle, A36_a_burst_of_clients_makes_no_server_late) {
    RealServer server;
    const auto client = make("redis://" + server.host_port());
    ASSERT_EQ(ask(*client, {"GET", "a"}), "nil");
    constexpr size_t kClients = 2000;
    std::vector<io::StreamPair> clients;
    std::vector<io::Buffer> buffers(kClients);
    std::vector<io::Outcome> read(kClients);
    std::vector<io::Running> readers(kClients);
    for (size_t i = 0; i < kClients; ++i) {
        clients.push_back(io::stream_pair(loop()));
        readers[i].start(io::read_once(*clients[i].stream, buffers[i], read[i]));
    }
    settle();
    for (io::StreamPair& one : clients) one.peer.send("a request");
    Caller caller(*client, {"GET", "a"}, std::chrono::milliseconds(5));
    loop().turn(Duration::zero());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    for (int turns = 0; turns < 10'000 && !caller.done(); ++turns) loop().turn(Duration::zero());
    EXPECT_EQ(caller.said(), "nil");
    EXPECT_EQ(client->counters().timeouts, 0u);
    EXPECT_TRUE(turn_until([&] { return std::ranges::all_of(read, &io::Outcome::done); }));
}

}  // namespace
}  // namespace portico::redis
