#include "policy/jwt/mint.h"

#include <gtest/gtest.h>

#include <thread>

#include "policy/jwt/judge.h"
#include "policy/jwt/jwt_fixture.h"
#include "policy/jwt/key_texts.h"

namespace portico::policy::jwt {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'700'000'000)};
constexpr std::string_view kClaims = R"({"sub":"u-1","exp":1700000600})";

void expect_round_trip(const SigningKey& signing, const KeySet& keys, Algorithm algorithm) {
    const auto token = mint(signing, algorithm, kClaims, "any");
    ASSERT_TRUE(token) << token.error();
    VerifierContext context;
    const auto verified = Judge(TokenRules{{algorithm}, {}, {}}).judge(*token, keys, kNow, context);
    ASSERT_TRUE(verified) << name_of(algorithm);
    EXPECT_EQ((*verified)->algorithm, algorithm);
    EXPECT_EQ((*verified)->claims.text(), kClaims);
    std::string changed = *token;
    changed[changed.size() - 10] = changed[changed.size() - 10] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Judge(TokenRules{{algorithm}, {}, {}}).judge(changed, keys, kNow, context));
    EXPECT_TRUE(Judge(TokenRules{{algorithm}, {}, {}}).judge(*token, keys, kNow, context)) << "a bad one leaves no trace in the context";
}

TEST(JwtMint, what_is_minted_with_a_key_verifies_with_its_public_half) {
    struct Case {
        evp::Pkey key;
        std::vector<Algorithm> algorithms;
    };
    const Case keys[] = {
        {make_rsa_key(), {Algorithm::rs256, Algorithm::rs384, Algorithm::rs512, Algorithm::ps256, Algorithm::ps384, Algorithm::ps512}},
        {make_ec_key("P-256"), {Algorithm::es256}},
        {make_ec_key("P-384"), {Algorithm::es384}},
        {make_ec_key("P-521"), {Algorithm::es512}},
        {make_ed25519_key(), {Algorithm::eddsa}},
    };
    for (const auto& [key, algorithms] : keys) {
        const auto signing = SigningKey::from_pem(private_pem(key.get()));
        ASSERT_TRUE(signing) << signing.error();
        const KeySet verifying(*keys_from_pem(public_pem(key.get())));
        for (const Algorithm algorithm : algorithms) expect_round_trip(*signing, verifying, algorithm);
    }
}

TEST(JwtMint, what_is_minted_with_a_secret_verifies_with_it) {
    std::vector<std::string> notes;
    const KeySet keys({*Key::from_secret("s", notes)});
    for (const Algorithm algorithm : {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512}) {
        expect_round_trip(*SigningKey::from_secret("s"), keys, algorithm);
    }
}

TEST(JwtMint, many_ECDSA_signatures_verify_whatever_zeros_they_begin_with) {
    const evp::Pkey key = make_ec_key();
    const auto signing = SigningKey::from_pem(private_pem(key.get()));
    const KeySet keys(*keys_from_pem(public_pem(key.get())));
    VerifierContext context;
    const Judge judge(TokenRules{{Algorithm::es256}, {}, {}});
    for (int i = 0; i < 600; ++i) EXPECT_TRUE(judge.judge(*mint(*signing, Algorithm::es256, kClaims), keys, kNow, context));
}

TEST(JwtMint, one_context_serves_more_keys_than_it_has_places_for) {
    VerifierContext context;
    const Judge judge(TokenRules{{Algorithm::hs256}, {}, {}});
    std::vector<std::string> notes;
    std::vector<KeySet> sets;
    for (int i = 0; i < 200; ++i) sets.push_back(KeySet({*Key::from_secret("secret " + std::to_string(i), notes)}));
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 200; ++i) {
            const auto token = mint(*SigningKey::from_secret("secret " + std::to_string(i)), Algorithm::hs256, kClaims);
            EXPECT_TRUE(judge.judge(*token, sets[i], kNow, context));
            EXPECT_FALSE(judge.judge(*token, sets[(i + 1) % 200], kNow, context));
        }
    }
}

TEST(JwtMint, threads_share_keys_and_judge_with_a_context_each) {
    const evp::Pkey rsa = make_rsa_key();
    const evp::Pkey ed = make_ed25519_key();
    std::vector<std::string> notes;
    auto all = *keys_from_pem(public_pem(rsa.get()) + public_pem(ed.get()));
    all.push_back(*Key::from_secret("s", notes));
    const KeySet keys(std::move(all));
    const Judge judge(TokenRules{{Algorithm::hs256, Algorithm::rs256, Algorithm::eddsa}, {}, {}});
    const std::string tokens[] = {*mint(*SigningKey::from_secret("s"), Algorithm::hs256, kClaims),
                                  *mint(*SigningKey::from_pem(private_pem(rsa.get())), Algorithm::rs256, kClaims),
                                  *mint(*SigningKey::from_pem(private_pem(ed.get())), Algorithm::eddsa, kClaims)};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            VerifierContext context;
            for (int round = 0; round < 20; ++round) {
                for (const std::string& token : tokens) EXPECT_TRUE(judge.judge(token, keys, kNow, context));
            }
        });
    }
    for (std::thread& t : threads) t.join();
}

// What the owner of a remote set does with token_key_unknown.
TEST(JwtMint, a_token_of_a_new_key_is_good_once_the_keys_were_fetched_again) {
    const evp::Pkey old_key = make_ec_key();
    const evp::Pkey new_key = make_ec_key();
    const KeySet before = *keys_from_json(R"({"keys":[)" + ec_jwk(old_key.get(), "old") + "]}", KeyOrigin::published);
    const KeySet after =
        *keys_from_json(R"({"keys":[)" + ec_jwk(old_key.get(), "old") + ',' + ec_jwk(new_key.get(), "new") + "]}", KeyOrigin::published);
    const Judge judge(TokenRules{{Algorithm::es256}, {}, {}});
    VerifierContext context;
    const auto signing = SigningKey::from_pem(private_pem(new_key.get()));
    const std::string token = *mint(*signing, Algorithm::es256, kClaims, "new");
    const auto open = open_token(token, judge.rules().token);
    EXPECT_EQ(judge.judge(*open, before, kNow, context).error().fault, Fault::token_key_unknown);
    EXPECT_EQ((*judge.judge(*open, after, kNow, context))->key_id, "new");
    const std::string expired = *mint(*signing, Algorithm::es256, R"({"exp":1})", "new");
    EXPECT_EQ(judge.judge(expired, before, kNow, context).error().fault, Fault::token_expired) << "not worth a fetch";
}

TEST(JwtMint, what_cannot_be_signed_is_said) {
    EXPECT_FALSE(SigningKey::from_secret(""));
    EXPECT_FALSE(SigningKey::from_pem("no key"));
    EXPECT_FALSE(SigningKey::from_pem(public_pem(make_ec_key().get())));
    const auto secret = SigningKey::from_secret("s");
    EXPECT_FALSE(mint(*secret, Algorithm::rs256, kClaims));
    EXPECT_FALSE(mint(*secret, Algorithm::hs256, "[]"));
    EXPECT_FALSE(mint(*secret, Algorithm::hs256, "{"));
}

}  // namespace
}  // namespace portico::policy::jwt
