#include "policy/jwt/revocation.h"

#include <gtest/gtest.h>

namespace portico::policy::jwt {
namespace {

bool revokes(const char* entry, const char* claims = R"({"iat":1700000000})") { return Revocation::revokes(entry, *json::Document::parse(claims)); }

TEST(Revocation, A70_a_time_beyond_the_range_revokes_every_token) {
    for (const char* entry : {"9223372036", "9223372037", "9999999999", "1700000000000", "18446744073709551615", "18446744073709551616", "99999999999999999999999"}) {
        EXPECT_TRUE(revokes(entry)) << entry;
        EXPECT_TRUE(revokes(entry, R"({"iat":9000000000})")) << entry;
    }
    for (const char* iat : {"9223372036", "9223372037", "1e300", "-1e300"}) {
        EXPECT_TRUE(revokes("9999999999", (R"({"iat":)" + std::string(iat) + "}").c_str())) << iat;
    }
}

TEST(Revocation, ATimeRevokesTokensUpToItAndThoseWithoutOne) {
    EXPECT_TRUE(revokes("1700000000"));
    EXPECT_FALSE(revokes("1699999999"));
    EXPECT_FALSE(revokes("0"));
    EXPECT_TRUE(revokes("0", "{}"));
    EXPECT_TRUE(revokes("0", R"({"iat":"1700000000"})"));
    EXPECT_TRUE(revokes("1700000000", R"({"iat":1699999999.9})"));
    EXPECT_FALSE(revokes("1700000000", R"({"iat":1700000000.5})"));
}

TEST(Revocation, WhatIsNoTimeRevokesEveryToken) {
    for (const char* entry : {"", "x", "-1", "+1", " 1", "1 ", "1.5", "0x10", "1e3"}) EXPECT_TRUE(revokes(entry)) << entry;
}

TEST(Revocation, T70_numbers_count_by_their_text_and_nothing_else_can_hide) {
    RevocationSettings settings;
    settings.subjects = {"123456"};
    settings.tokens = {"777"};
    const Revocation revocation(settings);
    const auto fault = [&](const char* claims) {
        const auto error = revocation.listed(*json::Document::parse(claims));
        return error ? std::optional(error->fault) : std::nullopt;
    };
    EXPECT_EQ(fault(R"({"sub":123456})"), Fault::token_revoked);
    EXPECT_EQ(fault(R"({"sub":"123456"})"), Fault::token_revoked);
    EXPECT_EQ(fault(R"({"sub":"a","jti":777})"), Fault::token_revoked);
    EXPECT_EQ(fault(R"({"sub":1234567,"jti":"x"})"), std::nullopt);
    EXPECT_EQ(fault("{}"), std::nullopt);
    for (const char* bad : {R"({"sub":["123456"]})", R"({"sub":{}})", R"({"jti":true})", R"({"jti":null})"}) EXPECT_EQ(fault(bad), Fault::token_claim) << bad;
}

}  // namespace
}  // namespace portico::policy::jwt
