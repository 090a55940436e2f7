// More tokens at once than a turn has time for: who is judged when, on a network and a clock in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/jwt/policy_fixture.h"

namespace portico::policy::jwt {
namespace {

// Each signature takes 100 µs here, of 500.
class JwtFlood : public JwtPolicy {
  protected:
    JwtFlood() {
        epoch = build();
        settle();
        EXPECT_EQ(judged(known), "passes");
        // The one fetch of this cooldown that a bad signature may cause.
        EXPECT_EQ(judged_soon(spoilt(token("k1", "first"), true)), "jwt.signature");
        EXPECT_EQ(judged(known), "passes") << "by the keys that came";
        clock.each = std::chrono::microseconds(100);
        loop.turn(Duration::zero());
    }
    // Tokens that nobody saw before; `bad`: of a stranger's key.
    std::string fresh(bool bad = true) { return spoilt(token("k1", "user-" + std::to_string(++users)), bad); }
    static std::string spoilt(std::string token, bool bad) {
        char& one = token[token.size() - 20];
        if (bad) one = one == 'A' ? 'B' : 'A';
        return token;
    }
    void flood(size_t count, bool bad = true) {
        for (size_t i = 0; i < count; ++i) come(fresh(bad));
    }
    Request& come(const std::string& with) { return *crowd.emplace_back(ask(with)); }
    void turn() { loop.turn(Duration::zero()); }
    size_t waiting() const {
        return static_cast<size_t>(std::ranges::count_if(crowd, [](const auto& r) { return r != nullptr && r->outcome() == "waits"; }));
    }
    size_t postponed() const {
        const std::string text = registry.exposition();
        const size_t at = text.find("\nportico_jwt_postponed_total{");
        return std::stoul(text.substr(text.find("} ", at) + 2));
    }

