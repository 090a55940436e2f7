#include "gateway/sent_path.h"

#include <gtest/gtest.h>

namespace portico::gateway {
namespace {

RouteTable::Entry entry_of(const std::string& path) {
    std::string fault, hint;
    RouteTable::Entry entry;
    entry.path = *PathPattern::parse(path, fault, hint);
    uint8_t slot = 0;
    for (const PathSegment& s : entry.path.segments()) {
        if (s.kind != PathSegment::Kind::fixed) entry.slots.push_back(slot++);
    }
    return entry;
}

TemplatePart literal(std::string text) { return {Source::literal, std::move(text), 0}; }
TemplatePart parameter(uint32_t slot) { return {Source::parameter, {}, slot}; }
TemplatePart rest() { return {Source::rest, {}, 0}; }

// "what a service is sent: by the first, by the second", or "".
std::string met(const RouteTable::Entry& a, std::vector<TemplatePart> of_a, const RouteTable::Entry& b, std::vector<TemplatePart> of_b) {
    const Template ta(std::move(of_a)), tb(std::move(of_b));
    const auto sa = SentPath::of(a, ta.parts().empty() ? nullptr : &ta), sb = SentPath::of(b, tb.parts().empty() ? nullptr : &tb);
    if (!sa || !sb) return "unknown";
    const auto met = SentPath::meeting(*sa, *sb);
    return met ? met->sent + ": " + met->a.path + ", " + met->b.path : "";
}

TEST(SentPath, ARewrittenTreeMeetsAnother) {
    EXPECT_EQ(met(entry_of("/pub/**"), {literal("/"), rest()}, entry_of("/admin/**"), {}), "/admin/x: /pub/admin/x, /admin/x");
    EXPECT_EQ(met(entry_of("/pub/**"), {literal("/pub/"), rest()}, entry_of("/admin/**"), {}), "");
    EXPECT_EQ(met(entry_of("/**"), {literal("/v1/"), rest()}, entry_of("/secret"), {literal("/v1/secret")}), "/v1/secret: /secret, /secret");
}

TEST(SentPath, ParametersTakeWhatTheOtherSends) {
    EXPECT_EQ(met(entry_of("/open/{what}"), {literal("/"), parameter(0)}, entry_of("/admin"), {}), "/admin: /open/admin, /admin");
    EXPECT_EQ(met(entry_of("/open/{n:[0-9]+}"), {literal("/"), parameter(0)}, entry_of("/admin"), {}), "");
    EXPECT_EQ(met(entry_of("/a/{x}/{y}"), {literal("/"), parameter(1), literal("/"), parameter(0)}, entry_of("/users/{id:[0-9]+}"), {}),
              "/users/1: /a/1/users, /users/1");
}

TEST(SentPath, OneParameterHasOneText) {
    EXPECT_EQ(met(entry_of("/p/{x}"), {literal("/"), parameter(0), literal("/"), parameter(0)}, entry_of("/a/b"), {}), "");
    EXPECT_EQ(met(entry_of("/p/{x}"), {literal("/"), parameter(0), literal("/"), parameter(0)}, entry_of("/a/a"), {}), "/a/a: /p/a, /a/a");
}

TEST(SentPath, TextMayStandAroundAValue) {
    EXPECT_EQ(met(entry_of("/p/{x}"), {literal("/v"), parameter(0), literal(".json")}, entry_of("/v7.json"), {}), "/v7.json: /p/7, /v7.json");
    EXPECT_EQ(met(entry_of("/p/{x}"), {literal("/v"), parameter(0)}, entry_of("/w7"), {}), "");
}

TEST(SentPath, WhatAClientSendsElsewhereCounts) {
    const RouteTable::Entry open = entry_of("/open"), admin = entry_of("/admin");
    const Template path({literal("/"), {Source::query_value, "to", 0}});
    const auto a = SentPath::of(open, &path), b = SentPath::of(admin, nullptr);
    ASSERT_TRUE(a && b);
    const auto met = SentPath::meeting(*a, *b);
    ASSERT_TRUE(met);
    EXPECT_EQ(met->a.path, "/open");
    ASSERT_EQ(met->a.query.size(), 1);
    EXPECT_EQ(met->a.query[0].first + "=" + met->a.query[0].second, "to=admin");
}

TEST(SentPath, NobodyKnowsWhatNoClientChooses) {
    EXPECT_EQ(met(entry_of("/me"), {literal("/users/"), {Source::claim, {}, 0}}, entry_of("/users/{id}"), {}), "unknown");
}

}  // namespace
}  // namespace portico::gateway
