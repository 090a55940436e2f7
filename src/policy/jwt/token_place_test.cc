#include "policy/jwt/token_place.h"

#include <gtest/gtest.h>

#include "io/sim/network.h"

namespace portico::policy::jwt {
namespace {

using Kind = TokenPlace::Kind;

const TokenPlace kBearer{Kind::authorization, "Authorization"}, kHeader{Kind::header, "X-Token"}, kCookie{Kind::cookie, "session"},
    kQuery{Kind::query, "access_token"};

class Places : public ::testing::Test {
  protected:
    void field(std::string_view name, std::string_view value) { x.request.fields.add(x.arena.copy(name), x.arena.copy(value)); }
    void query(std::string_view text) {
        x.view.query = x.arena.copy(text);
        x.view.has_query = true;
    }
    // "" for none, "several" for more than one.
    std::string found(std::vector<TokenPlace> places) {
        const FoundToken f = find_token(x, places);
        if (f.several) return "several";
        return f.place == nullptr ? "" : "<" + std::string(f.text) + ">";
    }
    std::string left(std::string_view name) {
        std::string all;
        for (const http::Field& f : x.request.fields) {
            if (iequals(f.name, name)) all += "[" + std::string(f.value) + "]";
        }
        return all;
    }
    static bool iequals(std::string_view a, std::string_view b) {
        return std::ranges::equal(a, b, [](char l, char r) { return std::tolower(l) == std::tolower(r); });
    }