    const std::string known = token("k1", "known");
    int users = 0;
    std::vector<std::unique_ptr<Request>> crowd;
};

TEST_F(JwtFlood, ATurnVerifiesWhatItHasTimeFor) {
    flood(23);
    EXPECT_EQ(waiting(), 18u);
    EXPECT_EQ(postponed(), 18u);
    for (const size_t left : {13u, 8u, 3u, 0u}) {
        turn();
        EXPECT_EQ(waiting(), left);
    }
    for (const auto& r : crowd) EXPECT_EQ(r->outcome(), "jwt.signature");
}

TEST_F(JwtFlood, GoodTokensAmongBadOnesPassInTheirOrder) {
    std::vector<size_t> order;
    for (size_t i = 0; i < 50; ++i) {
        come(fresh(i % 3 != 0)).on_outcome = [&order, i](const Request&) { order.push_back(i); };
    }
    while (waiting() > 0) turn();
    for (size_t i = 0; i < crowd.size(); ++i) EXPECT_EQ(crowd[i]->outcome(), i % 3 == 0 ? "passes" : "jwt.signature") << i;
    EXPECT_EQ(crowd[48]->exchange().claims.root().find("sub").string(), "user-49");
    EXPECT_TRUE(crowd[48]->exchange().request.fields.empty()) << "the token goes no further";
    std::vector<size_t> late(45);
    std::ranges::generate(late, [i = size_t{5}]() mutable { return i++; });
    EXPECT_EQ(order, late) << "of those who waited";
}

TEST_F(JwtFlood, AKnownTokenIsServedAtOnceWhateverStandsInLine) {
    flood(1000);
    EXPECT_EQ(waiting(), 995u);
    for (int i = 0; i < 50; ++i) {
        const Time began = net.clock().now();
        turn();
        // A look at the clock is 100 µs here: the loop's, and those around six signatures at most.
        ASSERT_LE(net.clock().now() - began, std::chrono::microseconds(900));
        flood(5);
        ASSERT_EQ(judged(known), "passes");
    }
    EXPECT_EQ(waiting(), 995u) << "as many came as were served";
}

TEST_F(JwtFlood, WhatCostsLittleNeverWaits) {
    const std::string bad = fresh();
    EXPECT_EQ(judged(bad), "jwt.signature");
    flood(10);
    EXPECT_EQ(waiting(), 6u);
    EXPECT_EQ(judged(bad), "jwt.signature") << "found bad before";
    EXPECT_EQ(judged(token("k1", "late", -10)), "jwt.expired");
    EXPECT_EQ(judged("a.b.c"), "jwt.malformed");
    EXPECT_EQ(judged(token("unknown")), "jwt.kid_unknown") << "its fetch must wait for the cooldown";
    EXPECT_EQ(postponed(), 6u);
}

// A look at the clock is 100 µs here: after a few of the keys the turn's time for one token is over.
TEST_F(JwtFlood, ATokenThatManyKeysMayHaveSignedIsTriedWithThemInLaterTurns) {
    std::string keys;
    std::vector<evp::Pkey> others;
    for (int i = 0; i < 12; ++i) others.push_back(make_ec_key());
    for (int i = 0; i < 12; ++i) {
        keys += (keys.empty() ? "" : ",") + ec_jwk(i == 9 ? key.get() : others[static_cast<size_t>(i)].get(), "many-" + std::to_string(i));
    }
    serve("{\"keys\":[" + keys + "]}");
    epoch = build("jwks: \"http://id.test/many\"");
    Request& fetches = come(token("many-9"));
    pass(std::chrono::milliseconds(100));
    EXPECT_EQ(fetches.outcome(), "passes");
    const std::string good = token(""), bad = spoilt(token("", "mallory"), true);
    Request& first = come(good);
    EXPECT_EQ(first.outcome(), "waits");
    for (int turns = 1; first.outcome() == "waits"; ++turns) {
        ASSERT_LE(turns, 5);
        turn();
    }
    EXPECT_EQ(first.outcome(), "passes");
    EXPECT_EQ(judged(good), "passes") << "at once: it is known";
    Request& second = come(bad);
    int turns = 0;
    for (; second.outcome() == "waits"; ++turns) {
        const Time began = net.clock().now();
        turn();
        ASSERT_LE(net.clock().now() - began, std::chrono::microseconds(1500));
    }
    EXPECT_GE(turns, 3);
    EXPECT_EQ(second.outcome(), "jwt.signature");
    EXPECT_EQ(judged(bad), "jwt.signature") << "at once: it was found bad";
    come(spoilt(token("", "eve"), true));
    turn();
    crowd.back().reset();
    while (waiting() > 0) turn();
}

TEST_F(JwtFlood, SecretsKeysVerifyAtOnce) {
    flood(100);
    const auto of_secret = build("secret: 0123456789abcdef0123456789abcdef");
    const auto hs256 = SigningKey::from_secret("0123456789abcdef0123456789abcdef");
    for (int i = 0; i < 100; ++i) {
        const std::string token = *mint(*hs256, Algorithm::hs256, R"({"exp":9000000000,"sub":")" + std::to_string(i) + "\"}");
        Request request(context, of_secret, token);
        ASSERT_EQ(request.outcome(), "passes");
    }
}

TEST_F(JwtFlood, WhoLeavesWhileItWaitsHarmsNobody) {
    flood(20, false);
    for (const size_t i : {6u, 7u, 12u, 19u}) crowd[i].reset();
    turn();
    EXPECT_EQ(waiting(), 6u);
    while (waiting() > 0) turn();
    for (size_t i = 0; i < 20; ++i) EXPECT_TRUE(crowd[i] == nullptr || crowd[i]->outcome() == "passes");
    flood(100);
    crowd.clear();
    turn();
    EXPECT_EQ(judged(fresh(false)), "passes") << "nothing is left of those who left";
}

TEST_F(JwtFlood, OneTokenThatComesOftenIsVerifiedOnce) {
    flood(5);
    const std::string good = fresh(false), bad = fresh();
    for (int i = 0; i < 40; ++i) come(i % 2 == 0 ? good : bad);
    while (waiting() > 0) turn();
    for (size_t i = 5; i < 45; i += 2) EXPECT_EQ(crowd[i]->outcome(), "passes");
    for (size_t i = 6; i < 45; i += 2) EXPECT_EQ(crowd[i]->detail(), i == 6 ? "" : "found bad before");
}

TEST_F(JwtFlood, ATokenIsJudgedByTheTimeOfItsTurn) {
    flood(5);
    Request& brief = come(token("k1", "brief", 1));
    EXPECT_EQ(brief.outcome(), "waits");
    net.clock().advance(seconds(1));
    turn();
    EXPECT_EQ(brief.outcome(), "jwt.expired");
}

TEST_F(JwtFlood, ATokenIsJudgedByTheKeysOfItsTurn) {
    net.clock().advance(minutes(9));
    publish({"k2"});
    flood(300, false);
    while (waiting() > 0) turn();
    EXPECT_EQ(crowd[5]->outcome(), "passes");
    EXPECT_EQ(crowd.back()->outcome(), "jwt.kid_unknown") << "its key went while it waited";
}

TEST_F(JwtFlood, ThoseWhoWaitedForKeysWaitForTheirTurnsToo) {
    clock.each = {};
    pass(seconds(30));
    publish({"k1", "k2"});
    site.silent = true;
    for (int i = 0; i < 30; ++i) come(token("k2", "user-" + std::to_string(i)));
    settle();
    EXPECT_EQ(waiting(), 30u);
    clock.each = std::chrono::microseconds(100);
    site.speak();
    size_t most = 0;
    for (size_t left = 30; left > 0; left = waiting()) {
        turn();
        most = std::max(most, left - waiting());
    }
    EXPECT_LE(most, 6u);
    for (const auto& r : crowd) EXPECT_EQ(r->outcome(), "passes");
}

TEST_F(JwtFlood, AReloadLosesNobodyWhoWaits) {
    flood(20, false);
    epoch = build();
    crowd[10].reset();
    while (waiting() > 0) turn();
    for (const auto& r : crowd) EXPECT_TRUE(r == nullptr || r->outcome() == "passes");
}

TEST_F(JwtFlood, KeysThatGrewTooOldMeanwhileCloseTheRouteAndDoNotCrashIt) {
    epoch = build("jwks: { url: \"http://id.test/keys\", stale: 30m }");
    settle();
    go_down();
    pass(minutes(30) - seconds(1));
    flood(300, false);
    net.clock().advance(seconds(2));
    pass(seconds(3));
    for (const auto& r : crowd) EXPECT_TRUE(r->outcome() == "passes" || r->outcome() == "jwt.keys_unavailable") << r->outcome();
    EXPECT_EQ(crowd.back()->outcome(), "jwt.keys_unavailable");
}

}  // namespace
}  // namespace portico::policy::jwt
