#include "policy/jwt/remote_keys.h"

#include <gtest/gtest.h>

#include <thread>

#include "policy/jwt/key_texts.h"
#include "policy/jwt/jwt_fixture.h"

namespace portico::policy::jwt {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

KeySet keys_named(const std::string& kid) {
    static const evp::Pkey key = make_ec_key();
    return *keys_from_json(ec_jwk(key.get(), kid), KeyOrigin::published);
}

class Remote : public ::testing::Test {
  protected:
    void fetched(const std::string& kid = "k1", Duration fresh = minutes(10)) {
        ASSERT_TRUE(keys.begin_due_fetch(now));
        keys.end_fetch(keys_named(kid), fresh, now);
    }
    Time now{seconds(1000)};
    RemoteKeys keys{{seconds(30), kForever}};
};

TEST_F(Remote, TheFirstFetchIsDueAtOnceAndOneAtATime) {
    EXPECT_EQ(keys.held().keys, nullptr);
    EXPECT_FALSE(keys.fetching());
    EXPECT_TRUE(keys.begin_due_fetch(now));
    EXPECT_TRUE(keys.fetching());
    EXPECT_FALSE(keys.begin_due_fetch(now));
    EXPECT_FALSE(keys.begin_fetch_for("k1", now));
    keys.end_fetch(keys_named("k1"), minutes(10), now);
    EXPECT_FALSE(keys.fetching());
    ASSERT_NE(keys.held().keys, nullptr);
    EXPECT_EQ(keys.held().keys->keys()[0]->id(), "k1");
    EXPECT_EQ(keys.held().generation, 1u);
    EXPECT_EQ(keys.fetched_at(), now);
}

TEST_F(Remote, ManyThreadsBeginOneFetch) {
    std::atomic<int> began{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { began += keys.begin_due_fetch(now) ? 1 : 0; });
    for (auto& t : threads) t.join();
    EXPECT_EQ(began, 1);
}

TEST_F(Remote, TheNextFetchIsDueBeforeTheKeysGoStale) {
    fetched();
    EXPECT_EQ(keys.due(), now + minutes(9));
    EXPECT_FALSE(keys.begin_due_fetch(now + minutes(9) - seconds(1)));
    EXPECT_TRUE(keys.begin_due_fetch(now + minutes(9)));
}

TEST_F(Remote, UnknownKeysCauseOneFetchInACooldown) {
    EXPECT_FALSE(keys.begin_fetch_for("new", now)) << "before the first fetch, that one is the one to wait for";
    fetched();
    EXPECT_TRUE(keys.begin_fetch_for("new", now));
    keys.end_fetch(keys_named("new"), minutes(10), now);
    for (int i = 0; i < 10000; ++i) EXPECT_FALSE(keys.begin_fetch_for("random-" + std::to_string(i), now + seconds(29)));
    EXPECT_TRUE(keys.begin_fetch_for("other", now + seconds(30)));
}

TEST_F(Remote, AKeyThatWasLookedForInVainIsNotLookedForAgainSoon) {
    fetched();
    ASSERT_TRUE(keys.begin_fetch_for("missing", now));
    keys.end_fetch(keys_named("k1"), minutes(10), now);
    EXPECT_FALSE(keys.begin_fetch_for("missing", now + seconds(59)));
    EXPECT_TRUE(keys.begin_fetch_for("missing", now + seconds(60)));
}

TEST_F(Remote, T95_a_bad_signature_and_an_unknown_key_share_one_cooldown) {
    EXPECT_FALSE(keys.begin_fetch_again(now)) << "before the first fetch, that one is the one to wait for";
    EXPECT_EQ(keys.cooling(now), Duration::zero());
    fetched();
    ASSERT_TRUE(keys.begin_fetch_again(now));
    EXPECT_FALSE(keys.begin_fetch_again(now)) << "one at a time";
    keys.end_fetch(keys_named("k1"), minutes(10), now);
    EXPECT_EQ(keys.cooling(now + seconds(10)), seconds(20));
    EXPECT_FALSE(keys.begin_fetch_again(now + seconds(29)));
    EXPECT_FALSE(keys.begin_fetch_for("new", now + seconds(29)));
    ASSERT_TRUE(keys.begin_fetch_for("new", now + seconds(30)));
    keys.end_fetch(keys_named("k1"), minutes(10), now + seconds(30));
    EXPECT_FALSE(keys.begin_fetch_again(now + seconds(59)));
    EXPECT_TRUE(keys.begin_fetch_again(now + seconds(60)));
}

TEST_F(Remote, ATokenWithoutAKeysNameIsBoundedByTheCooldownAlone) {
    fetched();
    ASSERT_TRUE(keys.begin_fetch_for("", now));
    keys.end_fetch(keys_named("k1"), minutes(10), now);
    EXPECT_FALSE(keys.begin_fetch_for("", now + seconds(29)));
    EXPECT_TRUE(keys.begin_fetch_for("", now + seconds(30)));
}

TEST_F(Remote, FailuresAreTriedAgainAtGrowingDistances) {
    fetched("k1", minutes(10));
    now = keys.due();
    for (const int64_t wait : {1, 2, 4, 8, 16, 32, 60, 60}) {
        ASSERT_TRUE(keys.begin_due_fetch(now));
        keys.fail_fetch(now);
        EXPECT_EQ(keys.due(), now + seconds(wait));
        now = keys.due();
    }
    EXPECT_EQ(keys.counts().fetches, 9u);
    EXPECT_EQ(keys.counts().failures, 8u);
    EXPECT_EQ(keys.held().keys->keys()[0]->id(), "k1") << "the old keys serve on";
    EXPECT_EQ(keys.held().generation, 1u);
}

TEST_F(Remote, WithoutAnyKeysTheIssuerIsAskedEveryFewSeconds) {
    for (const int64_t wait : {1, 2, 4, 5, 5, 5}) {
        ASSERT_TRUE(keys.begin_due_fetch(now));
        keys.fail_fetch(now);
        EXPECT_EQ(keys.due(), now + seconds(wait));
        now = keys.due();
    }
    fetched();
    now = keys.due();
    ASSERT_TRUE(keys.begin_due_fetch(now));
    keys.fail_fetch(now);
    EXPECT_EQ(keys.due(), now + seconds(1)) << "after a good one it begins anew";
}

TEST_F(Remote, TheEndOfATroubleIsTold) {
    ASSERT_TRUE(keys.begin_due_fetch(now));
    keys.fail_fetch(now);
    ASSERT_TRUE(keys.begin_due_fetch(keys.due()));
    EXPECT_EQ(keys.end_fetch(keys_named("k1"), minutes(10), now), RemoteKeys::Fetched::taken_again);
    ASSERT_TRUE(keys.begin_due_fetch(keys.due()));
    EXPECT_EQ(keys.end_fetch(keys_named("k1"), minutes(10), now), RemoteKeys::Fetched::taken);
}

TEST_F(Remote, OldKeysServeNoLongerThanTheirBound) {
    RemoteKeys bounded({seconds(30), minutes(12)});
    const Time begin = now;
    ASSERT_TRUE(bounded.begin_due_fetch(now));
    bounded.end_fetch(keys_named("k1"), minutes(10), now);
    while (now < begin + minutes(12)) {
        EXPECT_NE(bounded.held().keys, nullptr);
        now = bounded.due();
        ASSERT_TRUE(bounded.begin_due_fetch(now));
        bounded.fail_fetch(now);
    }
    EXPECT_EQ(now, begin + minutes(12)) << "the last try is made when the bound is reached";
    EXPECT_EQ(bounded.held().keys, nullptr);
    EXPECT_EQ(bounded.held().generation, 2u);
}

TEST_F(Remote, A72_keys_end_at_their_bound_though_nobody_fetches) {
    RemoteKeys bounded({seconds(30), minutes(5)});
    ASSERT_TRUE(bounded.begin_due_fetch(now));
    bounded.end_fetch(keys_named("k1"), std::chrono::hours(24), now);
    EXPECT_EQ(bounded.generation(now + minutes(5) - seconds(1)), 1u);
    EXPECT_EQ(bounded.generation(now + minutes(5)), 2u);
    EXPECT_EQ(bounded.held().keys, nullptr);
    EXPECT_EQ(bounded.generation(now + minutes(6)), 2u);
}

TEST_F(Remote, A72_a_bound_below_the_keys_freshness_leaves_time_for_several_tries) {
    RemoteKeys bounded({seconds(30), minutes(5)});
    ASSERT_TRUE(bounded.begin_due_fetch(now));
    bounded.end_fetch(keys_named("k1"), std::chrono::hours(24), now);
    EXPECT_EQ(bounded.due(), now + seconds(150));
    ASSERT_TRUE(bounded.begin_fetch_for("of a stranger", now + seconds(100)));
    bounded.fail_fetch(now + seconds(100));
    EXPECT_NE(bounded.held().keys, nullptr) << "one failure closes nothing";
    EXPECT_EQ(bounded.due(), now + seconds(101));
}

TEST_F(Remote, ABoundBeyondEveryClockIsNone) {
    RemoteKeys bounded({seconds(30), kForever - seconds(1)});
    ASSERT_TRUE(bounded.begin_due_fetch(now));
    bounded.end_fetch(keys_named("k1"), minutes(10), now);
    EXPECT_EQ(bounded.generation(now + std::chrono::hours(100'000)), 1u);
}

TEST_F(Remote, A82_a_set_without_keys_withdraws_them_once_it_is_said_twice) {
    using enum RemoteKeys::Fetched;
    fetched();
    ASSERT_TRUE(keys.begin_due_fetch(keys.due()));
    now += minutes(9);
    EXPECT_EQ(keys.end_fetch(KeySet(), minutes(10), now), doubted);
    EXPECT_EQ(keys.held().keys->keys()[0]->id(), "k1") << "once may be a slip";
    EXPECT_EQ(keys.due(), now + seconds(1));
    ASSERT_TRUE(keys.begin_due_fetch(now += seconds(1)));
    keys.fail_fetch(now);
    EXPECT_FALSE(keys.held().keys->empty()) << "a failure says nothing";
    ASSERT_TRUE(keys.begin_due_fetch(now += seconds(1)));
    EXPECT_EQ(keys.end_fetch(KeySet(), minutes(10), now), withdrawn);
    ASSERT_NE(keys.held().keys, nullptr);
    EXPECT_TRUE(keys.held().keys->empty());
    EXPECT_EQ(keys.held().generation, 2u);
    ASSERT_TRUE(keys.begin_due_fetch(now += minutes(9)));
    EXPECT_EQ(keys.end_fetch(KeySet(), minutes(10), now), still_withdrawn);
    ASSERT_TRUE(keys.begin_fetch_for("k2", now)) << "new ones are looked for";
    EXPECT_EQ(keys.end_fetch(keys_named("k2"), minutes(10), now), taken);
    EXPECT_EQ(keys.held().keys->keys()[0]->id(), "k2");
}

TEST_F(Remote, A82_strangers_cannot_hasten_the_second_answer) {
    fetched();
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(keys.begin_fetch_for("unknown-" + std::to_string(i), now + seconds(30 * i)));
        EXPECT_EQ(keys.end_fetch(KeySet(), minutes(10), now + milliseconds(i)), RemoteKeys::Fetched::doubted);
        EXPECT_EQ(keys.due(), now + seconds(1));
    }
}

TEST_F(Remote, A82_keys_that_come_back_before_the_second_answer_were_never_gone) {
    fetched();
    ASSERT_TRUE(keys.begin_due_fetch(now = keys.due()));
    keys.end_fetch(KeySet(), minutes(10), now);
    now = keys.due();
    fetched("k1");
    ASSERT_TRUE(keys.begin_due_fetch(now = keys.due()));
    EXPECT_EQ(keys.end_fetch(KeySet(), minutes(10), now), RemoteKeys::Fetched::doubted) << "it counts anew";
}

TEST_F(Remote, A85_who_leaves_is_forgotten_at_once) {
    ASSERT_TRUE(keys.begin_due_fetch(now));
    int woken = 0;
    for (int i = 0; i < 1000; ++i) keys.leave(keys.await_end([&] { ++woken; }));
    EXPECT_EQ(keys.waiting(), 0u);
    keys.await_end([&] { ++woken; });
    keys.end_fetch(keys_named("k1"), minutes(10), now);
    EXPECT_EQ(woken, 1);
    keys.leave(1);
}

TEST_F(Remote, WhoWaitsIsWokenOnceAtEveryKindOfEnd) {
    int woken = 0;
    const auto wake = [&] { ++woken; };
    EXPECT_EQ(keys.await_end(wake), 0u);
    ASSERT_TRUE(keys.begin_due_fetch(now));
    EXPECT_NE(keys.await_end(wake), 0u);
    EXPECT_NE(keys.await_end(wake), 0u);
    keys.end_fetch(keys_named("k1"), minutes(10), now);
    EXPECT_EQ(woken, 2);
    ASSERT_TRUE(keys.begin_fetch_for("x", now));
    EXPECT_NE(keys.await_end(wake), 0u);
    keys.fail_fetch(now);
    EXPECT_EQ(woken, 3);
    ASSERT_TRUE(keys.begin_due_fetch(now + seconds(1)));
    EXPECT_NE(keys.await_end(wake), 0u);
    keys.abandon_fetch();
    EXPECT_EQ(woken, 4);
}

TEST_F(Remote, WhoIsWokenMayBeginTheNextFetch) {
    fetched();
    ASSERT_TRUE(keys.begin_fetch_for("x", now));
    bool again = false;
    keys.await_end([&] { again = keys.begin_fetch_for("x", now); });
    keys.abandon_fetch();
    EXPECT_TRUE(again);
}

TEST_F(Remote, AFetchThatWasGivenUpIsDueAtOnceAndTakesNoCooldown) {
    fetched();
    ASSERT_TRUE(keys.begin_fetch_for("x", now));
    keys.abandon_fetch();
    EXPECT_FALSE(keys.fetching());
    EXPECT_TRUE(keys.begin_fetch_for("x", now));
    keys.abandon_fetch();
    EXPECT_TRUE(keys.begin_due_fetch(now));
    EXPECT_EQ(keys.counts().failures, 0u);
    EXPECT_EQ(keys.held().keys->keys().size(), 1u);
}

}  // namespace
}  // namespace portico::policy::jwt
