#include "policy/jwt/token_cache.h"

#include <gtest/gtest.h>

#include "policy/jwt/mint.h"

namespace portico::policy::jwt {
namespace {

constexpr WallTime at(int64_t seconds) {
    return WallTime(std::chrono::seconds(seconds));
}
constexpr WallTime kNow = at(1000);
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

std::shared_ptr<const VerifiedToken> token(std::string text, WallTime until = at(2000)) {
    return std::make_shared<const VerifiedToken>(VerifiedToken{std::move(text), {}, until, "", Algorithm::hs256, std::nullopt});
}
std::string minted(std::string_view claims, std::string_view secret = kSecret) {
    return mint(*SigningKey::from_secret(secret), Algorithm::hs256, claims).value();
}

TEST(JwtCache, a_token_is_found_until_it_ends) {
    TokenCache cache({}, 7);
    cache.keep(token("abc"), 1);
    ASSERT_NE(cache.find("abc", 1, kNow), nullptr);
    EXPECT_EQ((*cache.find("abc", 1, at(1999)))->compact, "abc");
    EXPECT_EQ(cache.find("abd", 1, kNow), nullptr);
    EXPECT_EQ(cache.find("", 1, kNow), nullptr);
    EXPECT_EQ(cache.find("abc", 1, at(2000)), nullptr);
    EXPECT_EQ(cache.find("abc", 1, kNow), nullptr) << "what is over is dropped";
}

TEST(JwtCache, another_generation_finds_nothing) {
    TokenCache cache({}, 7);
    cache.keep(token("abc"), 1);
    EXPECT_EQ(cache.find("abc", 2, kNow), nullptr);
    cache.keep(token("abc"), 2);
    EXPECT_NE(cache.find("abc", 2, kNow), nullptr);
    cache.keep_bad("bad", 2, kNow);
    EXPECT_TRUE(cache.is_bad("bad", 2, kNow));
    EXPECT_FALSE(cache.is_bad("bad", 3, kNow));
}

TEST(JwtCache, tokens_that_differ_only_before_their_end_are_told_apart) {
    TokenCache cache({}, 7);
    const std::string end(40, 'x');
    cache.keep(token("a" + end), 1);
    EXPECT_NE(cache.find("a" + end, 1, kNow), nullptr);
    EXPECT_EQ(cache.find("b" + end, 1, kNow), nullptr);
    cache.keep_bad("b" + end, 1, kNow);
    EXPECT_TRUE(cache.is_bad("b" + end, 1, kNow));
    EXPECT_FALSE(cache.is_bad("a" + end, 1, kNow));
}

TEST(JwtCache, it_never_holds_more_than_its_bound) {
    TokenCache cache({.tokens = 16, .bad_tokens = 4}, 7);
    const auto first = token("token 0");
    std::vector<std::weak_ptr<const VerifiedToken>> kept;
    for (int i = 0; i < 1000; ++i) {
        const auto t = token("token " + std::to_string(i));
        kept.push_back(t);
        cache.keep(t, 1);
        cache.keep_bad("bad " + std::to_string(i), 1, kNow);
    }
    size_t alive = 0;
    for (const auto& t : kept) alive += t.expired() ? 0 : 1;
    EXPECT_LE(alive, 16U);
    EXPECT_NE(cache.find("token 999", 1, kNow), nullptr);
    EXPECT_TRUE(cache.is_bad("bad 999", 1, kNow));
}

// A request of a client whose token was pushed out though there was room costs a verification each time.
TEST(JwtCache, every_token_is_found_again_up_to_the_bound) {
    TokenCache cache({.tokens = 1000}, 7);
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 1000; ++i) {
            const std::string text = "token " + std::to_string(i);
            if (round == 0) cache.keep(token(text), 1);
            else EXPECT_NE(cache.find(text, 1, kNow), nullptr) << i;
        }
    }
}

TEST(JwtCache, tokens_in_use_outlive_a_flood_of_others) {
    TokenCache cache({.tokens = 64}, 7);
    cache.keep(token("mine"), 1);
    for (int i = 0; i < 10'000; ++i) {
        cache.keep(token("flood " + std::to_string(i)), 1);
        if (i % 32 == 0) ASSERT_NE(cache.find("mine", 1, kNow), nullptr) << i;
    }
}

