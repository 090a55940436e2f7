#include "upstream/endpoint.h"

#include <gtest/gtest.h>

#include "io/sim/network.h"
#include "upstream/service.h"

namespace portico::upstream {
namespace {

using std::chrono::seconds;

const SocketAddress kFirst = *SocketAddress::parse("10.0.0.1:80");
const SocketAddress kSecond = *SocketAddress::parse("10.0.0.2:80");

class Pool : public ::testing::Test, private io::Root::Owner {
  protected:
    struct Far final : io::Acceptor::Sink {
        void on_accept(std::unique_ptr<io::Stream> stream) override { streams.push_back(std::move(stream)); }
        void on_accept_error(int) override {}
        std::vector<std::unique_ptr<io::Stream>> streams;
    };
    void SetUp() override { acceptor = loop.backend().listen(net.listener(kFirst), far); }
    void settle() {
        do loop.turn(Duration::zero());
        while (net.busy());
    }
    void pass(Duration d) {
        const Time end = net.clock().now() + d;
        while (net.clock().now() < end) loop.turn(end - net.clock().now());
        settle();
    }
    Result<std::unique_ptr<Connection>> connect(Endpoint& e) {
        result = fail(Fault::internal);
        root.cancel();
        root.start(run(e), this);
        settle();
        return std::move(result);
    }
    std::unique_ptr<Connection> connected(Endpoint& e) { return std::move(*connect(e)); }
    // One that has carried both messages of an exchange whole.
    static std::unique_ptr<Connection> used(std::unique_ptr<Connection> c) {
        c->end_request();
        c->end_response(true);
        return c;
    }

    io::SimNetwork net;
    io::Loop loop{net.backend(), net.clock()};
    Far far;
    std::unique_ptr<io::Acceptor> acceptor;

