// How a client gets its connections: names, TLS, sentinels.
#include "redis/redis_fixture.h"

namespace portico::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

io::Task<Result<std::vector<IpAddress>>> two_addresses(io::Loop& loop, std::string host, Time) {
    co_await loop.sleep(milliseconds(1));
    if (host != "store.example") co_return fail(Fault::upstream_unresolved, "no such name");
    co_return std::vector{*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")};
}

class Transport : public OnSim {
  protected:
    Options named() {
        Options options;
        options.resolve = [this](std::string host, Time deadline) { return two_addresses(loop, std::move(host), deadline); };
        return options;
    }
    FakeServer server{net, loop, "10.0.0.2:6379"};
};

TEST_F(Transport, ANameIsLookedUpAndItsAddressesTriedInTurn) {
    const auto client = make("redis://store.example", named());
    Caller a(*client, {"GET", "a"}, in(seconds(1)));
    pass(milliseconds(2));
    server.last().say("+OK\r\n");
    settle();
    server.last().say("+A\r\n");
    settle();
    EXPECT_EQ(a.said(), "A");
}

TEST_F(Transport, AnAddressThatIsSilentLeavesTimeForTheOthers) {
    net.swallow(*SocketAddress::parse("10.0.0.1:6379"));
    const auto client = make("redis://store.example", named());
    client->connect();
    pass(milliseconds(600));
    EXPECT_EQ(server.connections(), 1u);
}

TEST_F(Transport, ANameThatNobodyKnowsIsAnOutage) {
    const auto client = make("redis://other.example", named());
    Caller a(*client, {"GET", "a"}, in(seconds(1)));
    pass(milliseconds(2));
    EXPECT_EQ(a.context(), "resolve other.example: no such name");
    const auto without = make("redis://store.example");
    Caller b(*without, {"GET", "a"}, in(seconds(1)));
    settle();
    EXPECT_EQ(b.context(), "no resolver for store.example");
}

io::Task<Result<std::unique_ptr<io::Stream>>> note_and_connect(io::Loop& loop, Target target, Time deadline, std::vector<std::string>& noted) {
    noted.push_back(target.host + " " + target.address.text() + (target.tls ? " tls" : ""));
    io::Loop::Connected connected = co_await loop.connect(target.address, deadline);
    if (connected.stream == nullptr) co_return fail(Fault::store_unavailable, "refused");
    co_return std::move(connected.stream);
}

TEST_F(Transport, ConnectionsAreMadeByTheTransportThatIsGiven) {
    std::vector<std::string> noted;
    Options options = named();
    options.transport = [&](Target target, Time deadline) { return note_and_connect(loop, std::move(target), deadline, noted); };
    const auto client = make("rediss://store.example", options);
    client->connect();
    pass(milliseconds(2));
    EXPECT_THAT(noted, ElementsAre("store.example 10.0.0.1:6379 tls", "store.example 10.0.0.2:6379 tls"));
    EXPECT_EQ(server.connections(), 1u);
}

TEST_F(Transport, TlsWithoutATransportForItIsRefused) {
    const auto made = Client::make(loop, *Url::parse("rediss://10.0.0.2"), {});
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().context, HasSubstr("TLS"));
}

class Sentinels : public OnSim {
  protected:
    void SetUp() override {
        client = make("redis+sentinel://:pw@10.0.1.1,10.0.1.2/main/2");
        client->connect();
        settle();
    }
    // Answers a sentinel's PING and the question that follows.
    void name_master(FakeServer& sentinel, const std::string& address) {
        Served& asked = sentinel.last();
        asked.say("+PONG\r\n");
        settle();
        ASSERT_EQ(asked.commands.back(), (Words{"SENTINEL", "get-master-addr-by-name", "main"}));
        asked.say(address.empty() ? "*-1\r\n" : "*2\r\n$8\r\n" + address + "\r\n$4\r\n6379\r\n");
        settle();
    }
    FakeServer first{net, loop, "10.0.1.1:26379"}, second{net, loop, "10.0.1.2:26379"};
    FakeServer one{net, loop, "10.0.0.1:6379"}, two{net, loop, "10.0.0.2:6379"};
    std::unique_ptr<Client> client;
};

