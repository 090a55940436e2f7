#include "policy/basic/credentials.h"

#include <gtest/gtest.h>

#include <string>

namespace portico::policy::basic {
namespace {

// "user|password", or "(none)".
std::string read(const std::string& value) {
    Arena arena;
    const auto c = read_credentials(value, arena);
    return c ? std::string(c->user) + "|" + std::string(c->password) : "(none)";
}

TEST(Credentials, AreTheStandards) {
    EXPECT_EQ(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "Aladdin|open sesame");  // RFC 7617 §2
    EXPECT_EQ(read("Basic dGVzdDoxMjPCow=="), "test|123£");                        // RFC 7617 §2.1
}

TEST(Credentials, TheSchemeHasNoCase) {
    EXPECT_EQ(read("bAsIC YTpi"), "a|b");
    EXPECT_EQ(read("Basic   YTpi"), "a|b");
    EXPECT_TRUE(is_basic("Basic"));
    EXPECT_FALSE(is_basic("Basically x"));
    EXPECT_FALSE(is_basic("Bearer x"));
}

TEST(Credentials, A7_OfASchemeWithAnotherByteBehindItAreMalformed) {
    for (const char* value : {"Basic\tYTpi", "Basic////YTpi", "Basic\xa0YTpi", "Basic,YTpi", "Basic: YTpi", "\xa0" "Basic YTpi"}) {
        EXPECT_TRUE(is_basic(value)) << value;
        EXPECT_EQ(read(value), "(none)") << value;
    }
}

TEST(Credentials, APasswordMayHoldColonsOrBeEmpty) {
    EXPECT_EQ(read("Basic YTpiOmM="), "a|b:c");
    EXPECT_EQ(read("Basic YTo="), "a|");
}

TEST(Credentials, HaveOneSpelling) {
    EXPECT_EQ(read("Basic YTpiYw=="), "a|bc");
    EXPECT_EQ(read("Basic YTpiYx=="), "(none)");  // the same bytes, with bits that say nothing
    EXPECT_EQ(read("Basic YTpiYw"), "(none)");
    EXPECT_EQ(read("Basic YTpiYw="), "(none)");
    EXPECT_EQ(read("Basic YTp\tiYw=="), "(none)");
    EXPECT_EQ(read("Basic YTpi YTpi"), "(none)");
    EXPECT_EQ(read("Basic YTpi===="), "(none)");
    EXPECT_EQ(read("Basic YT-_"), "(none)");
}

TEST(Credentials, WithoutColonUserOrWithControlsAreNone) {
    EXPECT_EQ(read("Basic YWI="), "(none)");      // "ab"
    EXPECT_EQ(read("Basic OnB3"), "(none)");      // ":pw"
    EXPECT_EQ(read("Basic YTpiAA=="), "(none)");  // NUL
    EXPECT_EQ(read("Basic YTpiCmM="), "(none)");  // LF
    EXPECT_EQ(read("Basic YX86Yg=="), "(none)");  // DEL
    EXPECT_EQ(read("Basic "), "(none)");
    EXPECT_EQ(read("Basic"), "(none)");
}

TEST(Credentials, TooLongOnesAreNone) {
    EXPECT_NE(read("Basic YTpi" + std::string(2036, 'Z')), "(none)");
    EXPECT_EQ(read("Basic YTpi" + std::string(2040, 'Z')), "(none)");
}

}  // namespace
}  // namespace portico::policy::basic
