#include "policy/transform/condition.h"

#include <gtest/gtest.h>

#include "base/meter_fixture.h"
#include "http/media_type.h"

namespace portico::policy::transform {
namespace {

TEST(MediaType, IsComparedWithoutParametersAndCase) {
    http::FieldList fields;
    EXPECT_EQ(http::media_type(fields), "");
    fields.add("Content-Type", "Application/JSON ; charset=utf-8");
    EXPECT_EQ(http::media_type(fields), "Application/JSON");
    EXPECT_TRUE(http::is_of_type(http::media_type(fields), "application/json"));
    EXPECT_TRUE(http::is_of_type(http::media_type(fields), "application/*"));
    EXPECT_FALSE(http::is_of_type(http::media_type(fields), "text/*"));
    EXPECT_FALSE(http::is_of_type(http::media_type(fields), "application/jso"));
}

TEST(MediaType, MayBeNamedByItsSuffix) {
    EXPECT_TRUE(http::is_of_type("application/ld+json", "application/*+json"));
    EXPECT_FALSE(http::is_of_type("application/+json", "application/*+json"));
    EXPECT_FALSE(http::is_of_type("application/json", "application/*+json"));
    EXPECT_FALSE(http::is_of_type("text/ld+json", "application/*+json"));
    EXPECT_FALSE(http::is_of_type("application/", "application/*"));
}

TEST(Condition, EverythingThatIsWrittenMustHold) {
    Condition c;
    c.statuses = {{404, 404}, {500, 599}};
    c.content_types = {"text/*", "application/json"};
    config::ValueMatch kind;
    kind.name = "X-Kind";
    kind.value = "a, b";
    c.headers.emplace_back(kind);
    http::FieldList fields;
    fields.add("x-kind", "a");
    fields.add("X-Kind", "b");
    EXPECT_FALSE(c.holds_for_answer(404, fields));
    fields.add("content-type", "text/html");
    EXPECT_TRUE(c.holds_for_answer(404, fields));
    EXPECT_TRUE(c.holds_for_answer(599, fields));
    EXPECT_FALSE(c.holds_for_answer(403, fields));
    EXPECT_FALSE(c.holds_for_answer(600, fields));
    fields.add("X-Kind", "c");
    EXPECT_FALSE(c.holds_for_answer(404, fields));
}

TEST(Condition, HeadersCountInEverySpelling) {
    Condition c;
    config::ValueMatch role;
    role.name = "X-Role";
    role.value = "admin";
    c.headers.emplace_back(role);
    for (const char* name : {"X-Role", "x_role", "X.ROLE"}) {
        http::FieldList fields;
        fields.add(name, "admin");
        EXPECT_TRUE(c.holds_for_request(fields, "")) << name;
    }
}

TEST(Condition, ARequestsQueryIsComparedDecoded) {
    Condition c;
    config::ValueMatch version;
    version.name = "v";
    version.value = "1 0";
    c.query.emplace_back(version);
    EXPECT_TRUE(c.holds_for_request({}, "a=1&v=1+0"));
    // The service may take any of them, in any spelling.
    for (const char* query : {"v=2&v=1+0", "v=1+0&v=2", "V=1+0", "v[]=1+0", "a=1;v=1+0", "v=2;v=1+0"}) EXPECT_TRUE(c.holds_for_request({}, query)) << query;
    for (const char* query : {"v=2", "vv=1+0", "a=v=1+0"}) EXPECT_FALSE(c.holds_for_request({}, query)) << query;
    EXPECT_FALSE(c.holds_for_request({}, ""));
}

TEST(Condition, PairsBehindSemicolonsAreFoundHoweverManyTheyAre) {
    Condition c;
    config::ValueMatch role;
    role.name = "role";
    role.value = "admin";
    c.query.emplace_back(role);
    const http::FieldList none;
    for (const size_t before : {0, 1, 2, 10'000}) {
        std::string query = "x=1";
        for (size_t i = 0; i < before; ++i) query += ";a";
        EXPECT_FALSE(c.holds_for_request(none, query)) << before;
        const CountingMeter meter;
        for (const char* last : {";role=admin", ";role=admin;b=1", ";role=user;role=admin", "&role=admin;"}) {
            EXPECT_TRUE(c.holds_for_request(none, query + last)) << before << last;
        }
        EXPECT_LE(meter.told, 100 * (before + 10));
    }
}

}  // namespace
}  // namespace portico::policy::transform
