// The policy whole: a snapshot, its worker's part, and requests, on a network and a clock in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/jwt/policy_fixture.h"

namespace portico::policy::jwt {
namespace {

TEST_F(JwtPolicy, TheFirstRequestWaitsForTheFirstKeys) {
    epoch = build();
    auto r = ask(token());
    EXPECT_EQ(r->outcome(), "waits");
    settle();
    EXPECT_EQ(r->outcome(), "passes");
    EXPECT_EQ(r->exchange().claims.root().find("sub").string(), "alice");
    EXPECT_TRUE(r->exchange().request.fields.empty()) << "the token goes no further";
    EXPECT_EQ(judged(token("k1", "bob")), "passes") << "and nobody waits any more";
}

// The second request's headers come from what is kept with the token.
TEST_F(JwtPolicy, AKnownTokenGivesTheHeadersOfItsFirstRequest) {
    epoch = build(R"(jwks: "http://id.test/keys", claims_to_headers: { X-User-ID: sub, X-Until: exp, X-Roles: roles, X-Tenant: tenant })");
    const std::string with = *mint(signer, Algorithm::es256, R"({"sub":"alice \u00e9","exp":4000000000,"roles":["a,b","c"],"tenant":null})", "k1");
    judged_soon(token());
    const auto headers = [&] {
        const auto r = ask(with);
        EXPECT_EQ(r->outcome(), "passes");
        std::string text;
        for (const http::Field& f : r->exchange().set_fields) text += std::string(f.name) + "=" + std::string(f.value) + "\n";
        return text;
    };
    const std::string first = headers();
    EXPECT_EQ(first, "X-User-ID=alice \u00e9\nX-Until=4000000000\nX-Roles=a%2Cb,c\n");
    EXPECT_EQ(headers(), first);

    const std::string bad = *mint(signer, Algorithm::es256, R"({"sub":"a\nb","exp":4000000000})", "k1");
    for (int i = 0; i < 2; ++i) {
        const auto r = ask(bad);
        EXPECT_EQ(r->outcome(), "route.claim_refused") << "kept or not";
        EXPECT_TRUE(r->exchange().set_fields.empty());
    }
}

TEST_F(JwtPolicy, WithoutKeysRequestsAreRefusedAfterASecondAndThenAtOnce) {
    site.silent = true;
    epoch = build();
    auto r = ask(token());
    pass(milliseconds(900));
    EXPECT_EQ(r->outcome(), "waits");
    pass(milliseconds(200));
    EXPECT_EQ(r->outcome(), "jwt.keys_unavailable");
    pass(seconds(5));  // the fetch is given up
    go_down();
    site.speak();
    pass(seconds(2));
    EXPECT_EQ(judged_soon(token()), "jwt.keys_unavailable");
    publish({"k1"});
    pass(seconds(6));
    EXPECT_EQ(judged(token()), "passes");
}

TEST_F(JwtPolicy, AnHourWithoutItsIssuerFailsNoRequestOfAKnownKey) {
    epoch = build();
    settle();
    go_down();
    for (int second = 0; second < 3600; ++second) {
        pass(seconds(1));
        ASSERT_EQ(judged(token("k1", "user-" + std::to_string(second))), "passes") << second;
        if (second % 60 == 0) {
            auto stranger = ask(token("stranger-" + std::to_string(second)));
            pass(milliseconds(10));
            ASSERT_EQ(stranger->outcome(), "jwt.kid_unknown");
        }
    }
    EXPECT_LT(site.asked, 200u);
}

TEST_F(JwtPolicy, AnIssuerThatHangsBlocksNobodyWhoseKeyIsKnown) {
    epoch = build();
    settle();
    site.silent = true;
    auto stranger = ask(token("new"));
    pass(seconds(1));
    EXPECT_EQ(stranger->outcome(), "waits");
    EXPECT_EQ(judged(token("k1", "bob")), "passes");
    pass(seconds(5));
    EXPECT_EQ(stranger->outcome(), "jwt.kid_unknown");
}

TEST_F(JwtPolicy, RotationFailsNoRequest) {
    epoch = build("jwks: { url: \"http://id.test/keys\", cooldown: 1s }");
    settle();
    for (int i = 2; i < 20; ++i) {
        const std::string kid = "k" + std::to_string(i);
        publish({kid});
        auto first = ask(token(kid)), second = ask(token(kid, "bob"));
        settle();
        ASSERT_EQ(first->outcome(), "passes");
        ASSERT_EQ(second->outcome(), "passes");
        ASSERT_EQ(judged(token("k" + std::to_string(i - 1))), "jwt.kid_unknown") << "the old key is gone, also from the cache";
        pass(seconds(1));
    }
    EXPECT_EQ(site.asked, 19u);
}

TEST_F(JwtPolicy, ATokenThatWasGoodEndsWithItsTimeAndWithItsKey) {
    epoch = build();
    settle();
    const std::string brief = token("k1", "alice", 10);
    EXPECT_EQ(judged(brief), "passes");
    pass(seconds(9));
    EXPECT_EQ(judged(brief), "passes");
    pass(seconds(1));
    EXPECT_EQ(judged(brief), "jwt.expired");
    const std::string lasting = token("k1");
    EXPECT_EQ(judged(lasting), "passes");
    publish({"k2"});
    pass(minutes(10));
    EXPECT_EQ(judged_soon(lasting), "jwt.kid_unknown");
}

TEST_F(JwtPolicy, WhoLeavesInMidFetchHarmsNobody) {
    site.silent = true;
    epoch = build();
    auto gone = ask(token()), stays = ask(token());
    settle();
    gone.reset();
    site.speak();
    settle();
    EXPECT_EQ(stays->outcome(), "passes");
}

TEST_F(JwtPolicy, AReloadInMidFetchLosesNobody) {
    epoch = build();
    settle();
    publish({"k1", "k2"});
    site.silent = true;
    auto before = ask(token("k2"));
    settle();
    epoch = build();  // the old one lives on with its request
    auto after = ask(token("k2"));
    settle();
    EXPECT_EQ(before->outcome(), "waits");
    EXPECT_EQ(after->outcome(), "waits");
    before.reset();  // its client leaves: the last of the old snapshot, and the fetch with it
    site.silent = false;
    settle();
    EXPECT_EQ(after->outcome(), "passes") << "the fetch that was given up is begun again";
    after.reset();
}

TEST_F(JwtPolicy, AReloadKeepsTheKeysWhateverTheIssuerDoes) {
    epoch = build();
    settle();
    go_down();
    for (int i = 0; i < 10; ++i) {
        epoch = build();
        EXPECT_EQ(judged(token("k1", "user-" + std::to_string(i))), "passes");
        settle();
    }
    EXPECT_EQ(site.asked, 1u);
}

TEST_F(JwtPolicy, StaleKeysEndAtTheirBound) {
    epoch = build("jwks: { url: \"http://id.test/keys\", stale: 30m }");
    settle();
    go_down();
    pass(minutes(30) - seconds(1));
    EXPECT_EQ(judged(token()), "passes");
    pass(seconds(2));
    EXPECT_EQ(judged(token()), "jwt.keys_unavailable");
    publish({"k1"});
    pass(seconds(61));
    EXPECT_EQ(judged(token()), "passes");
}

// Whether or not the token was known: what was judged ends with its keys.
TEST_F(JwtPolicy, A72_keys_that_grew_too_old_verify_nothing_though_no_fetch_has_failed) {
    epoch = build("jwks: { url: \"http://id.test/keys\", stale: 5m, timeout: 10m }");
    settle();
    const std::string known = token();
    EXPECT_EQ(judged(known), "passes");
    site.silent = true;  // the next fetch hangs beyond the bound
    pass(minutes(5) - seconds(1));
    EXPECT_EQ(judged(known), "passes");
    pass(seconds(2));
    const auto r = ask(known);
    pass(seconds(2));
    EXPECT_EQ(r->outcome(), "jwt.keys_unavailable");
}

TEST_F(JwtPolicy, A72_a_strangers_fetch_that_fails_closes_no_route) {
    site.text.replace(site.text.find("600"), 3, "900");
    epoch = build("jwks: { url: \"http://id.test/keys\", stale: 5m }");
    settle();
    go_down();
    pass(seconds(120));
    EXPECT_EQ(judged_soon(token("unknown")), "jwt.kid_unknown");
    EXPECT_EQ(judged(token()), "passes");
    publish({"k1"});
    pass(minutes(4));
    EXPECT_EQ(judged(token()), "passes");
}

TEST_F(JwtPolicy, A82_tokens_of_withdrawn_keys_are_refused) {
    epoch = build();
    settle();
    const std::string known = token();
    EXPECT_EQ(judged(known), "passes");
    publish({});
    pass(minutes(9) + seconds(3));
    EXPECT_EQ(judged_soon(known), "jwt.kid_unknown");
    publish({"k1"});
    pass(seconds(61));
    EXPECT_EQ(judged_soon(known), "passes");
}

TEST_F(JwtPolicy, A83_shadow_waits_for_no_fetch) {
    site.silent = true;
    epoch = build();
    const auto without = ask(token(), true);
    EXPECT_EQ(without->outcome(), "jwt.keys_unavailable");
    site.speak();
    settle();
    EXPECT_EQ(ask(token(), true)->outcome(), "passes");
    site.silent = true;
    EXPECT_EQ(ask(token("k2"), true)->outcome(), "jwt.kid_unknown");
    EXPECT_EQ(ask(token("k2"))->outcome(), "waits") << "for the fetch that the shadow began";
    EXPECT_EQ(site.asked, 1u);
    settle();
    EXPECT_EQ(site.asked, 2u);
}

TEST_F(JwtPolicy, TenThousandStrangersCauseOneFetchInACooldown) {
    epoch = build();
    settle();
    std::vector<std::unique_ptr<Request>> all;
    for (int i = 0; i < 10'000; ++i) all.push_back(ask(token("random-" + std::to_string(i))));
    settle();
    for (const auto& r : all) ASSERT_EQ(r->outcome(), "jwt.kid_unknown");
    EXPECT_EQ(site.asked, 2u);
    pass(seconds(31));
    for (int i = 0; i < 1000; ++i) ask(token("more-" + std::to_string(i)));
    settle();
    EXPECT_EQ(site.asked, 3u);
}

// The issuer was set up anew and numbers its keys as before.
TEST_F(JwtPolicy, T95_a_new_key_under_the_kid_of_the_old_one_is_fetched_and_the_first_token_waits) {
    epoch = build();
    settle();
    const std::string old = token("k1", "old");
    EXPECT_EQ(judged(old), "passes");
    const auto renew = [&] {
        key = make_ec_key();
        signer = *SigningKey::from_pem(private_pem(key.get()));
        publish({"k1"});
    };
    renew();
    site.silent = true;
    auto first = ask(token()), second = ask(token("k1", "bob"));
    EXPECT_EQ(first->outcome(), "waits");
    settle();
    EXPECT_EQ(judged(old), "passes") << "whose key is known does not wait";
    site.speak();
    settle();
    EXPECT_EQ(first->outcome(), "passes");
    EXPECT_EQ(second->outcome(), "passes");
    EXPECT_EQ(site.asked, 2u) << "one fetch for both";
    EXPECT_EQ(judged(old), "jwt.signature") << "at once: it is in the cooldown";

    pass(seconds(10));
    renew();
    const std::string early = token();
    EXPECT_EQ(judged(early), "jwt.signature") << "at most one fetch in a cooldown";
    EXPECT_EQ(site.asked, 2u);
    pass(seconds(20));
    EXPECT_EQ(judged_soon(early), "passes") << "though it was found bad less than 30 s ago";
    EXPECT_EQ(site.asked, 3u);
}

TEST_F(JwtPolicy, T95_a_new_key_of_another_algorithm_under_the_same_kid_is_fetched_too) {
    epoch = build("jwks: \"http://id.test/keys\"", "ES256, ES384");
    settle();
    key = make_ec_key("P-384");
    serve(ec_jwk(key.get(), "k1", "", "P-384", 48));
    const auto other = SigningKey::from_pem(private_pem(key.get()));
    const std::string with = *mint(*other, Algorithm::es384, R"({"sub":"alice","exp":4000000000})", "k1");
    EXPECT_EQ(judged_soon(with), "passes");
    EXPECT_EQ(site.asked, 2u);
    const std::string not_allowed = *mint(*SigningKey::from_secret("s"), Algorithm::hs256, R"({"sub":"alice","exp":4000000000})", "k1");
    pass(seconds(31));
    EXPECT_EQ(judged(not_allowed), "jwt.algorithm") << "no key could make it good";
    EXPECT_EQ(site.asked, 2u);
}

TEST_F(JwtPolicy, T95_forged_tokens_cause_one_fetch_in_a_cooldown_and_end_as_they_were) {
    epoch = build();
    settle();
    const auto forged = [&](int i) {
        std::string made = token("k1", "user-" + std::to_string(i));
        made[made.size() - 20] = made[made.size() - 20] == 'A' ? 'B' : 'A';
        return made;
    };
    std::vector<std::unique_ptr<Request>> all;
    for (int i = 0; i < 1000; ++i) all.push_back(ask(forged(i)));
    settle();
    for (const auto& r : all) ASSERT_EQ(r->outcome(), "jwt.signature");
    EXPECT_EQ(site.asked, 2u);
    for (int i = 1000; i < 2000; ++i) ASSERT_EQ(judged(forged(i)), "jwt.signature") << "at once";
    EXPECT_EQ(site.asked, 2u);
    EXPECT_EQ(judged(token()), "passes");
    pass(seconds(31));
    go_down();
    EXPECT_EQ(judged_soon(forged(1)), "jwt.signature") << "an issuer that is down makes no 503 of it";
    EXPECT_EQ(judged(token()), "passes");
}

TEST_F(JwtPolicy, T95_in_shadow_nobody_waits_for_the_fetch) {
    epoch = build();
    settle();
    site.silent = true;
    key = make_ec_key();
    signer = *SigningKey::from_pem(private_pem(key.get()));
    publish({"k1"});
    EXPECT_EQ(ask(token(), true)->outcome(), "jwt.signature");
    settle();
    EXPECT_EQ(site.asked, 2u);
    site.speak();
    settle();
    EXPECT_EQ(ask(token(), true)->outcome(), "passes");
}

}  // namespace
}  // namespace portico::policy::jwt