  private:
    io::Task<void> run(Endpoint& e) { result = co_await e.connect(loop.now() + seconds(5)); }
    void on_root_done() override {}
    Result<std::unique_ptr<Connection>> result = fail(Fault::internal);
    io::Root root;
};

TEST_F(Pool, TheConnectionUsedLastIsUsedFirst) {
    Endpoint e(loop, kFirst, "a", {});
    auto one = connected(e), two = connected(e);
    Connection* last = two.get();
    e.give_back(used(std::move(one)), kForever);
    e.give_back(used(std::move(two)), kForever);
    EXPECT_EQ(e.resting(), 2u);
    const auto taken = e.take_resting(false);
    EXPECT_EQ(taken.get(), last);
    EXPECT_TRUE(taken->reused());
}

TEST_F(Pool, AConnectionThatItsPeerClosesLeavesThePool) {
    Endpoint e(loop, kFirst, "a", {});
    e.give_back(used(connected(e)), kForever);
    far.streams.clear();
    settle();
    EXPECT_EQ(e.resting(), 0u);
    EXPECT_EQ(e.open(), 0u);
    EXPECT_EQ(e.take_resting(false), nullptr);
}

TEST_F(Pool, RestingEndsAtTheLimitOrASecondBeforeThePeersOwn) {
    Endpoint e(loop, kFirst, "a", {.max_idle = 8, .max_connections = 8, .idle_connection = seconds(20)});
    e.give_back(used(connected(e)), kForever);
    pass(seconds(19));
    auto again = e.take_resting(false);
    ASSERT_NE(again, nullptr);
    e.give_back(used(std::move(again)), seconds(5));
    pass(seconds(4));
    EXPECT_EQ(e.take_resting(false), nullptr);
    e.give_back(used(connected(e)), seconds(1));
    EXPECT_EQ(e.resting(), 0u);
}

TEST_F(Pool, BoundsHold) {
    Endpoint e(loop, kFirst, "a", {.max_idle = 1, .max_connections = 2, .idle_connection = seconds(20)});
    auto one = connected(e), two = connected(e);
    auto three = connect(e);
    ASSERT_FALSE(three);
    EXPECT_EQ(three.error().fault, Fault::upstream_overloaded);
    e.give_back(used(std::move(one)), kForever);
    e.give_back(used(std::move(two)), kForever);
    EXPECT_EQ(e.resting(), 1u);
    EXPECT_EQ(e.open(), 1u);
}

// Of all endpoints together.
TEST_F(Pool, WhatHasRestedLongestGivesItsDescriptorToWhoNeedsOne) {
    Endpoint e(loop, kFirst, "a", {}), f(loop, kFirst, "b", {});
    e.give_back(used(connected(e)), kForever);
    pass(seconds(2));
    f.give_back(used(connected(f)), kForever);
    auto in_use = connected(f);
    EXPECT_FALSE(loop.close_resting(seconds(3)));
    EXPECT_TRUE(loop.close_resting(seconds(1)));
    EXPECT_EQ(e.resting(), 0u);
    EXPECT_EQ(loop.outward(), 2u);
    EXPECT_FALSE(loop.close_resting(seconds(1))) << "it has only just come to rest";
    const auto again = f.take_resting(false);
    ASSERT_NE(again, nullptr);
    EXPECT_FALSE(loop.close_resting(Duration::zero())) << "nothing rests";
    f.give_back(used(std::move(in_use)), kForever);
    EXPECT_TRUE(loop.close_resting(Duration::zero()));
    EXPECT_EQ(f.open(), 1u);
}

TEST_F(Pool, ARefusedEndpointIsAvoidedForAWhileThatGrows) {
    Endpoint e(loop, kSecond, "b", {});
    auto refused = connect(e);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::upstream_refused);
    EXPECT_TRUE(e.avoided(loop.now()));
    pass(seconds(1));
    EXPECT_FALSE(e.avoided(loop.now()));
    (void)connect(e);
    pass(seconds(1));
    EXPECT_TRUE(e.avoided(loop.now()));
}

// As many requests find out at once that it is down.
TEST_F(Pool, T94_FailuresThatBeganTogetherAreOne) {
    Endpoint e(loop, kSecond, "b", {});
    const Time began = loop.now();
    for (int i = 0; i < 100; ++i) e.note_failure(began, loop.now());
    pass(seconds(1));
    EXPECT_FALSE(e.avoided(loop.now()));
    // One that took long to fail, and began before the last one that counted.
    e.note_failure(began, loop.now());
    EXPECT_FALSE(e.avoided(loop.now()));
}

// Where all endpoints of a service are down, each is tried on and on.
TEST_F(Pool, FailuresOfAnAvoidedEndpointMakeNothingLonger) {
    Endpoint e(loop, kSecond, "b", {});
    for (int i = 0; i < 200; ++i) {  // 2 s: it fails at once, and again behind the first second
        (void)connect(e);
        pass(std::chrono::milliseconds(10));
    }
    pass(seconds(1));
    EXPECT_FALSE(e.avoided(loop.now())) << "it is back, and is tried within three seconds of its first failure";
}

TEST_F(Pool, AServiceTakesTurnsAndKeepsThePoolsOfEndpointsThatStay) {
    Service s(loop, "s");
    s.update({{"a", {kFirst}}, {"b", {kSecond}}}, {});
    const auto first = s.pick({});
    const auto second = s.pick({});
    EXPECT_NE(first, second);
    EXPECT_EQ(s.pick({}), first);
    EXPECT_EQ(s.pick({first.get()}), second);
    const auto kept = first->address() == kFirst ? first : second;
    kept->give_back(used(connected(*kept)), kForever);
    s.update({{"a", {kFirst}}}, {});
    EXPECT_EQ(s.endpoint_count(), 1u);
    EXPECT_EQ(s.pick({}), kept);
    EXPECT_EQ(kept->resting(), 1u);
    s.drain();
    EXPECT_EQ(kept->resting(), 0u);
}

TEST_F(Pool, A31_aSuccessorSharesThePoolsOfEndpointsThatStay) {
    Service old_one(loop, "s"), new_one(loop, "s");
    old_one.update({{"a", {kFirst}}}, {});
    old_one.pick({})->give_back(used(connected(*old_one.pick({}))), kForever);
    new_one.succeed(old_one, {{"a", {kFirst}}, {"b", {kSecond}}}, {});
    EXPECT_EQ(new_one.endpoint_count(), 2u);
    EXPECT_EQ(old_one.pick({})->resting(), 1u);
    EXPECT_EQ(old_one.endpoint_count(), 1u);
}

TEST_F(Pool, A31_whatASuccessorLeavesOutStillServesTheExchangesOfTheOldOne) {
    Service old_one(loop, "s"), new_one(loop, "s");
    old_one.update({{"a", {kFirst}}}, {});
    old_one.pick({})->give_back(used(connected(*old_one.pick({}))), kForever);
    new_one.succeed(old_one, {{"b", {kSecond}}}, {});
    const auto left = old_one.pick({});
    ASSERT_NE(left, nullptr);
    EXPECT_EQ(left->address(), kFirst);
    EXPECT_EQ(left->resting(), 0u);
    left->give_back(used(connected(*left)), kForever);
    EXPECT_EQ(left->resting(), 0u);
    EXPECT_TRUE(left->drained());
}

TEST_F(Pool, A31_aServiceThatNoSnapshotNamesAnyMoreStillServesTheExchangesThatHoldIt) {
    Service s(loop, "s");
    s.update({{"a", {kFirst}}}, {});
    s.drain();
    ASSERT_NE(s.pick({}), nullptr);
    EXPECT_TRUE(connect(*s.pick({})));
}

TEST_F(Pool, NewAddressesOfANameDrainOnlyWhatTheNewestServiceHasLeft) {
    Service old_one(loop, "s"), new_one(loop, "s");
    old_one.update({{"a", {kFirst}}}, {});
    new_one.succeed(old_one, {{"a", {kFirst}}}, {});
    new_one.update({{"a", {kSecond}}}, {});
    EXPECT_EQ(new_one.pick({})->address(), kSecond);
    EXPECT_EQ(old_one.pick({})->address(), kFirst);
    EXPECT_TRUE(connect(*old_one.pick({})));
}

}  // namespace
}  // namespace portico::upstream
