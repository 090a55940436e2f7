#include "http/credential.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/meter_fixture.h"

namespace portico::http {
namespace {

FieldList cookies(std::string_view value) {
    FieldList fields;
    fields.add("Cookie", value);
    return fields;
}
std::string shown(const Presented& p) {
    return p.count == 0 ? "none" : p.count > 1 ? "several" : "<" + std::string(p.first) + ">";
}
std::string value_left(const FieldList& fields) { return fields.empty() ? "gone" : std::string(fields.all()[0].value); }

struct Case {
    const char* text;
    const char* found;
    const char* left;
};

class CookieNames : public ::testing::TestWithParam<Case> {};
TEST_P(CookieNames, AreReadAlikeForTakingAndForRemoving) {
    Arena arena;
    FieldList fields = cookies(GetParam().text);
    EXPECT_EQ(shown(presented_in_cookies(fields, "session")), GetParam().found);
    remove_cookies(fields, "session", arena);
    EXPECT_EQ(value_left(fields), GetParam().left);
    EXPECT_EQ(presented_in_cookies(fields, "session").count, 0u);
}
INSTANTIATE_TEST_SUITE_P(A7, CookieNames, ::testing::Values(
    Case{"session=t", "<t>", "gone"}, Case{"session =f; session=t", "several", "gone"}, Case{"\tsession\t=f; session=t", "several", "gone"},
    Case{"session\xa0=f; session=t", "several", "gone"}, Case{"\"session\"=f; session=t", "several", "gone"}, Case{"=session=f; session=t", "several", "gone"},
    Case{"a=1,session=f; session=t", "several", "a=1"}, Case{"a=1, session=t; b=2", "<t>", "a=1; b=2"}, Case{"%73ession=f; session=t", "several", "gone"},
    Case{"session; session=t", "several", "gone"}, Case{"session = t ;b=2", "<t>", "b=2"}, Case{"session=a,b=c", "<a,b=c>", "gone"},
    Case{"Session=f; session=t", "several", "gone"}, Case{"session[]=f; session=t", "several", "gone"},
    Case{"a=1; session[x]=f; session=t", "several", "a=1"}, Case{"SES%53ION=f; session=t", "several", "gone"}, Case{"+session=f; session=t", "several", "gone"}, Case{"xsession=f; session2=f; session=t", "<t>", "xsession=f; session2=f"}));
INSTANTIATE_TEST_SUITE_P(A80, CookieNames, ::testing::Values(
    Case{"flag; a=b; session=TOKEN", "<TOKEN>", "flag; a=b"}, Case{"session=TOKEN; flag", "<TOKEN>", "flag"}, Case{"a=1;session=t;  b=\"x, y\";;", "<t>", "a=1;  b=\"x, y\";;"},
    Case{";; a=1 ;;", "none", ";; a=1 ;;"}, Case{"flag", "none", "flag"}, Case{"=x; a=1,2; session=t", "<t>", "=x; a=1,2"}));

// SimpleCookie reads `b` and `session` of `a=1 b=2 session=f`, with white space around each `=`.
INSTANTIATE_TEST_SUITE_P(WhiteSpace, CookieNames, ::testing::Values(
    Case{"session=t; a=b session=f", "several", "a=b"}, Case{"a=b\tsession=t\tc=d; e=f", "<t>", "a=b\tc=d; e=f"}, Case{"a=b session = t c", "<>", "a=b c"},
    Case{"a=b session= t c", "<>", "a=b c"}, Case{"a=b session =t; c", "<t>", "a=b ; c"}, Case{"a = b  Session=t", "<t>", "a = b"}, Case{"session=t session=f", "several", "gone"},
    Case{"session x=f; session=t", "several", "gone"}, Case{"a, b session=f, c=d; session=t", "several", "a, b , c=d"}, Case{"a= session=f; session=t", "several", "a="},
    Case{"a=1 \"session\"=f; session=t", "several", "a=1"}, Case{"a=b sessions=f xsession=f; session=t", "<t>", "a=b sessions=f xsession=f"},
    Case{"a=b %73ession=f; session=t", "several", "a=b"}, Case{"[session]=f; s%u0065ssion=f; session]=f; session=t", "several", "gone"}));

class PairNames : public ::testing::TestWithParam<Case> {};
TEST_P(PairNames, AreReadAlikeForTakingAndForRemoving) {
    Arena arena;
    EXPECT_EQ(shown(presented_in_query(GetParam().text, "token")), GetParam().found);
    const std::string_view left = without_pairs(GetParam().text, "token", arena);
    EXPECT_EQ(left, GetParam().left);
    EXPECT_EQ(presented_in_query(left, "token").count, 0u);
}
INSTANTIATE_TEST_SUITE_P(A7, PairNames, ::testing::Values(
    Case{"token=t", "<t>", ""}, Case{"a;token=f&token=t", "several", "a"}, Case{"a;token=t;c&b", "<t>", "a;c&b"}, Case{"token=t;b=1", "<t;b=1>", ""},
    Case{"token=f;token=t", "several", ""}, Case{"t%6fken=f&token=t", "several", ""}, Case{"+token=f&token%20=f&token=t", "several", ""},
    Case{"?token=f&token=t", "several", ""}, Case{"a=1&&token=t&b=%2F&", "<t>", "a=1&&b=%2F&"}, Case{"a=1&&b", "none", "a=1&&b"}, Case{"", "none", ""},
    Case{"token&a", "<>", "a"}, Case{"tokens=f&a=token&x[token]=f&token=t", "<t>", "tokens=f&a=token&x[token]=f"},
    Case{"Token=f&token=t", "several", ""}, Case{"token[]=f&token=t", "several", ""}, Case{"a&token%5Bx%5D=f&token=t", "several", "a"},
    Case{"token%00x=f&token=t", "several", ""}));
INSTANTIATE_TEST_SUITE_P(Brackets, PairNames, ::testing::Values(
    Case{"[token]=f&token=t", "several", ""}, Case{"%5Btoken%5D=f&token=t", "several", ""}, Case{"a&[token]=t", "<t>", "a"}, Case{"token]=f&token=t", "several", ""},
    Case{"]token=f&token=t", "several", ""}, Case{"[[token]]=f&token=t", "several", ""}, Case{"+[token]=f&token=t", "several", ""},
    Case{"[token][x]=f&token=t", "several", ""}, Case{"a;[token]=f&token=t", "several", "a"}, Case{"[Token%00]=f&token=t", "several", ""},
    Case{"[x]token=f&[tokens]=f&x[token]=f&[]=1&[&token=t", "<t>", "[x]token=f&[tokens]=f&x[token]=f&[]=1&["}));
INSTANTIATE_TEST_SUITE_P(WideEscapes, PairNames, ::testing::Values(
    Case{"%u0074oken=f&token=t", "several", ""}, Case{"t%U006Fk%65%u006e=f&token=t", "several", ""}, Case{"%u005Btoken%u005D=f&token=t", "several", ""},
    Case{"%u0174oken=f&%u074oken=f&%u0074=f&%ua&%u&%&token=t", "<t>", "%u0174oken=f&%u074oken=f&%u0074=f&%ua&%u&%"},
    Case{"%u20ACtoken=f&token=t", "<t>", "%u20ACtoken=f"}));

// PHP makes `access_token` of each of these, ASP.NET of the last one.
TEST(Names, A7_CountWithAnotherByteInPlaceOfTheirSeparator) {
    Arena arena;
    for (const std::string other : {"access.token", "access%20token", "access+token", "access[token", "access[token%00x", "Access_Token"}) {
        const std::string text = "a&" + other + "=f&access_token=t";
        EXPECT_EQ(presented_in_query(text, "access_token").count, 2u) << other;
        EXPECT_EQ(without_pairs(text, "access_token", arena), "a") << other;
    }
    for (const std::string other : {"access.token", "access-token", "ACCESS_TOKEN", "access%5ftoken", "access[token%00x", "access+token"}) {
        const std::string text = other + "=f; access_token=t; access=1; accesstoken=2";
        FieldList fields = cookies(text);
        EXPECT_EQ(presented_in_cookies(fields, "access_token").count, 2u) << other;
        remove_cookies(fields, "access_token", arena);
        EXPECT_EQ(value_left(fields), "access=1; accesstoken=2") << other;
    }
}

class Schemes : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(Schemes, A7_EndWhereNoSchemeGoesOn) {
    const auto found = behind_scheme(GetParam().first, "Bearer");
    EXPECT_EQ(found ? "<" + std::string(*found) + ">" : "none", GetParam().second);
}
INSTANTIATE_TEST_SUITE_P(All, Schemes, ::testing::Values(
    std::pair{"Bearer a.b", "<a.b>"}, std::pair{"bEARER  a.b", "<a.b>"}, std::pair{"Bearer", "<>"}, std::pair{"Bearer\ta.b", "<\ta.b>"},
    std::pair{"Bearer\xa0" "a.b", "<\xa0" "a.b>"}, std::pair{"Bearer,a.b", "<,a.b>"}, std::pair{"Bearer: a.b", "<: a.b>"}, std::pair{"Bearer=a.b", "<=a.b>"},
    std::pair{"\xa0" "Bearer a.b", "<\xa0" "Bearer a.b>"}, std::pair{"\"Bearer a.b\"", "<\"Bearer a.b\">"},
    std::pair{"Bearers a.b", "none"}, std::pair{"Bearer.a", "none"}, std::pair{"Basic Bearer", "none"}, std::pair{"Bear", "none"}, std::pair{"", "none"},
    std::pair{"\xa0", "none"}));

TEST(HeaderNames, A7_AreReadAlikeForTakingAndForRemoving) {
    for (const char* other : {"X_Token", "x-token", "X.Token", "x!TOKEN"}) {
        FieldList fields;
        fields.add("X-Token", "t");
        EXPECT_EQ(shown(presented_in_headers(fields, "X-Token")), "<t>");
        fields.add("X-Tokens", "u");
        fields.add(other, "f");
        EXPECT_EQ(presented_in_headers(fields, "X-Token").count, 2u) << other;
        remove_headers(fields, "X-Token");
        ASSERT_EQ(fields.size(), 1u) << other;
        EXPECT_EQ(fields.all()[0].name, "X-Tokens");
    }
}

// PHP makes `access_token` of `access token`: taking a part out from between the two must not make one.
TEST(Names, OfTwoWordsDoNotComeTogetherByWhatIsTakenOut) {
    Arena arena;
    FieldList fields = cookies("access access_token token=f; a=b, access access_token=f token=f; c=d");
    EXPECT_EQ(presented_in_cookies(fields, "access_token").count, 2u);
    remove_cookies(fields, "access_token", arena);
    EXPECT_EQ(value_left(fields), "a=b; c=d");
}

// Whatever is taken off, nothing of it is left, and nothing else went.
TEST(Names, OfDrawnTextsAreTakenOffWhole) {
    Arena arena;
    constexpr std::array<const char*, 18> kPieces = {"token", "[", "]", "%u0074oken", "tok en", "=", ";", "&", ",", " ", "a", "%74oken", "\"", "?", "+", "b=1", "\t", "flag"};
    uint64_t seed = 42;
    const auto draw = [&] { return (seed = seed * 6364136223846793005 + 1442695040888963407) >> 33; };
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (uint64_t n = draw() % 12; n > 0; --n) text += kPieces[draw() % kPieces.size()];
        const std::string_view query = without_pairs(text, "token", arena);
        EXPECT_EQ(presented_in_query(query, "token").count, 0u) << text;
        EXPECT_EQ(query == text, presented_in_query(text, "token").count == 0) << text;
        FieldList fields = cookies(text);
        const size_t count = presented_in_cookies(fields, "token").count;
        remove_cookies(fields, "token", arena);
        EXPECT_EQ(presented_in_cookies(fields, "token").count, 0u) << text;
        if (count == 0) EXPECT_EQ(value_left(fields), text);
    }
}

// A form that is searched for a name is a whole body.
TEST(Names, ASearchIsPaidForByPieces) {
    const auto steps_of = [](std::string_view text, uint64_t most) {
        const CountingMeter meter(most);
        presented_in_query(text, "token");
        return meter.told;
    };
    constexpr size_t kSize = 1 << 18;
    for (const std::string& text : {"x=" + std::string(kSize, ';'), std::string(kSize, '&')}) {
        EXPECT_GE(steps_of(text, UINT64_MAX), 2 * kSize);
        EXPECT_LE(steps_of(text, 1000), kSize / 32) << "it ends where nothing more may be spent";
    }
    for (const char c : {'x', ' ', '%'}) EXPECT_GE(steps_of(std::string(kSize, c), UINT64_MAX), kSize / 16) << c;
}

}  // namespace
}  // namespace portico::http
