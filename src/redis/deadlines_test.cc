// What a command's time is, and when it is over.
#include "redis/redis_fixture.h"

namespace portico::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Deadlines : public SingleServer {};

TEST_F(Deadlines, A39_time_runs_from_the_sending_not_from_the_turn_that_asked) {
    start();
    auto a = get("a");
    // The turn that asked takes 50 ms before it sends.
    net.clock().advance(milliseconds(50));
    settle();
    ASSERT_EQ(server->last().commands.size(), 1u);
    pass(milliseconds(4));
    EXPECT_EQ(a->said(), "-");
    pass(milliseconds(2));
    EXPECT_EQ(a->said(), "store.timeout");
}

TEST_F(Deadlines, A39_a_probe_has_its_time_from_its_sending) {
    Options options;
    options.failures = 1;
    start("redis://10.0.0.2:6379", options);
    auto a = get("a");
    pass(milliseconds(6));
    ASSERT_EQ(client->state(), State::open);
    for (int i = 0; i < 100 && server->last().commands.back() != Words{"PING"}; ++i) loop.turn(seconds(1));
    pass(milliseconds(4));
    server->last().say("+a\r\n+PONG\r\n");
    settle();
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(Deadlines, A36_a_reply_that_has_come_by_the_end_of_the_time_counts) {
    start();
    auto a = get("a");
    settle();
    // It is on its way when the loop comes back after a long turn, and read one turn after the timer is due.
    net.clock().advance(milliseconds(50));
    server->last().say("+A\r\n");
    settle();
    EXPECT_EQ(a->said(), "A");
    EXPECT_EQ(client->counters().timeouts, 0u);
}

TEST_F(Deadlines, A36_a_burst_of_commands_is_not_late_at_a_server_that_answers_each_in_its_time) {
    Options options;
    options.max_in_flight = 8;
    start("redis://10.0.0.2:6379", options);
    std::vector<std::unique_ptr<Caller>> burst;
    for (int i = 0; i < 100; ++i) burst.push_back(get("a"));
    settle();
    EXPECT_EQ(server->last().commands.size(), 8u);
    // One reply a millisecond: 100 ms for all, with 5 ms for each.
    for (int i = 0; i < 100; ++i) {
        pass(milliseconds(1) / 2);
        server->last().say("+" + std::to_string(i) + "\r\n");
        settle();
        EXPECT_LE(server->last().commands.size(), static_cast<size_t>(i) + 9);
    }
    for (int i = 0; i < 100; ++i) EXPECT_EQ(burst[static_cast<size_t>(i)]->said(), std::to_string(i));
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(Deadlines, A36_what_stands_in_the_queue_for_too_long_is_no_failure_of_the_server) {
    Options options;
    options.max_in_flight = 1;
    options.longest_queue = milliseconds(20);
    start("redis://10.0.0.2:6379", options);
    std::vector<std::unique_ptr<Caller>> burst;
    for (int i = 0; i < 20; ++i) burst.push_back(get("a"));
    settle();
    for (int i = 0; i < 7; ++i) {
        pass(milliseconds(3));
        server->last().say("+A\r\n");
        settle();
    }
    EXPECT_EQ(burst.front()->said(), "A");
    EXPECT_EQ(burst.back()->said(), "store.overload");
    EXPECT_FALSE(is_failure_of_store(burst.back()->result().error()));
    EXPECT_EQ(client->state(), State::connected);
    EXPECT_EQ(client->counters().timeouts, 0u);
}

TEST_F(Deadlines, WhatStandsBehindCommandsThatAreNotAnsweredFailsWhenTheBreakerOpens) {
    Options options;
    options.max_in_flight = 3;
    start("redis://10.0.0.2:6379", options);
    std::vector<std::unique_ptr<Caller>> burst;
    for (int i = 0; i < 10; ++i) burst.push_back(get("a"));
    pass(milliseconds(6));
    EXPECT_EQ(client->state(), State::open);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(burst[static_cast<size_t>(i)]->said(), "store.timeout");
    for (int i = 3; i < 10; ++i) EXPECT_EQ(burst[static_cast<size_t>(i)]->said(), "store.unavailable");
}

TEST_F(Deadlines, OneThatLeavesWhileItIsOverdueIsForgotten) {
    start();
    auto a = get("a");
    settle();
    net.clock().advance(milliseconds(6));
    loop.turn(Duration::zero());  // the timer; what has come is still to be looked for
    EXPECT_EQ(a->said(), "-");
    a.reset();
    settle();
    server->last().say("+A\r\n");
    settle();
    EXPECT_EQ(client->counters().late, 1u);
    EXPECT_EQ(client->counters().timeouts, 0u);
}

}  // namespace
}  // namespace portico::redis
