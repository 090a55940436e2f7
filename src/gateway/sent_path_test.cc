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

using Parts = std::vector<TemplatePart>;

// "what a service is sent: by the first, by the second", or "", as the n-th meeting has it.
std::string met(const RouteTable::Entry& a, Parts of_a, const RouteTable::Entry& b, Parts of_b, size_t n = 0) {
    const Template ta(std::move(of_a)), tb(std::move(of_b));
    const auto sa = SentPath::of(a, ta.parts().empty() ? nullptr : &ta), sb = SentPath::of(b, tb.parts().empty() ? nullptr : &tb);
    std::string text;
    size_t allowance = 100'000;
    SentPath::meet(sa, sb, allowance, [&](const SentPath::Meeting& m) {
        text = m.sent + ": " + m.a.path + ", " + m.b.path;
        return n-- == 0;
    });
    return text;
}

// What the client sends so that `path` becomes `wanted`, a path of one or more fixed segments.
std::string asked(const RouteTable::Entry& entry, Parts parts, const RouteTable::Entry& wanted) {
    const Template path(std::move(parts));
    std::string text;
    size_t allowance = 100'000;
    SentPath::meet(SentPath::of(entry, &path), SentPath::of(wanted, nullptr), allowance, [&](const SentPath::Meeting& m) {
        text = m.a.path;
        for (const auto& [name, value] : m.a.query) text += "?" + name + "=" + value;
        for (const auto& [name, value] : m.a.headers) text += " " + name + ": " + value;
        if (!m.a.host.empty()) text += " Host: " + m.a.host;
        return true;
    });
    return text;
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
    EXPECT_EQ(asked(open, {literal("/"), {Source::query_value, "to", 0}}, admin), "/open?to=admin");
    EXPECT_EQ(asked(open, {literal("/"), {Source::header, "X-To", 0}}, admin), "/open X-To: admin");
    EXPECT_EQ(asked(open, {literal("/"), {Source::cookie, "a", 0}, literal("/"), {Source::cookie, "b", 0}}, entry_of("/admin/7")), "/open Cookie: a=admin; b=7");
    EXPECT_EQ(asked(open, {literal("/"), {Source::request_id, {}, 0}}, admin), "/open X-Request-ID: admin");
    EXPECT_EQ(asked(open, {literal("/"), {Source::request_host, {}, 0}}, admin), "/open Host: admin");
    EXPECT_EQ(asked(open, {literal("/"), {Source::query_value, "to", 0}}, entry_of("/a%20b")), "/open?to=a b");
    RouteTable::Entry hosted = open;
    hosted.host = "example.com";
    EXPECT_EQ(asked(hosted, {literal("/"), {Source::request_host, {}, 0}}, admin), "");
}

TEST(SentPath, OneNameHasOneValue) {
    const Parts twice{literal("/"), {Source::query_value, "z", 0}, literal("/"), {Source::query_value, "z", 0}};
    EXPECT_EQ(asked(entry_of("/o"), twice, entry_of("/a/b")), "");
    EXPECT_EQ(asked(entry_of("/o"), twice, entry_of("/a/a")), "/o?z=a");
    EXPECT_EQ(asked(entry_of("/o"), {literal("/"), {Source::header, "X-A", 0}, literal("/"), {Source::header, "x-a", 0}}, entry_of("/a/b")), "");
}

TEST(SentPath, LiteralsAreInNormalFormBesideAValue) {
    EXPECT_EQ(met(entry_of("/p/{x}"), {literal("/%61dmin/"), parameter(0)}, entry_of("/admin/{id}"), {}), "/admin/x: /p/x, /admin/x");
    EXPECT_EQ(met(entry_of("/p/{x}"), {literal("/admin//"), parameter(0)}, entry_of("/admin/{id}"), {}), "/admin/x: /p/x, /admin/x");
    EXPECT_EQ(met(entry_of("/p/{x}"), {literal("/a%2fb/"), parameter(0)}, entry_of("/a%2Fb/{id}"), {}), "/a%2Fb/x: /p/x, /a%2Fb/x");
}

TEST(SentPath, ASegmentMayHoldSeveralValues) {
    EXPECT_EQ(met(entry_of("/p/{a}/{b}"), {literal("/admin/"), parameter(0), parameter(1)}, entry_of("/admin/me"), {}), "/admin/me: /p/m/e, /admin/me");
    EXPECT_EQ(met(entry_of("/p/{a}/{b}"), {literal("/"), parameter(0), literal("-"), parameter(1)}, entry_of("/a-b-c"), {}), "/a-b-c: /p/a/b-c, /a-b-c");
    EXPECT_EQ(met(entry_of("/p/{a}/{b}"), {literal("/"), parameter(0), parameter(1)}, entry_of("/{x}"), {}).substr(0, 1), "/");
    EXPECT_EQ(met(entry_of("/p/{a}/{b}"), {literal("/"), parameter(0), literal("-"), parameter(1)}, entry_of("/ab"), {}), "");
}

