#include "policy/jwt/mint.h"

#include <gtest/gtest.h>

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