TEST_F(Sentinels, TheMasterThatTheyNameIsGreetedAndAskedForItsRole) {
    // Two connections: one to listen, one to ask.
    ASSERT_EQ(first.connections(), 2u);
    name_master(first, "10.0.0.1");
    ASSERT_EQ(one.connections(), 1u);
    EXPECT_THAT(one.last().commands, ElementsAre(Words{"AUTH", "pw"}, Words{"SELECT", "2"}, Words{"ROLE"},
                                                 Words{"CLIENT", "SETNAME", "portico"}));
    one.last().say("+OK\r\n+OK\r\n*1\r\n$6\r\nmaster\r\n+OK\r\n");
    settle();
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(Sentinels, OneThatDoesNotKnowIsPassedOver) {
    name_master(first, "");
    ASSERT_EQ(second.connections(), 1u);
    name_master(second, "10.0.0.2");
    EXPECT_EQ(two.connections(), 1u);
}

TEST_F(Sentinels, OneThatIsSilentLeavesTimeForTheOthers) {
    pass(milliseconds(400));
    ASSERT_EQ(second.connections(), 1u);
    name_master(second, "10.0.0.2");
    EXPECT_EQ(two.connections(), 1u);
}

TEST_F(Sentinels, AReplicaIsNoMaster) {
    name_master(first, "10.0.0.1");
    Caller a(*client, {"GET", "a"}, in(milliseconds(100)));
    one.last().say("+OK\r\n+OK\r\n*1\r\n$5\r\nslave\r\n+OK\r\n");
    settle();
    EXPECT_EQ(a.context(), "10.0.0.1:6379 is not a master");
    pass(milliseconds(21));
    EXPECT_EQ(first.connections(), 3u);
}

TEST_F(Sentinels, AnAnnouncedMasterIsGoneToAtOnce) {
    Served& listened = first.at(0);
    listened.say("+PONG\r\n");
    settle();
    ASSERT_EQ(listened.commands.back(), (Words{"SUBSCRIBE", "+switch-master"}));
    listened.say("*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
    name_master(first, "10.0.0.1");
    one.last().say("+OK\r\n+OK\r\n*1\r\n$6\r\nmaster\r\n+OK\r\n");
    settle();
    ASSERT_EQ(client->state(), State::connected);
    listened.say(wire({"message", "+switch-master", "other 10.0.0.1 6379 10.0.0.2 6379"}));
    settle();
    EXPECT_EQ(client->state(), State::connected);
    listened.say(wire({"message", "+switch-master", "main 10.0.0.1 6379 10.0.0.2 6379"}));
    settle();
    EXPECT_TRUE(one.last().closed);
    name_master(first, "10.0.0.2");
    EXPECT_EQ(two.connections(), 1u);
}

TEST_F(Sentinels, A47_a_listener_that_answers_no_heartbeat_is_left_for_another) {
    Served& listened = first.at(0);
    listened.say("+PONG\r\n");
    settle();
    listened.say("*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
    settle();
    listened.commands.clear();
    for (int i = 0; i < 10; ++i) {
        pass(milliseconds(1000));
        ASSERT_EQ(listened.commands.size(), 1u) << "heartbeat " << i;
        EXPECT_EQ(listened.commands.front(), Words{"PING"});
        listened.commands.clear();
        listened.say(wire({"pong", ""}));
        settle();
    }
    EXPECT_FALSE(listened.closed);
    const size_t before = first.connections() + second.connections();
    pass(milliseconds(2100));
    EXPECT_TRUE(listened.closed);
    EXPECT_GT(first.connections() + second.connections(), before);
}

TEST_F(Sentinels, A47_a_change_that_was_announced_while_nobody_listened_is_asked_for) {
    name_master(first, "10.0.0.1");
    one.last().say("+OK\r\n+OK\r\n*1\r\n$6\r\nmaster\r\n+OK\r\n");
    settle();
    ASSERT_EQ(client->state(), State::connected);
    // It only now takes the subscription.
    Served& listened = first.at(0);
    listened.say("+PONG\r\n");
    settle();
    listened.say("*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
    settle();
    name_master(first, "10.0.0.2");
    EXPECT_TRUE(one.last().closed);
    name_master(first, "10.0.0.2");
    EXPECT_EQ(two.connections(), 1u);
}

TEST_F(Sentinels, OneThatWantsThePasswordGetsIt) {
    Served& asked = first.last();
    asked.say("-NOAUTH Authentication required.\r\n");
    settle();
    EXPECT_EQ(asked.commands.back(), (Words{"AUTH", "pw"}));
    asked.say("+OK\r\n");
    settle();
    EXPECT_EQ(asked.commands.back().at(0), "SENTINEL");
}

}  // namespace
}  // namespace portico::redis