TEST(SentPath, ManyValuesInALongSegmentAreGivenUpInTime) {
    Parts parts{literal("/")};
    std::string path = "/p";
    for (uint32_t i = 0; i < 14; ++i) {
        path += "/{p" + std::to_string(i) + "}";
        parts.push_back(parameter(i));
    }
    parts.push_back(parameter(0));
    parts.push_back(literal("!"));
    parts.push_back(parameter(1));
    EXPECT_EQ(met(entry_of(path), parts, entry_of("/" + std::string(60, 'a') + "b"), {}), "");
}

TEST(SentPath, TheRestMayStandAnywhere) {
    EXPECT_EQ(met(entry_of("/pub/**"), {literal("/adm"), rest()}, entry_of("/admin/**"), {}), "/admin/x: /pub/in/x, /admin/x");
    EXPECT_EQ(met(entry_of("/pub/**"), {literal("/"), rest(), literal("/x")}, entry_of("/admin/**"), {}), "/admin/x: /pub/admin, /admin/x");
    EXPECT_EQ(met(entry_of("/pub/**"), {literal("/"), rest(), literal(".json")}, entry_of("/a/b.json"), {}), "/a/b.json: /pub/a/b, /a/b.json");
    EXPECT_EQ(met(entry_of("/pub/**"), {literal("/"), rest(), literal("/x")}, entry_of("/admin/y"), {}), "");
}

TEST(SentPath, AnEmptyRestLeavesItsSlashBehindWhereATemplateHasOne) {
    EXPECT_EQ(met(entry_of("/**"), {literal("/a/"), rest()}, entry_of("/a"), {}), "");
    EXPECT_EQ(met(entry_of("/**"), {literal("/a/"), rest()}, entry_of("/a/"), {}), "/a/: /, /a/");
    EXPECT_EQ(met(entry_of("/x/**"), {}, entry_of("/{p}"), {}), "/x: /x, /x");
}

TEST(SentPath, ThereAreShallowAndDeepMeetings) {
    const RouteTable::Entry pub = entry_of("/pub/**"), admin = entry_of("/admin/**");
    bool deep = false;
    for (size_t n = 0; n < 30 && !deep; ++n) deep = met(pub, {literal("/"), rest()}, admin, {}, n) == "/admin/x/x: /pub/admin/x/x, /admin/x/x";
    EXPECT_TRUE(deep);
    EXPECT_EQ(met(pub, {literal("/"), rest()}, entry_of("/a/{x:[0-9]{7}}"), {}), "/a/1111111: /pub/a/1111111, /a/1111111");
}

TEST(SentPath, WhatNoClientChoosesIsKnownAsThat) {
    const RouteTable::Entry me = entry_of("/me");
    const auto choice = [&](Source source, bool from_answer = false) {
        TemplatePart part{source, "x", 0};
        part.from_answer = from_answer;
        if (source == Source::claim) part.claim = ClaimPath();
        const Template path({literal("/users/"), part});
        return SentPath::of(me, &path).choice();
    };
    EXPECT_EQ(choice(Source::claim), SentPath::Choice::others);
    EXPECT_EQ(choice(Source::call_header, true), SentPath::Choice::others);
    EXPECT_EQ(choice(Source::client_ip), SentPath::Choice::untold);
    EXPECT_EQ(choice(Source::cookie), SentPath::Choice::client);
    // A guarded route sends it all the same.
    TemplatePart claim{Source::claim, {}, 0};
    claim.claim = ClaimPath();
    EXPECT_EQ(met(entry_of("/me"), {literal("/users/"), claim}, entry_of("/users/{id}"), {}), "/users/x: /me, /users/x");
    // But that it ever is what another one always sends, nobody says.
    EXPECT_EQ(met(entry_of("/me"), {literal("/"), claim}, entry_of("/health"), {}), "");
}

TEST(SentPath, ATemplateIsBoundToAName) {
    const RouteTable::Entry named = entry_of("/api/{s}/**"), fixed = entry_of("/x"), numbered = entry_of("/api/{s:[0-9]+}");
    EXPECT_TRUE(SentPath::of(named, nullptr).bind(Template({parameter(0)}), "users"));
    EXPECT_TRUE(SentPath::of(fixed, nullptr).bind(Template({literal("svc-"), {Source::header, "X-S", 0}}), "svc-a"));
    EXPECT_FALSE(SentPath::of(fixed, nullptr).bind(Template({literal("svc-"), {Source::header, "X-S", 0}}), "users"));
    EXPECT_FALSE(SentPath::of(numbered, nullptr).bind(Template({parameter(0)}), "users"));
}

}  // namespace
}  // namespace portico::gateway