TEST(JwtCache, dropped_tokens_make_room) {
    TokenCache cache({.tokens = 4}, 7);
    for (int i = 0; i < 100; ++i) {
        const std::string text = "token " + std::to_string(i);
        cache.keep(token(text), 1);
        cache.keep(token(text), 2);
        ASSERT_NE(cache.find(text, 2, kNow), nullptr);
        ASSERT_EQ(cache.find(text, 1, kNow), nullptr);
        ASSERT_EQ(cache.find(text, 2, kNow), nullptr) << "found in the wrong generation, it was dropped";
    }
}

TEST(JwtCache, large_tokens_push_others_out) {
    TokenCache cache({.tokens = 64, .max_bytes = 100'000}, 7);
    size_t held = 0;
    std::vector<std::weak_ptr<const VerifiedToken>> kept;
    for (int i = 0; i < 200; ++i) {
        const auto t = token(std::string(10'000, 'x') + std::to_string(i));
        kept.push_back(t);
        cache.keep(t, 1);
        EXPECT_NE(cache.find(t->compact, 1, kNow), nullptr);
    }
    for (const auto& t : kept) held += t.expired() ? 0 : 10'000;
    EXPECT_LE(held, 100'000U);
    EXPECT_GE(held, 80'000U);
    cache.keep(token(std::string(200'000, 'y')), 1);
    EXPECT_EQ(cache.find(std::string(200'000, 'y'), 1, kNow), nullptr) << "larger than all room";
}

TEST(JwtCache, the_one_that_was_used_last_stays) {
    TokenCache cache({.tokens = 2}, 7);
    cache.keep(token("a"), 1);
    cache.keep(token("b"), 1);
    EXPECT_NE(cache.find("a", 1, kNow), nullptr);
    cache.keep(token("c"), 1);
    EXPECT_NE(cache.find("a", 1, kNow), nullptr);
    EXPECT_EQ(cache.find("b", 1, kNow), nullptr);
}

TEST(JwtCache, nothing_is_kept_where_the_bounds_are_zero) {
    TokenCache cache({.tokens = 0, .bad_tokens = 0}, 7);
    cache.keep(token("a"), 1);
    cache.keep_bad("b", 1, kNow);
    EXPECT_EQ(cache.find("a", 1, kNow), nullptr);
    EXPECT_FALSE(cache.is_bad("b", 1, kNow));
}

TEST(JwtCache, bad_tokens_are_forgotten_soon_and_long_ones_at_once) {
    TokenCache cache({.max_bad_size = 8, .bad_for = std::chrono::seconds(30)}, 7);
    cache.keep_bad("short", 1, kNow);
    cache.keep_bad("far too long", 1, kNow);
    EXPECT_TRUE(cache.is_bad("short", 1, at(1029)));
    EXPECT_FALSE(cache.is_bad("short", 1, at(1030)));
    EXPECT_FALSE(cache.is_bad("far too long", 1, kNow));
}

TEST(JwtCache, judging_goes_through_it) {
    std::vector<std::string> notes;
    const KeySet keys({*Key::from_secret(kSecret, notes)});
    const KeySet none;
    const Judge judge(TokenRules{{Algorithm::hs256}, {}, {}});
    VerifierContext context;
    TokenCache cache({}, 7);
    const std::string good = minted(R"({"sub":"u-1","exp":2000})");
    const std::string bad = minted(R"({"sub":"u-1","exp":2000})", "another secret of thirty-two bytes");
    const auto verified = judge_cached(judge, good, keys, 1, kNow, context, cache);
    ASSERT_TRUE(verified);
    EXPECT_EQ((*verified)->claims.root().find("sub").string(), "u-1");
    EXPECT_EQ(*judge_cached(judge, good, none, 1, kNow, context, cache), *verified) << "no key is needed again";
    EXPECT_EQ(judge_cached(judge, good, keys, 1, at(2000), context, cache).error().fault, Fault::token_expired);

    EXPECT_EQ(judge_cached(judge, bad, keys, 1, kNow, context, cache).error().fault, Fault::token_signature);
    EXPECT_EQ(judge_cached(judge, bad, none, 1, kNow, context, cache).error().fault, Fault::token_signature) << "from memory";
    EXPECT_EQ(judge_cached(judge, bad, none, 2, kNow, context, cache).error().fault, Fault::token_key_unknown);
}

}  // namespace
}  // namespace portico::policy::jwt
