#include "policy/cors/grant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::policy::cors {
namespace {

using Lines = std::vector<std::string>;

Grant grant(std::initializer_list<const char*> origins) {
    Grant g;
    for (const char* o : origins) EXPECT_FALSE(g.origins.add(o));
    return g;
}

Lines lines(const http::FieldList& fields) {
    Lines out;
    for (const http::Field& f : fields) out.push_back(std::string(f.name) + ": " + std::string(f.value));
    return out;
}

Lines answer(const Grant& g, std::string_view origin, std::initializer_list<std::pair<const char*, const char*>> before = {}) {
    Arena arena;
    http::FieldList fields;
    for (const auto& [name, value] : before) fields.add(name, value);
    g.write_answer(origin, fields, arena);
    return lines(fields);
}

Lines preflight(const Grant& g, const Grant::Question& q) {
    Arena arena;
    http::FieldList fields;
    g.write_preflight(q, fields, arena);
    Lines out = lines(fields);
    EXPECT_EQ(out.at(0), "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    out.erase(out.begin());
    return out;
}

TEST(Grant, AnAdmittedOriginIsNamedAndTheAnswerVaries) {
    EXPECT_EQ(answer(grant({"https://a.test"}), "https://a.test"), (Lines{"Vary: Origin", "Access-Control-Allow-Origin: https://a.test"}));
}

TEST(Grant, AnyoneElseGetsNothingButTheVary) {
    EXPECT_EQ(answer(grant({"https://a.test"}), "https://b.test"), (Lines{"Vary: Origin"}));
    EXPECT_EQ(answer(grant({"https://a.test"}), ""), (Lines{"Vary: Origin"}));
}

TEST(Grant, EveryOriginIsAStarWhetherOrNotOneIsSent) {
    EXPECT_EQ(answer(grant({"*"}), "https://b.test"), (Lines{"Access-Control-Allow-Origin: *"}));
    EXPECT_EQ(answer(grant({"*"}), ""), (Lines{"Access-Control-Allow-Origin: *"}));
}

TEST(Grant, CredentialsAndExposedHeadersAreSaid) {
    Grant g = grant({"https://a.test"});
    g.credentials = true;
    g.expose = "X-Total";
    EXPECT_EQ(answer(g, "https://a.test"), (Lines{"Vary: Origin", "Access-Control-Allow-Origin: https://a.test", "Access-Control-Allow-Credentials: true",
                                                  "Access-Control-Expose-Headers: X-Total"}));
}

TEST(Grant, TakesThePlaceOfWhatTheServiceSaid) {
    EXPECT_EQ(answer(grant({"https://a.test"}), "https://b.test", {{"access-control-allow-origin", "*"}, {"X-A", "1"}, {"Access-Control-Max-Age", "9"}}),
              (Lines{"X-A: 1", "Vary: Origin"}));
}

TEST(Grant, VaryIsMergedAndNeverDoubled) {
    const Grant g = grant({"https://a.test"});
    EXPECT_EQ(answer(g, "", {{"Vary", "Accept-Encoding"}}), (Lines{"Vary: Accept-Encoding, Origin"}));
    EXPECT_EQ(answer(g, "", {{"vary", "accept, origin"}}), (Lines{"vary: accept, origin"}));
    EXPECT_EQ(answer(g, "", {{"Vary", "*"}}), (Lines{"Vary: *"}));
    EXPECT_EQ(answer(g, "", {{"Vary", "A"}, {"Vary", "B"}}), (Lines{"Vary: A", "Vary: B, Origin"}));
    EXPECT_EQ(answer(g, "", {{"Vary", ""}}), (Lines{"Vary: Origin"}));
}

TEST(Grant, APreflightIsToldTheRoutesMethods) {
    Grant g = grant({"https://a.test"});
    g.headers = "Authorization";
    EXPECT_EQ(preflight(g, {"https://a.test", "PUT", "x-b", "GET, PUT"}),
              (Lines{"Access-Control-Allow-Origin: https://a.test", "Access-Control-Allow-Methods: GET, PUT", "Access-Control-Allow-Headers: Authorization"}));
    EXPECT_EQ(preflight(g, {"https://a.test", "PUT", "", ""}).at(1), "Access-Control-Allow-Methods: PUT");
    g.methods = "POST";
    EXPECT_EQ(preflight(g, {"https://a.test", "PUT", "", "GET, PUT"}).at(1), "Access-Control-Allow-Methods: POST");
}

TEST(Grant, AStarForHeadersEchoesNamesAndNothingElse) {
    Grant g = grant({"*"});
    g.any_method = g.any_header = true;
    g.max_age = "600";
    EXPECT_EQ(preflight(g, {"https://a.test", "PATCH", "x-a,X-B,, a b,\"q\"", "GET"}),
              (Lines{"Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: PATCH", "Access-Control-Allow-Headers: x-a, X-B", "Access-Control-Max-Age: 600"}));
    EXPECT_EQ(preflight(g, {"https://a.test", "A B", "", ""}), (Lines{"Access-Control-Allow-Origin: *", "Access-Control-Max-Age: 600"}));
}

TEST(Grant, AStrangersPreflightIsToldNothing) { EXPECT_EQ(preflight(grant({"https://a.test"}), {"https://b.test", "GET", "", ""}), Lines{}); }

}  // namespace
}  // namespace portico::policy::cors