    io::SimNetwork net;
    io::Loop loop{net.backend(), net.clock()};
    observe::Registry registry;
    gateway::Context context{loop, registry, 1};
    gateway::Exchange x{context};
};

class Bearer : public Places, public ::testing::WithParamInterface<std::pair<const char*, const char*>> {};
TEST_P(Bearer, IsReadFromAuthorization) {
    field("Authorization", GetParam().first);
    EXPECT_EQ(found({kBearer}), GetParam().second);
}
INSTANTIATE_TEST_SUITE_P(All, Bearer, ::testing::Values(
    std::pair{"Bearer a.b.c", "<a.b.c>"}, std::pair{"bearer a.b.c", "<a.b.c>"}, std::pair{"BEARER a.b.c", "<a.b.c>"}, std::pair{"bEaReR   a.b.c", "<a.b.c>"},
    std::pair{"Bearer", "<>"}, std::pair{"Bearer  ", "<>"}, std::pair{"Bearer a b", "<a b>"}, std::pair{"Bearera.b.c", ""}, std::pair{"Bearer\ta.b.c", "<\ta.b.c>"},
    std::pair{"Basic YTpi", ""}, std::pair{"a.b.c", ""}, std::pair{"", ""}, std::pair{"Bear", ""}, std::pair{"DPoP a.b.c", ""}));

TEST_F(Places, ThereMayBeNone) {
    EXPECT_EQ(found({kBearer, kHeader, kCookie, kQuery}), "");
    EXPECT_EQ(found({}), "");
}

TEST_F(Places, AHeaderOfItsOwnMayLeaveTheSchemeOut) {
    field("x-tOKEN", "a.b.c");
    EXPECT_EQ(found({kHeader}), "<a.b.c>");
    EXPECT_EQ(found({kBearer}), "");
    field("X-Token", "Bearer d.e.f");
    EXPECT_EQ(found({kHeader}), "several");
}

TEST_F(Places, TheSchemeIsCutOffThereToo) {
    field("X-Token", "Bearer d.e.f");
    EXPECT_EQ(found({kHeader}), "<d.e.f>");
}

TEST_F(Places, MoreThanOneIsSaidWhereverTheyStand) {
    field("Authorization", "Bearer a");
    EXPECT_EQ(found({kBearer, kQuery}), "<a>");
    query("access_token=b");
    EXPECT_EQ(found({kBearer, kQuery}), "several");
    EXPECT_EQ(found({kQuery}), "<b>");
    field("Authorization", "Bearer a");
    EXPECT_EQ(found({kBearer}), "several");
}

TEST_F(Places, A7_AnotherAuthorizationBesideATokenIsOneTooMany) {
    field("Authorization", "Basic YTpi");
    EXPECT_EQ(found({kBearer}), "") << "somebody else's";
    field("Authorization", "Bearer a");
    EXPECT_EQ(found({kBearer}), "several");
}

TEST_F(Places, A7_ASecondSpellingOfAHeadersNameIsASecondToken) {
    field("X_Token", "a");
    EXPECT_EQ(found({kHeader}), "<a>");
    field("X-Token", "b");
    EXPECT_EQ(found({kHeader}), "several");
}

class Cookies : public Places, public ::testing::WithParamInterface<std::array<const char*, 3>> {};
TEST_P(Cookies, AreFoundInTheirListAndTakenOut) {
    field("Cookie", GetParam()[0]);
    EXPECT_EQ(found({kCookie}), GetParam()[1]);
    remove_token(x, kCookie);
    EXPECT_EQ(left("cookie"), GetParam()[2]);
    EXPECT_EQ(found({kCookie}), "");
}
INSTANTIATE_TEST_SUITE_P(All, Cookies, ::testing::Values(
    std::array{"session=t", "<t>", ""}, std::array{"a=1; session=t; b=2", "<t>", "[a=1; b=2]"}, std::array{"session=t;a=1", "<t>", "[a=1]"},
    std::array{"a=1;session=t", "<t>", "[a=1]"}, std::array{"session=", "<>", ""}, std::array{"session=a=b", "<a=b>", ""}, std::array{"Session=t", "<t>", ""},
    std::array{"xsession=t; session2=u", "", "[xsession=t; session2=u]"}, std::array{"session=t; session=u", "several", ""}, std::array{";; a=1 ;;", "", "[;; a=1 ;;]"},
    std::array{"a=1;  session=t  ;b=2", "<t>", "[a=1;b=2]"}, std::array{"flag; a=b; session=TOKEN", "<TOKEN>", "[flag; a=b]"}, std::array{"session =u; session=t", "several", ""}));

TEST_F(Places, CookiesMayStandInSeveralFields) {
    field("Cookie", "a=1");
    field("cookie", "b=2; session=t");
    EXPECT_EQ(found({kCookie}), "<t>");
    remove_token(x, kCookie);
    EXPECT_EQ(left("cookie"), "[a=1][b=2]");
    field("cookie", "session=u");
    field("cookie", "session=u");
    EXPECT_EQ(found({kCookie}), "several");
}

class Queries : public Places, public ::testing::WithParamInterface<std::array<const char*, 3>> {};
TEST_P(Queries, AreFoundAmongThePairsAndTakenOut) {
    query(GetParam()[0]);
    EXPECT_EQ(found({kQuery}), GetParam()[1]);
    remove_token(x, kQuery);
    EXPECT_EQ(x.view.query, GetParam()[2]);
    EXPECT_EQ(x.view.has_query, !x.view.query.empty());
}
INSTANTIATE_TEST_SUITE_P(All, Queries, ::testing::Values(
    std::array{"access_token=t", "<t>", ""}, std::array{"a=1&access_token=t&b=%2F", "<t>", "a=1&b=%2F"}, std::array{"%61ccess%5Ftoken=t&a", "<t>", "a"},
    std::array{"access_token", "<>", ""}, std::array{"access_token=", "<>", ""}, std::array{"access_token=t&access%5ftoken=u", "several", ""},
    std::array{"a;access_token=u&access_token=t", "several", "a"},
    std::array{"access_tokens=t", "", "access_tokens=t"}, std::array{"Access_Token=t", "<t>", ""}));

TEST_F(Places, AHeaderIsTakenOffInAnyCaseAndNoOtherOne) {
    field("x-token", "a");
    field("X_Token", "nobody looked at this one");
    field("X-Other", "b");
    field("Authorization", "Bearer c");
    remove_token(x, kHeader);
    EXPECT_EQ(left("x-token"), "");
    EXPECT_EQ(left("x_token"), "");
    EXPECT_EQ(left("x-other"), "[b]");
    remove_token(x, kBearer);
    EXPECT_EQ(left("authorization"), "");
}

}  // namespace
}  // namespace portico::policy::jwt
