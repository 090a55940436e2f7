// A server that answers, but does not do its work; and replies that are not their command's.
#include "redis/redis_fixture.h"

namespace portico::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

class Refusals : public SingleServer {
  protected:
    // Three commands, each refused in these words.
    void refuse(std::string_view words) {
        for (int i = 0; i < 3; ++i) {
            auto a = get("a");
            settle();
            server->last().say("-" + std::string(words) + "\r\n");
            settle();
            EXPECT_EQ(a->said(), "store.unavailable");
        }
    }
    // Until the next probe has been sent.
    void await_probe() {
        server->last().commands.clear();
        for (int i = 0; i < 1000 && server->last().commands.empty(); ++i) loop.turn(seconds(2));
        ASSERT_THAT(server->last().commands, ElementsAre(Words{"PING"}));
    }
};

class EachRefusal : public Refusals, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Words, EachRefusal,
                         testing::Values("NOAUTH Authentication required.", "OOM command not allowed when used memory > 'maxmemory'.",
                                         "NOPERM this user has no permissions to run the 'evalsha' command",
                                         "NOREPLICAS Not enough good replicas to write.", "MISCONF Redis is configured to save RDB snapshots",
                                         "LOADING Redis is loading the dataset in memory", "MASTERDOWN Link with MASTER is down",
                                         "BUSY Redis is busy running a script.", "ERR unknown command `EVALSHA`, with args beginning with: `x`",
                                         "ERR Error running script (call to f_x): @user_script:1: -OOM command not allowed"));

TEST_P(EachRefusal, A35_a_server_that_refuses_its_work_has_failed) {
    start();
    refuse(GetParam());
    EXPECT_EQ(client->state(), State::open);
    EXPECT_EQ(client->counters().errors, 3u);
    // Its own words, or those that it repeats of a script's command.
    EXPECT_TRUE(std::string_view(GetParam()).contains(client->last_failure())) << client->last_failure();
    EXPECT_FALSE(client->last_failure().contains("user_script")) << client->last_failure();
    EXPECT_EQ(client->last_failure().find("with args"), std::string::npos);
    EXPECT_TRUE(get("b")->context().starts_with("given up: "));
}

// Redis before 7 wraps what a script's command met into words of its own.
TEST_F(Refusals, AReplicaThatAnswersAScriptInTheWordsOfRedis62IsLeft) {
    start();
    auto a = get("a");
    settle();
    server->last().say(
        "-ERR Error running script (call to f_x): @user_script:9: @user_script: 9: -READONLY You can't write against a read only replica.\r\n");
    settle();
    EXPECT_EQ(a->said(), "store.unavailable");
    EXPECT_EQ(client->last_failure(), "READONLY You can't write against a read only replica.");
    EXPECT_EQ(server->connections(), 2u);
}

TEST_F(Refusals, A35_a_probe_lets_one_command_try_and_its_reply_decides) {
    start();
    refuse("OOM command not allowed");
    await_probe();
    server->last().say("+PONG\r\n");
    settle();
    EXPECT_EQ(client->state(), State::open);
    auto trial = get("t"), other = get("b");
    EXPECT_EQ(other->context(), "given up: OOM command not allowed");
    settle();
    server->last().say("-OOM command not allowed\r\n");
    settle();
    EXPECT_EQ(trial->context(), "OOM command not allowed");
    EXPECT_EQ(client->state(), State::open);
    await_probe();
    server->last().say("+PONG\r\n");
    settle();
    auto again = get("t");
    settle();
    server->last().say("+V\r\n");
    settle();
    EXPECT_EQ(again->said(), "V");
    EXPECT_EQ(client->state(), State::connected);
    EXPECT_EQ(get("b")->said(), "-");
}

