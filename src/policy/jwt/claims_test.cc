// What attacks.txt does not say of claims: times at their ends, required claims, how long a judgement holds.
#include "policy/jwt/claims.h"

#include <gtest/gtest.h>

namespace portico::policy::jwt {
namespace {

constexpr WallTime at(int64_t seconds) {
    return WallTime(std::chrono::seconds(seconds));
}
constexpr WallTime kNow = at(1'700'000'000);

Result<WallTime> judged(std::string_view claims, const ClaimRules& rules, WallTime now = kNow) {
    const auto document = json::Document::parse(claims);
    EXPECT_TRUE(document) << claims;
    return judge_claims(document->root(), rules, now);
}
std::optional<WallTime> time(std::string_view text) {
    return time_of(json::Document::parse(text)->root());
}

TEST(JwtClaims, times_may_have_fractions_and_any_size) {
    EXPECT_EQ(time("1700000000"), kNow);
    EXPECT_EQ(time("1.7e9"), kNow);
    EXPECT_EQ(time("0.25"), WallTime(std::chrono::milliseconds(250)));
    EXPECT_EQ(time("-1"), at(-1));
    for (const std::string_view huge : {"9223372037", "99999999999999999999", "1e18", "1e308", "9223372036854775807"}) EXPECT_EQ(time(huge), WallTime::max()) << huge;
    for (const std::string_view huge : {"-9223372037", "-1e18", "-9223372036854775808"}) EXPECT_EQ(time(huge), WallTime::min()) << huge;
    for (const std::string_view none : {"1e309", "\"1\"", "true", "null", "[]"}) EXPECT_EQ(time(none), std::nullopt) << none;
}

TEST(JwtClaims, a_judgement_holds_until_the_first_of_its_ends) {
    const ClaimRules rules{.leeway = std::chrono::seconds(5), .expiry_required = false, .max_age = std::chrono::seconds(60)};
    EXPECT_EQ(judged(R"({"exp":1700000010,"iat":1699999990})", rules).value(), at(1'700'000'015));
    EXPECT_EQ(judged(R"({"exp":1700009999,"iat":1699999990})", rules).value(), at(1'700'000'055));
    EXPECT_EQ(judged(R"({})", {.expiry_required = false}).value(), WallTime::max());
    EXPECT_EQ(judged(R"({"exp":1e300})", rules).error().fault, Fault::token_claim);
    EXPECT_EQ(judged(R"({"exp":1e300})", {.leeway = std::chrono::hours(1)}).value(), WallTime::max());
}

TEST(JwtClaims, clocks_at_their_ends_do_not_overflow) {
    const ClaimRules rules{.leeway = std::chrono::hours(24), .max_age = std::chrono::hours(1)};
    EXPECT_FALSE(judged(R"({"exp":1,"nbf":1,"iat":1})", rules, WallTime::max()));
    EXPECT_FALSE(judged(R"({"exp":1,"nbf":1e300,"iat":1e300})", rules, WallTime::min()));
    EXPECT_EQ(judged(R"({"exp":-1e300,"iat":-1e300})", rules, WallTime::max()).error().fault, Fault::token_expired);
}

TEST(JwtClaims, required_claims_must_be_there_and_hold_what_is_asked) {
    const ClaimRules rules{.expiry_required = false,
                           .required = {{{"sub"}, {}}, {{"realm", "roles"}, {{json::Kind::string, "admin"}, {json::Kind::string, "editor"}}}}};
    EXPECT_TRUE(judged(R"({"sub":"x","realm":{"roles":["user","editor"]}})", rules));
    EXPECT_TRUE(judged(R"({"sub":0,"realm":{"roles":"admin"}})", rules));
    for (const std::string_view bad : {R"({"realm":{"roles":"admin"}})", R"({"sub":null,"realm":{"roles":"admin"}})", R"({"sub":"x"})",
                                       R"({"sub":"x","realm":"admin"})", R"({"sub":"x","realm":{"roles":["user"]}})",
                                       R"({"sub":"x","realm":{"roles":[["admin"]]}})", R"({"sub":"x","realm":{"roles":"admin editor"}})"}) {
        EXPECT_EQ(judged(bad, rules).error().fault, Fault::token_claim) << bad;
    }
}

TEST(JwtClaims, values_that_are_wanted_have_types) {
    const ClaimRules rules{.expiry_required = false,
                           .required = {{{"verified"}, {{json::Kind::boolean, "true"}}}, {{"level"}, {{json::Kind::number, "2"}, {json::Kind::number, "3"}}}}};
    EXPECT_TRUE(judged(R"({"verified":true,"level":2.0})", rules));
    EXPECT_TRUE(judged(R"({"verified":[false,true],"level":[1,3]})", rules));
    for (const std::string_view bad : {R"({"verified":"true","level":2})", R"({"verified":false,"level":2})", R"({"verified":true,"level":"2"})", R"({"verified":true,"level":4})"}) {
        EXPECT_EQ(judged(bad, rules).error().fault, Fault::token_claim) << bad;
    }
}

TEST(JwtClaims, one_of_several_issuers_and_audiences_is_enough) {
    const ClaimRules rules{.issuers = {"a", "b"}, .audiences = {"x", "y"}, .expiry_required = false};
    EXPECT_TRUE(judged(R"({"iss":"b","aud":["z","y"]})", rules));
    EXPECT_EQ(judged(R"({"iss":"c","aud":"x"})", rules).error().fault, Fault::token_issuer);
    EXPECT_EQ(judged(R"({"iss":"a","aud":"z"})", rules).error().fault, Fault::token_audience);
}

}  // namespace
}  // namespace portico::policy::jwt
