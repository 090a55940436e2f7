#include "policy/transform/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "base/meter_fixture.h"
#include "policy/transform/cookie_rules.h"
#include "policy/transform/header_rules.h"
#include "policy/transform/query_rules.h"

namespace portico::policy::transform {
namespace {

using gateway::Template;
using testing::ElementsAre;

std::shared_ptr<const re2::RE2> pattern(const char* text) { return std::make_shared<const re2::RE2>(text); }

Named named(std::string name, std::string value) { return {std::move(name), Template::literal(std::move(value)), {}}; }

// Rules whose values are literal need nothing of an exchange.
Rendered values_of(const Rules& rules, Arena& arena) {
    auto rendered = render(rules, {}, gateway::ValuePlace::any, "a value", arena);
    EXPECT_TRUE(rendered);
    return *rendered;
}

std::vector<std::string> changed(const Rules& rules, std::initializer_list<std::pair<const char*, const char*>> before,
                                 bool (*is_managed)(const void*, std::string_view) = nullptr) {
    Arena arena;
    http::FieldList client, set;
    for (const auto& [name, value] : before) client.add(name, value);
    http::FieldList* const lists[] = {&client, &set};
    EXPECT_TRUE(apply_headers(rules, values_of(rules, arena), {lists, is_managed, nullptr}, arena));
    std::vector<std::string> out;
    for (const http::FieldList* list : lists) {
        for (const http::Field& f : *list) {
            out.push_back(std::string(f.name) + "=" + std::string(f.value));
            EXPECT_EQ(f.id, http::field_name(f.name));
        }
    }
    return out;
}

TEST(HeaderRules, RunInOneOrderWhateverTheOrderOfWriting) {
    Rules rules;
    rules.append = {named("X-A", "appended")};
    rules.set = {named("X-B", "set")};
    rules.add = {named("X-C", "added"), named("X-D", "added")};
    rules.remove = {{"", pattern("x-debug.*")}};
    rules.rename = {{"X-Old", "X-D"}};
    rules.copy = {{"X-Debug-Id", "X-Id"}};
    EXPECT_THAT(changed(rules, {{"x-a", "a"}, {"X-B", "b"}, {"X-OLD", "old"}, {"x-debug-id", "7"}}),
                ElementsAre("x-a=a", "X-D=old", "X-Id=7", "X-C=added", "X-B=set", "X-A=appended"));
}

TEST(HeaderRules, ARenameTakesEveryFieldAndThePlaceOfWhatIsThere) {
    Rules rules;
    rules.rename = {{"X-Old", "X-New"}};
    EXPECT_THAT(changed(rules, {{"X-New", "n"}, {"X-Old", "1"}, {"x-old", "2"}}), ElementsAre("X-New=1", "X-New=2"));
    EXPECT_THAT(changed(rules, {{"X-New", "n"}}), ElementsAre("X-New=n"));
}

TEST(HeaderRules, WhatIsNamedAfterAManagedHeaderIsNobodysWithoutIt) {
    const auto all_managed = [](const void*, std::string_view name) { return name == "X-User-ID"; };
    Rules rules;
    rules.rename = {{"X-User-ID", "X-Uid"}};
    EXPECT_THAT(changed(rules, {{"X-Uid", "forged"}}, all_managed), ElementsAre());
    rules = {};
    rules.copy = {{"X-User-ID", "X-Uid"}};
    EXPECT_THAT(changed(rules, {{"X-Uid", "forged"}, {"X-User-ID", "ada"}}, all_managed), ElementsAre("X-User-ID=ada", "X-Uid=ada"));
}

TEST(HeaderRules, NothingOfTheMessagesFormIsRemovedByAnExpression) {
    Rules rules;
    rules.remove = {{"", pattern("(?i).*")}};
    EXPECT_THAT(changed(rules, {{"Host", "h"}, {"Content-Length", "1"}, {"content-encoding", "gzip"}, {"TE", "t"}, {"X-A", "a"}, {"Authorization", "x"}}),
                ElementsAre("Host=h", "Content-Length=1", "content-encoding=gzip", "TE=t"));
}

TEST(HeaderRules, AReplacementChangesEveryMatchAndMayNotSplitAHeader) {
    Rules rules;
    rules.replace = {{"X-A", pattern("a(.)"), gateway::Template::literal(R"(<\1>)")}};
    EXPECT_THAT(changed(rules, {{"x-a", "ab ac d"}, {"X-A", "none"}, {"X-B", "ab"}}), ElementsAre("x-a=<b> <c> d", "X-A=none", "X-B=ab"));
    rules.replace = {{"X-A", pattern("a"), gateway::Template::literal("\n")}};
    Arena arena;
    http::FieldList fields;
    fields.add("X-A", "a");
    http::FieldList* const lists[] = {&fields};
    EXPECT_EQ(apply_headers(rules, values_of(rules, arena), {lists}, arena).error().fault, Fault::value_refused);
}

// What they would come to then is worth nothing, and nobody waits for it.
TEST(HeaderRules, AreLeftWhereNothingMoreMayBeSpent) {
    Rules rules;
    for (int i = 0; i < 50; ++i) {
        rules.remove.push_back({"", pattern("x-[0-9]+")});
        rules.copy.push_back({"X-A", "X-B"});
    }
    Arena arena;
    http::FieldList fields;
    for (int i = 0; i < 1000; ++i) fields.add(arena.copy("x-" + std::to_string(i)), "v");
    http::FieldList* const lists[] = {&fields};
    const Rendered values = values_of(rules, arena);
    CountingMeter meter(0);
    (void)apply_headers(rules, values, {lists}, arena);
    EXPECT_LE(meter.looks, 10u);
    EXPECT_EQ(fields.size(), 1000u);
}

TEST(CookieRules, AreLeftWhereNothingMoreMayBeSpent) {
    CookieRules rules;
    rules.remove = {{"", pattern("c[0-9]+")}};
    Arena arena;
    std::string cookies;
    for (int i = 0; i < 1000; ++i) cookies += "c" + std::to_string(i) + "=1; ";
    http::FieldList fields;
    fields.add("Cookie", cookies, http::FieldName::cookie);
    const Rendered values = *render(rules, {}, arena);
    CountingMeter meter(20);
    apply_cookies(rules, values, fields, arena);
    EXPECT_LE(meter.looks, 20u);
}

// As RE2 replaces by itself.
TEST(Replacement, ChangesWhatRe2WouldChange) {
    Arena arena;
    for (const char* regex : {"a", "a*", "", "b|", "(a)|(b)", "$", "^", "\\b", "é", "[^a]*", "(?s).", "a.", "x?é?"}) {
        for (const std::string text : {"", "a", "ab", "aaab", "baab a", "éaé", "\xFF\x80" "a\xC3", "a\xF0\x9F\x98\x80z", "none"}) {
            const auto by = pattern(regex);
            const std::string with = R"(<\0>)";
            std::string wanted = text;
            re2::RE2::GlobalReplace(&wanted, *by, with);
            MatchingBound bound;
            EXPECT_EQ(replaced(*by, with, text, bound, arena), wanted) << regex << " in " << text;
        }
    }
}

// To see that a `<` begins no tag, all that follows it is read.
TEST(Replacement, IsRefusedWhereItWouldReadTheSameTextTooOften) {
    const std::string value(60'000, '<');
    Rules rules;
    rules.replace = {{"X-A", pattern("<[^>]*>|<"), gateway::Template::literal("&lt;")}};
    Arena arena;
    http::FieldList fields;
    fields.add("X-A", value);
    http::FieldList* const lists[] = {&fields};
    const auto applied = apply_headers(rules, values_of(rules, arena), {lists}, arena);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().fault, Fault::value_refused);
    // Of many values that are each short enough.
    http::FieldList many;
    for (int i = 0; i < 20; ++i) many.add("X-A", std::string_view(value).substr(0, 3000));
    http::FieldList* const many_lists[] = {&many};
    EXPECT_FALSE(apply_headers(rules, values_of(rules, arena), {many_lists}, arena));
    // Each of a usual length; and a pattern that reads no further than it matches.
    EXPECT_THAT(changed(rules, {{"X-A", "<b>1 < 2</b>"}}), ElementsAre("X-A=&lt;1 &lt;"));
    rules.replace = {{"X-A", pattern("<"), gateway::Template::literal("(")}};
    EXPECT_THAT(changed(rules, {{"X-A", value.c_str()}}), ElementsAre("X-A=" + std::string(value.size(), '(')));
}

// However the pattern is written.
TEST(Replacement, ReadsNoFurtherThanItsBoundWhateverItsClassesAndBraces) {
    for (const auto& [regex, text] : std::initializer_list<std::pair<const char*, char>>{
             {"<[^][]*>|<", '<'}, {"<[^\\]\\[]*>|<", '<'}, {"[a\\][<]|<[^>]*>", '<'}, {"[[:alpha:]\\]<]|<[^>]*>", '<'}, {"{.*;|{", '{'}, {"\\Q[\\E|<[^>]*>|<", '<'}, {"<{1,2}[^>]*>|<", '<'}}) {
        const std::string value(60'000, text);
        const auto by = pattern(regex);
        Arena arena;
        MatchingBound bound;
        CountingMeter meter;
        (void)replaced(*by, "", value, bound, arena);
        EXPECT_LE(meter.told, 4'000'000u) << regex;
        EXPECT_FALSE(bound.spend(1'000'000)) << regex << " has read more than is counted";
    }
}

TEST(Replacement, MakesNoFieldLongerThanATemplateMay) {
    const std::string value(600, 'a');
    Arena arena;
    MatchingBound bound;
    EXPECT_TRUE(replaced(*pattern("a"), std::string(100, 'b'), value, bound, arena));
    EXPECT_FALSE(replaced(*pattern("a"), std::string(120, 'b'), value, bound, arena));
}

TEST(Replacement, IsPaidForWhereSomebodyCounts) {
    const auto by = pattern("<[^>]*>|<");
    const std::string value(2000, '<');
    Arena arena;
    MatchingBound bound;
    const CountingMeter meter;
    EXPECT_TRUE(replaced(*by, "(", value, bound, arena));
    EXPECT_GE(meter.told, value.size() * value.size() / 2 / 16);
}

std::string query(const Rules& rules, std::string_view before) {
    Arena arena;
    const auto after = apply_query(rules, values_of(rules, arena), before, arena);
    return after ? std::string(*after) : "refused: " + after.error().context;
}

TEST(QueryRules, PairsThatNoRuleTouchesKeepTheirBytes) {
    Rules rules;
    rules.add = {named("z", "1 2")};
    EXPECT_EQ(query(rules, "a=%41+b&&b&c=&%7A2=x"), "a=%41+b&b&c=&%7A2=x&z=1%202");
    EXPECT_EQ(query(rules, ""), "z=1%202");
    EXPECT_EQ(query(rules, "%7A=there"), "%7A=there");
}

TEST(QueryRules, AValueThatIsSetKeepsTheFirstOnesPlaceAndIsAlone) {
    Rules rules;
    rules.set = {named("t", "new")};
    EXPECT_EQ(query(rules, "a=1&t=x&b=2&t=y"), "a=1&t=new&b=2");
    EXPECT_EQ(query(rules, "t=y&a=1;t=x&b=2"), "t=new&b=2");
    EXPECT_EQ(query(rules, "a=1;t=x&b=2"), "b=2&t=new");
    EXPECT_EQ(query(rules, "a;t=1&x;%74"), "t=new");
    EXPECT_EQ(query(rules, "a;t;b&c;t;d=1&e=1;t;f&g=%3Bt=1"), "g=%3Bt=1&t=new");
    EXPECT_EQ(query(rules, "tt=1&at=2"), "tt=1&at=2&t=new");
}

// As ASP.NET, PHP and others read names.
TEST(QueryRules, A7_WhatIsSetOrRemovedGoesInEverySpelling) {
    Rules rules;
    rules.set = {named("my_tenant", "new")};
    for (const std::string other : {"My_Tenant", "my.tenant", "my_tenant[]", "my_tenant%5B0%5D", "+my_tenant", "%09my_tenant%20", "?my_tenant"}) {
        EXPECT_EQ(query(rules, "a=1&" + other + "=x&b=2"), "a=1&b=2&my_tenant=new") << other;
    }
    rules.set.clear();
    rules.remove = {{"debug", nullptr}};
    EXPECT_EQ(query(rules, "a=1&Debug=1&debug[]=2&b=2&debugger=3"), "a=1&b=2&debugger=3");
}

TEST(QueryRules, NamesMoveWithAllTheirValues) {
    Rules rules;
    rules.rename = {{"a", "b c"}};
    EXPECT_EQ(query(rules, "a=1&x=2&b+c=3&a=%2B"), "b%20c=1&x=2&b%20c=%2B");
    rules = {};
    rules.copy = {{"a", "b"}};
    EXPECT_EQ(query(rules, "a=1&b=0&a"), "a=1&a&b=1&b");
}

TEST(QueryRules, RemoveAndReplaceSeeDecodedText) {
    Rules rules;
    rules.remove = {{"a b", nullptr}, {"", pattern("utm_.*")}};
    rules.replace = {{"p", pattern("^/+"), gateway::Template::literal("/")}};
    EXPECT_EQ(query(rules, "a+b=1&utm%5Fx=2&p=%2F%2Fx&a%20b"), "p=%2Fx");
}

TEST(QueryRules, AReplacementThatReadsTheSameTextTooOftenIsRefused) {
    Rules rules;
    rules.replace = {{"p", pattern("<[^>]*>|<"), gateway::Template::literal("")}};
    EXPECT_EQ(query(rules, "p=" + std::string(60'000, '<')), "refused: a replaced value of the query's p");
}

std::string cookies(const CookieRules& rules, std::initializer_list<const char*> before) {
    Arena arena;
    http::FieldList fields;
    for (const char* c : before) fields.add("cookie", c);
    auto values = render(rules, {}, arena);
    EXPECT_TRUE(values);
    apply_cookies(rules, *values, fields, arena);
    EXPECT_LE(fields.size(), 1U);
    return fields.empty() ? "" : std::string(fields.all()[0].value);
}

TEST(CookieRules, OtherPairsKeepTheirBytesInOneField) {
    CookieRules rules;
    rules.remove = {{"a", nullptr}, {"", pattern("_g.*")}};
    rules.set = {named("t", "1")};
    EXPECT_EQ(cookies(rules, {"a=1; b = 2;c=\"x y\"; B=3", "_ga=1;;t=0; odd"}), "b = 2; c=\"x y\"; B=3; odd; t=1");
    EXPECT_EQ(cookies(rules, {}), "t=1");
    rules.set.clear();
    EXPECT_EQ(cookies(rules, {"a=1"}), "");
}

TEST(CookieRules, A7_WhatIsSetOrRemovedGoesInEverySpelling) {
    CookieRules rules;
    rules.set = {named("role", "user")};
    EXPECT_EQ(cookies(rules, {"Role=admin; a=1,role=admin; role =admin", "%72ole=admin; b=2"}), "a=1; b=2; role=user");
    rules.set.clear();
    rules.remove = {{"debug", nullptr}};
    EXPECT_EQ(cookies(rules, {"Debug=1; a=1; \"debug\"=1"}), "a=1");
}

TEST(CookieRules, OfAnAnswerStandInFieldsOfTheirOwn) {
    CookieRules rules;
    rules.remove = {{"gone", nullptr}};
    rules.set = {named("s", "v")};
    rules.attributes = {"; Path=/"};
    Arena arena;
    http::FieldList fields;
    for (const char* c : {"gone=1; Path=/", "kept=2; Secure", "s=old", "gone2=3"}) fields.add("Set-Cookie", c);
    apply_set_cookies(rules, *render(rules, {}, arena), fields, arena);
    std::vector<std::string> left;
    for (const http::Field& f : fields) left.emplace_back(f.value);
    EXPECT_THAT(left, ElementsAre("kept=2; Secure", "gone2=3", "s=v; Path=/"));
}

TEST(CookieRules, AValueThatWouldEndItIsRefused) {
    for (const char* bad : {"a;b", "a b", "a,b", "a\"", "a\\", "\x7f", "a\r\n"}) {
        CookieRules rules;
        rules.set = {{"c", Template({{gateway::Source::error_title, "", 0}}), {}}};
        const gateway::ErrorView error{.title = bad};
        Arena arena;
        EXPECT_EQ(render(rules, {.error = &error}, arena).error().fault, Fault::value_refused) << bad;
    }
}

}  // namespace
}  // namespace portico::policy::transform