TEST_F(Refusals, A35_a_trial_may_bring_its_script_along) {
    start();
    refuse("LOADING Redis is loading the dataset in memory");
    await_probe();
    server->last().say("+PONG\r\n");
    settle();
    const Script script("return 1");
    Caller trial(*client, script, {"k"}, {}, in(kSoon));
    settle();
    server->last().say("-NOSCRIPT No matching script.\r\n");
    settle();
    server->last().say(":1\r\n");
    settle();
    EXPECT_EQ(trial.said(), "1");
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(Refusals, A35_a_trial_that_leaves_or_is_never_answered_is_followed_by_another) {
    start();
    refuse("OOM command not allowed");
    for (const bool leaves : {true, false}) {
        await_probe();
        server->last().say("+PONG\r\n");
        settle();
        auto trial = get("t");
        settle();
        if (leaves) trial.reset();
        pass(milliseconds(6));
        if (!leaves) EXPECT_EQ(trial->said(), "store.timeout");
        EXPECT_EQ(client->state(), State::open);
        server->last().say("+late\r\n");
        settle();
    }
    await_probe();
    server->last().say("+PONG\r\n");
    settle();
    EXPECT_EQ(get("b")->said(), "-");
}

TEST_F(Refusals, A35_a_script_that_must_be_brought_says_nothing_for_a_server_that_then_refuses_it) {
    start();
    const Script script("return 1");
    for (int i = 0; i < 3; ++i) {
        Caller a(*client, script, {"k"}, {}, in(kSoon));
        settle();
        server->last().say("-NOSCRIPT No matching script.\r\n");
        settle();
        server->last().say("-OOM command not allowed\r\n");
        settle();
    }
    EXPECT_EQ(client->state(), State::open);
}

Script::Words rehearse(std::span<const std::string_view> keys, std::span<const std::string_view>) {
    return {{std::string(keys[0]) + ":nobody's"}, {"none"}};
}
const Script kRehearsed("return 1", nullptr, rehearse);

TEST_F(Refusals, A35_what_was_refused_is_tried_again_with_words_that_count_for_nobody) {
    start();
    for (int i = 0; i < 3; ++i) {
        Caller a(*client, kRehearsed, {"k"}, {"5"}, in(kSoon));
        settle();
        server->last().say("-OOM command not allowed\r\n");
        settle();
    }
    for (const bool refuses : {true, false}) {
        EXPECT_EQ(client->state(), State::open);
        await_probe();
        server->last().commands.clear();
        server->last().say("+PONG\r\n");
        settle();
        EXPECT_THAT(server->last().commands, ElementsAre(Words{"EVALSHA", kRehearsed.digest(), "1", "k:nobody's", "none"}));
        EXPECT_TRUE(get("b")->context().starts_with("given up: "));
        server->last().say(refuses ? "-OOM command not allowed\r\n" : ":1\r\n");
        settle();
    }
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(Refusals, A35_a_look_up_that_was_refused_is_repeated) {
    start();
    for (int i = 0; i < 3; ++i) {
        Looking a(*client, "a");
        settle();
        server->last().say("-NOPERM no\r\n+" + std::to_string(i + 1) + "\r\n");
        settle();
    }
    await_probe();
    server->last().commands.clear();
    server->last().say("+PONG\r\n");
    settle();
    EXPECT_THAT(server->last().commands, ElementsAre(Words{"GET", "a"}, Words{"PING", "4"}));
    server->last().say("$-1\r\n$1\r\n4\r\n");
    settle();
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(Refusals, AClientMayGoWhileARefusalIsTriedAgain) {
    start();
    for (int i = 0; i < 3; ++i) {
        Caller a(*client, kRehearsed, {"k"}, {}, in(kSoon));
        settle();
        server->last().say("-OOM command not allowed\r\n");
        settle();
    }
    await_probe();
    server->last().say("+PONG\r\n");
    settle();
    client.reset();
    settle();
}

TEST_F(Refusals, AKeyThatHoldsSomethingElseSaysNothingOfTheServer) {
    start();
    refuse("WRONGTYPE Operation against a key holding the wrong kind of value");
    refuse("ERR Error running script (call to f_x): @user_script:36: WRONGTYPE Operation against a key");
    EXPECT_EQ(client->state(), State::connected);
    EXPECT_EQ(client->counters().errors, 0u);
}

class EachProbeError : public Refusals, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Words, EachProbeError, testing::Values("LOADING Redis is loading the dataset in memory", "NOAUTH Authentication required."));

TEST_P(EachProbeError, A48_a_probe_that_is_answered_with_an_error_does_not_close_the_breaker) {
    start();
    std::vector<std::unique_ptr<Caller>> slow;
    for (int i = 0; i < 3; ++i) slow.push_back(get("a"));
    pass(milliseconds(6));
    ASSERT_EQ(client->state(), State::open);
    await_probe();
    server->last().say("+a\r\n+a\r\n+a\r\n-" + std::string(GetParam()) + "\r\n");
    settle();
    EXPECT_EQ(client->state(), State::open);
    EXPECT_EQ(client->last_failure(), GetParam());
    await_probe();
    server->last().say("+PONG\r\n");
    settle();
    auto trial = get("t");
    settle();
    server->last().say("+V\r\n");
    settle();
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(Refusals, A48_an_account_that_may_not_ping_is_answered_all_the_same) {
    start();
    std::vector<std::unique_ptr<Caller>> slow;
    for (int i = 0; i < 3; ++i) slow.push_back(get("a"));
    pass(milliseconds(6));
    await_probe();
    server->last().say("+a\r\n+a\r\n+a\r\n-NOPERM this user has no permissions to run the 'ping' command\r\n");
    settle();
    EXPECT_EQ(client->state(), State::connected);
}

TEST_F(Refusals, A35_a_connection_that_has_not_signed_in_is_none) {
    client = make("redis://10.0.0.2:6379");
    auto a = get("a", seconds(1));
    settle();
    server->last().say("-NOAUTH Authentication required.\r\n");
    settle();
    EXPECT_EQ(a->context(), "NOAUTH Authentication required.");
    EXPECT_EQ(client->state(), State::connecting);
}

// Repeats its last argument, as a limit's script does.
bool repeats(Value reply, std::span<const std::string_view> arguments) { return reply.text() == arguments.back(); }
const Script kRepeats("return ARGV[#ARGV]", repeats);

TEST_F(Refusals, A46_a_reply_too_many_ends_the_connection_and_gives_nobody_another_ones) {
    start();
    std::vector<std::unique_ptr<Caller>> callers;
    for (const char* mark : {"1", "2", "3", "4"}) {
        callers.push_back(std::make_unique<Caller>(*client, kRepeats, Words{"k"}, Words{mark}, in(seconds(1))));
    }
    settle();
    server->last().say("+1\r\n+0\r\n+2\r\n+3\r\n+4\r\n");
    settle();
    EXPECT_EQ(callers[0]->said(), "1");
    for (int i = 1; i < 4; ++i) EXPECT_EQ(callers[static_cast<size_t>(i)]->said(), "store.protocol");
    EXPECT_EQ(server->connections(), 2u);
}

TEST_F(Refusals, A46_a_look_up_takes_no_reply_but_its_own) {
    start();
    Looking a(*client, "a", seconds(1)), b(*client, "b", seconds(1));
    settle();
    ASSERT_THAT(server->last().commands, ElementsAre(Words{"GET", "a"}, Words{"PING", "1"}, Words{"GET", "b"}, Words{"PING", "2"}));
    server->last().say("$-1\r\n");
    settle();
    EXPECT_EQ(a.said(), "-");
    server->last().say("$1\r\n1\r\n+another's\r\n$-1\r\n$1\r\n2\r\n");
    settle();
    EXPECT_EQ(a.said(), "nil");
    EXPECT_EQ(b.said(), "store.protocol");
    EXPECT_EQ(server->connections(), 2u);
}

TEST_F(Refusals, AMarkedCommandMayLeaveBeforeItsReplyAndBeforeItsMark) {
    start();
    auto early = std::make_unique<Looking>(*client, "a", seconds(1)), late = std::make_unique<Looking>(*client, "a", seconds(1));
    auto c = get("c", seconds(1));
    settle();
    early.reset();
    server->last().say("+A\r\n+1\r\n+A\r\n");
    settle();
    late.reset();
    server->last().say("-NOPERM\r\n+C\r\n");
    settle();
    EXPECT_EQ(c->said(), "C");
    EXPECT_EQ(server->connections(), 1u);
}

TEST_F(Refusals, A46_a_reply_of_another_form_ends_the_connection) {
    start();
    Caller a(*client, kRepeats, {"k"}, {"1"}, in(seconds(1)));
    settle();
    server->last().say("*2\r\n:1\r\n:2\r\n");
    settle();
    EXPECT_EQ(a.said(), "store.protocol");
    EXPECT_EQ(server->connections(), 2u);
}

}  // namespace
}  // namespace portico::redis
