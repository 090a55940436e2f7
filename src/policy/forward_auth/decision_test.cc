#include "policy/forward_auth/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::policy::forward_auth {
namespace {

http::FieldList fields(std::initializer_list<std::pair<const char*, const char*>> rows) {
    http::FieldList list;
    for (const auto& [name, value] : rows) list.add(name, value);
    return list;
}

TEST(Outcome, OnlySuccessPassesAndOnlyAnAnswerMeantForTheClientRefuses) {
    for (const int status : {200, 201, 204, 299}) EXPECT_EQ(outcome_of(status), Outcome::pass) << status;
    for (const int status : {301, 302, 303, 307, 308, 401, 403}) EXPECT_EQ(outcome_of(status), Outcome::refuse) << status;
    for (const int status : {100, 199, 300, 304, 305, 400, 404, 407, 429, 431}) EXPECT_EQ(outcome_of(status), Outcome::unusable) << status;
    for (const int status : {500, 502, 503, 599}) EXPECT_EQ(outcome_of(status), Outcome::failed) << status;
}

TEST(Outcome, WhatClientsCanBringAboutIsNoFailureOfTheService) {
    for (const Fault fault : {Fault::upstream_refused, Fault::upstream_connect_timeout, Fault::upstream_idle_timeout, Fault::upstream_closed}) EXPECT_TRUE(is_failure_of_service(Error(fault)));
    for (const Fault fault : {Fault::upstream_protocol, Fault::upstream_head_too_large, Fault::upstream_overloaded, Fault::internal}) EXPECT_FALSE(is_failure_of_service(Error(fault)));
}

TEST(Copied, AHeaderThatIsAbsentOrEmptyHasNoValue) {
    const Copied row{"X-User", "sub", false};
    EXPECT_EQ(**value_of(row, fields({{"x-user", "alice"}})), "alice");
    EXPECT_FALSE(*value_of(row, fields({{"X-Other", "a"}})));
    EXPECT_FALSE(*value_of(row, fields({{"X-User", ""}})));
}

TEST(Copied, AHeaderThatStandsTwiceIsNoAnswer) {
    EXPECT_EQ(value_of({"X-User", "sub", false}, fields({{"X-User", "alice"}, {"x-USER", "bob"}})).error().fault, Fault::upstream_protocol);
    EXPECT_EQ(value_of({"X-User", "", false}, fields({{"X-User", "alice"}, {"x_user", "bob"}})).error().fault, Fault::upstream_protocol);
}

TEST(Claims, AreTextsAndLists) {
    const std::vector<Copied> rows = {{"X-User", "sub", false}, {"X-Groups", "groups", true}, {"X-Trace", "", false}, {"X-Plan", "plan", false}};
    EXPECT_EQ(*claims_of(rows, {"al\"ice", "a, b,,c", "t", std::nullopt}), R"({"sub":"al\"ice","groups":["a","b","c"]})");
    EXPECT_EQ(*claims_of(rows, {"7", std::nullopt, std::nullopt, "gold"}), R"({"sub":"7","plan":"gold"})");
}

TEST(Claims, WithoutAnyValueNobodyIsNamed) {
    const std::vector<Copied> rows = {{"X-User", "sub", false}, {"X-Trace", "", false}};
    EXPECT_EQ(claims_of(rows, {std::nullopt, "t"}), std::nullopt);
    EXPECT_EQ(claims_of({}, {}), std::nullopt);
}

TEST(Claims, TextThatIsNotUtf8IsNoClaim) {
    const std::vector<Copied> rows = {{"X-User", "sub", false}};
    EXPECT_EQ(*claims_of(rows, {"caf\xC3\xA9"}), "{\"sub\":\"caf\xC3\xA9\"}");
    for (const char* claim : {"sub", ""}) {
        EXPECT_EQ(**value_of({"X-User", claim, false}, fields({{"X-User", "\xEF\xBF\xBD"}})), "\xEF\xBF\xBD");
        EXPECT_EQ(value_of({"X-User", claim, false}, fields({{"X-User", "caf\xE9"}})).error().fault, Fault::upstream_protocol);
    }
}

TEST(Refusal, OnlyWhatSignsInAndWhatTheBodyIsGoesOn) {
    http::FieldList to;
    copy_refusal(fields({{"www-authenticate", "Bearer"}, {"Location", "/login"}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}, {"Content-Type", "text/html"},
                         {"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}, {"Connection", "close"}, {"X-Internal", "10.0.0.1"}, {"Server", "auth"},
                         {"Access-Control-Allow-Origin", "*"}}),
                 to);
    std::vector<std::string> names;
    for (const http::Field& f : to) names.emplace_back(f.name);
    EXPECT_THAT(names, testing::ElementsAre("www-authenticate", "Location", "Set-Cookie", "Set-Cookie", "Content-Type"));
}

TEST(Question, WhatBelongsToTheClientsMessageStaysWithIt) {
    for (const char* name : {"Host", "Content-Length", "content_type", "Transfer-Encoding", "TE", "Trailer", "Connection", "Upgrade", "Proxy-Authorization", "Expect", "Range", "If-Range",
                             "If_None_Match", "X-Request-ID", "traceparent", "Transfer_Encoding", "keep_alive", "X_Request.ID"}) {
        EXPECT_FALSE(may_be_sent(name)) << name;
    }
    for (const char* name : {"Accept", "Authorization", "Cookie", "Origin", "X-If", "User-Agent", "Contents", "Ranges", "X_Tenant"}) {
        EXPECT_TRUE(may_be_sent(name)) << name;
    }
}

TEST(Question, NamesAreToldApartAsTheServiceBehindMayTellThem) {
    using Names = std::vector<std::string_view>;
    EXPECT_EQ(usual_spelling("X_Tenant.Of!1"), "X-Tenant-Of-1");
    EXPECT_EQ(twice_in_other_spellings(Names{"Accept", "X-Tenant", "X_Tenant"}), "X-Tenant");
    EXPECT_EQ(twice_in_other_spellings(Names{"x.tenant", "Accept", "X_TENANT"}), "x-tenant");
    EXPECT_EQ(twice_in_other_spellings(Names{"X_Tenant", "x_tenant", "Accept", "ACCEPT"}), std::nullopt);
    EXPECT_EQ(twice_in_other_spellings(Names{"X_Tenants", "X-Tenant"}), std::nullopt);
    EXPECT_EQ(twice_in_other_spellings(Names{"X-Tenant", "x-tenant"}), std::nullopt);
    EXPECT_EQ(twice_in_other_spellings({}), std::nullopt);
}

}  // namespace
}  // namespace portico::policy::forward_auth
