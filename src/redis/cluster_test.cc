// A cluster on the network in memory: what real servers say only at odd moments.
#include "redis/cluster.h"

#include "redis/redis_fixture.h"

namespace portico::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kAllOnA = "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$8\r\n10.0.0.1\r\n:7000\r\n";
const std::string kAllOnB = "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$8\r\n10.0.0.2\r\n:7000\r\n";

class InCluster : public OnSim {
  protected:
    void SetUp() override {
        client = make("redis+cluster://10.0.0.1:7000");
        client->connect();
        settle();
        a.last().say("+OK\r\n");
        settle();
        ASSERT_THAT(a.last().commands.back(), ElementsAre("CLUSTER", "SLOTS"));
        a.last().say(kAllOnA);
        pass(milliseconds(25));
        a.last().commands.clear();
    }
    std::unique_ptr<Caller> get(const char* key) { return std::make_unique<Caller>(*client, Words{"GET", key}, in(seconds(5))); }
    // The connection to b, greeted.
    void greet_b() {
        settle();
        b.last().say("+OK\r\n");
        settle();
        b.last().commands.pop_front();
    }
    // The client asks for the description: at once, or once it has waited after a bad one.
    void ask_anew() {
        a.last().commands.clear();
        client->connect();
        for (int i = 0; i < 100 && a.last().commands.empty(); ++i) pass(milliseconds(25));
        ASSERT_EQ(a.last().commands.back(), (Words{"CLUSTER", "SLOTS"}));
        a.last().commands.clear();
    }
    FakeServer a{net, loop, "10.0.0.1:7000"}, b{net, loop, "10.0.0.2:7000"};
    std::unique_ptr<Client> client;
};

TEST_F(InCluster, AMovedCommandGoesOnAndTheSlotIsRemembered) {
    auto one = get("foo");
    settle();
    a.last().say("-MOVED 12182 10.0.0.2:7000\r\n");
    greet_b();
    EXPECT_THAT(b.last().commands, ElementsAre(Words{"GET", "foo"}));
    b.last().say("+v\r\n");
    settle();
    EXPECT_EQ(one->said(), "v");
    auto two = get("foo");
    settle();
    EXPECT_EQ(b.last().commands.size(), 2u);
    EXPECT_EQ(client->counters().redirects, 1u);
    // And the whole is learnt anew.
    EXPECT_THAT(a.last().commands.back(), ElementsAre("CLUSTER", "SLOTS"));
}

TEST_F(InCluster, AnAskedCommandGoesOnceOnly) {
    auto one = get("foo");
    settle();
    a.last().say("-ASK 12182 10.0.0.2:7000\r\n");
    greet_b();
    EXPECT_THAT(b.last().commands, ElementsAre(Words{"ASKING"}, Words{"GET", "foo"}));
    b.last().say("+OK\r\n+v\r\n");
    settle();
    EXPECT_EQ(one->said(), "v");
    a.last().commands.clear();
    auto two = get("foo");
    settle();
    EXPECT_THAT(a.last().commands, ElementsAre(Words{"GET", "foo"}));
}

TEST_F(InCluster, RedirectsAreBounded) {
    auto one = get("foo");
    settle();
    for (int i = 0; i < 10 && !one->done(); ++i) {
        a.last().say("-ASK 12182 10.0.0.1:7000\r\n");
        settle();
        a.last().say("+OK\r\n");
        settle();
    }
    EXPECT_THAT(one->context(), HasSubstr("ASK 12182"));
    EXPECT_EQ(client->counters().redirects, 5u);
}

TEST_F(InCluster, ACallerMayLeaveWhileItIsRedirected) {
    auto one = get("foo");
    settle();
    a.last().say("-ASK 12182 10.0.0.2:7000\r\n");
    settle();
    one.reset();
    greet_b();
    EXPECT_TRUE(b.last().commands.empty());
}

TEST_F(InCluster, WhatTheClusterCannotDoNowIsAnOutage) {
    for (const char* why : {"-TRYAGAIN Multiple keys request during rehashing of slot", "-CLUSTERDOWN Hash slot not served",
                            "-LOADING Redis is loading the dataset in memory"}) {
        auto one = get("foo");
        settle();
        a.last().say(std::string(why) + "\r\n");
        settle();
        EXPECT_EQ(one->said(), "store.unavailable");
        EXPECT_EQ("-" + one->context(), why);
        if (a.last().commands.back() == Words{"CLUSTER", "SLOTS"}) a.last().say(kAllOnA);
        settle();
    }
}

TEST_F(InCluster, AServerThatHoldsNothingAnyMoreIsLeft) {
    auto one = get("foo");
    settle();
    a.last().say("-MOVED 12182 10.0.0.2:7000\r\n");
    greet_b();
    b.last().say("+v\r\n");
    settle();
    ASSERT_EQ(a.last().commands.back(), (Words{"CLUSTER", "SLOTS"}));
    a.last().say(kAllOnB);
    pass(milliseconds(25));
    EXPECT_TRUE(a.last().closed);
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(InCluster, ADescriptionThatMakesNoSenseChangesNothing) {
    for (const char* bad : {"*0\r\n", "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\nx\r\n:1\r\n", "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\nx\r\n:1\r\n",
                            "*1\r\n:1\r\n", "+OK\r\n", "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nx\r\n:70000\r\n",
                            "*2\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\nx\r\n:1\r\n*3\r\n:5\r\n:5\r\n*2\r\n$1\r\ny\r\n:1\r\n"}) {
        ask_anew();
        a.last().say(bad);
        settle();
        auto one = get("foo");
        settle();
        EXPECT_EQ(a.last().commands.back(), (Words{"GET", "foo"}));
        a.last().say("+v\r\n");
        settle();
        EXPECT_EQ(one->said(), "v");
    }
}

// A42: each slot a range of its own.
TEST_F(InCluster, ADescriptionOfManyRangesHoldsNobodyAndIsFollowed) {
    std::string many = "*16384\r\n";
    for (int slot = 0; slot < 16384; ++slot) {
        many += "*3\r\n:" + std::to_string(slot) + "\r\n:" + std::to_string(slot) + "\r\n*2\r\n$8\r\n10.0.0." + (slot == 12182 ? "2" : "1") + "\r\n:7000\r\n";
    }
    ask_anew();
    const auto begin = std::chrono::steady_clock::now();
    for (size_t at = 0; at < many.size(); at += 16'000) {
        a.last().say(many.substr(at, 16'000));
        settle();
    }
    // 20 ms here; 0.4 s where each range was looked for from the first one on.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(250));
    auto one = get("foo");  // slot 12182
    greet_b();
    EXPECT_THAT(b.last().commands, ElementsAre(Words{"GET", "foo"}));
}

}  // namespace
}  // namespace portico::redis
