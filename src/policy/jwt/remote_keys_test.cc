#include "policy/jwt/remote_keys.h"

#include <gtest/gtest.h>

#include <thread>

#include "policy/jwt/key_texts.h"
#include "policy/jwt/jwt_fixture.h"

namespace portico::policy::jwt {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

KeySet keys_named(const std::string& kid) {
    static const evp::Pkey key = make_ec_key();
    return keys_from_json(ec_jwk(key.get(), kid), KeyOrigin::published)->keys;
}

class Remote : public ::testing::Test {
  protected:
    void fetched(const std::string& kid = "k1", Duration fresh = minutes(10)) {
        ASSERT_TRUE(keys.begin_due_fetch(now));
        keys.end_fetch(keys_named(kid), fresh, now);
    }
    Time now{seconds(1000)};
    RemoteKeys keys{{seconds(30), minutes(15), kForever}};
};

TEST_F(Remote, TheFirstFetchIsDueAtOnceAndOneAtATime) {
    EXPECT_EQ(keys.current(), nullptr);
    EXPECT_FALSE(keys.fetching());
    EXPECT_TRUE(keys.begin_due_fetch(now));
    EXPECT_TRUE(keys.fetching());
    EXPECT_FALSE(keys.begin_due_fetch(now));
    EXPECT_FALSE(keys.begin_fetch_for("k1", now));
    keys.end_fetch(keys_named("k1"), minutes(10), now);
    EXPECT_FALSE(keys.fetching());
    ASSERT_NE(keys.current(), nullptr);
    EXPECT_EQ(keys.current()->keys()[0]->id(), "k1");
    EXPECT_EQ(keys.generation(), 1u);
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
    EXPECT_EQ(keys.current()->keys()[0]->id(), "k1") << "the old keys serve on";
    EXPECT_EQ(keys.generation(), 1u);
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
    EXPECT_TRUE(keys.end_fetch(keys_named("k1"), minutes(10), now));
    ASSERT_TRUE(keys.begin_due_fetch(keys.due()));
    EXPECT_FALSE(keys.end_fetch(keys_named("k1"), minutes(10), now));
}

TEST_F(Remote, OldKeysServeNoLongerThanTheirBound) {
    RemoteKeys bounded({seconds(30), minutes(15), minutes(12)});
    const Time begin = now;
    ASSERT_TRUE(bounded.begin_due_fetch(now));
    bounded.end_fetch(keys_named("k1"), minutes(10), now);
    while (now < begin + minutes(12)) {
        EXPECT_NE(bounded.current(), nullptr);
        now = bounded.due();
        ASSERT_TRUE(bounded.begin_due_fetch(now));
        bounded.fail_fetch(now);
    }
    EXPECT_EQ(now, begin + minutes(12)) << "the last try is made when the bound is reached";
    EXPECT_EQ(bounded.current(), nullptr);
    EXPECT_EQ(bounded.generation(), 2u);
}

TEST_F(Remote, WhoWaitsIsWokenOnceAtEveryKindOfEnd) {
    int woken = 0;
    const auto wake = [&] { ++woken; };
    EXPECT_FALSE(keys.await_end(wake));
    ASSERT_TRUE(keys.begin_due_fetch(now));
    EXPECT_TRUE(keys.await_end(wake));
    EXPECT_TRUE(keys.await_end(wake));
    keys.end_fetch(keys_named("k1"), minutes(10), now);
    EXPECT_EQ(woken, 2);
    ASSERT_TRUE(keys.begin_fetch_for("x", now));
    EXPECT_TRUE(keys.await_end(wake));
    keys.fail_fetch(now);
    EXPECT_EQ(woken, 3);
    ASSERT_TRUE(keys.begin_due_fetch(now + seconds(1)));
    EXPECT_TRUE(keys.await_end(wake));
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
    EXPECT_EQ(keys.current()->keys().size(), 1u);
}

}  // namespace
}  // namespace portico::policy::jwt
