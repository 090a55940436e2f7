#include "json/plan/bound_path.h"

#include <gtest/gtest.h>

#include "json/plan/decimal.h"

namespace portico::json {
namespace {

const std::vector<RootName> kNames{{"", "$"}, {"user", "$user"}, {"order", "$.orders[*]"}};

TEST(BoundPath, FindsInTheValueAtItsPlace) {
    const auto body = Document::parse(R"({"a":[1,{"b":2}]})").value();
    const auto user = Document::parse(R"({"a":3})").value();
    const std::vector<Value> frame{body.root(), user.root(), Value()};
    uint64_t cost = 0;
    EXPECT_EQ(BoundPath::compile("$.a[-1].b", kNames)->find(frame, cost).source(), "2");
    EXPECT_EQ(BoundPath::compile("$user['a']", kNames)->find(frame, cost).source(), "3");
    EXPECT_FALSE(BoundPath::compile("$order.a", kNames)->find(frame, cost));
    EXPECT_FALSE(BoundPath::compile("$.a[2]", kNames)->find(frame, cost));
    EXPECT_FALSE(BoundPath::compile("$.a[-3]", kNames)->find(frame, cost));
    EXPECT_GT(cost, 4U);
}

TEST(BoundPath, IsShownFromTheDocumentOn) {
    const auto path = BoundPath::compile("$order['id']", kNames).value();
    EXPECT_EQ(path.text(), "$order.id");
    EXPECT_EQ(path.shown(), "$.orders[*].id");
    EXPECT_EQ(path.shown_each(), "$.orders[*].id[*]");
    EXPECT_EQ(BoundPath::compile("$.a[*]", kNames)->shown_each(), "$.a[*]");
}

TEST(BoundPath, KnowsWhetherItIsAValuesChildren) {
    EXPECT_TRUE(BoundPath::compile("$.a[0][*]", kNames)->is_children());
    EXPECT_TRUE(BoundPath::compile("$.*", kNames)->is_children());
    for (const char* other : {"$", "$.a", "$..*", "$.*.a", "$[*,*]", "$[?@]", "$[:]"}) {
        EXPECT_FALSE(BoundPath::compile(other, kNames)->is_children()) << other;
    }
}

TEST(BoundPath, AnUnknownRootIsToldWithItsPlace) {
    const auto bad = BoundPath::compile("$.a[?@.id == $usr.id]", kNames);
    ASSERT_FALSE(bad);
    EXPECT_TRUE(bad.error().unknown_root);
    EXPECT_EQ(bad.error().root, "usr");
    EXPECT_EQ(bad.error().offset, 13U);
}

TEST(Condition, IsALogicalExpressionOverRoots) {
    const auto body = Document::parse(R"({"a":1,"l":[1,5],"s":"abc"})").value();
    const std::vector<Value> frame{body.root(), Value(), Value()};
    const auto holds = [&](std::string_view text) {
        uint64_t cost = 0;
        return BoundCondition::compile(text, kNames)->holds(frame, {}, cost).value();
    };
    EXPECT_TRUE(holds("$.a == 1"));
    EXPECT_TRUE(holds(" $.a == 1 && !$.b || $user.x "));
    EXPECT_TRUE(holds("!($.a > 1)"));
    EXPECT_TRUE(holds("$.l[?@ > 4 && @ > $.a]"));
    EXPECT_TRUE(holds("match($.s, '[a-c]+') && length($.s) == 3 && count($.l[*]) == 2"));
    EXPECT_FALSE(holds("$user"));
    EXPECT_TRUE(holds("$user.a == $order.b"));  // both are nothing
}

TEST(Condition, HasOneSpellingThatCompilesToItself) {
    for (const char* text : {"$.a==1&&($.b||!$.c)", "!($.a<2)", "$user['x y'][?@.z]", "search($.a,'b')"}) {
        const auto condition = Condition::compile(text, {.named_roots = true});
        ASSERT_TRUE(condition) << text;
        const auto again = Condition::compile(condition->text(), {.named_roots = true});
        ASSERT_TRUE(again) << condition->text();
        EXPECT_EQ(again->text(), condition->text());
    }
}

TEST(Condition, TellsTheQueriesThatItAsksOfRoots) {
    const auto condition = BoundCondition::compile("$order.a == 1 && length($user.b) > 2 && $.l[?@.x]", kNames).value();
    std::vector<std::string> shown = condition.shown();
    std::ranges::sort(shown);
    EXPECT_EQ(shown, (std::vector<std::string>{"$.l[?@.x]", "$.orders[*].a", "$user.b"}));
}

TEST(Condition, WhatIsNoneIsToldWithItsPlace) {
    const auto offset = [](std::string_view text) { return Condition::compile(text).error().offset; };
    EXPECT_EQ(offset("@.a == 1"), 0U);
    EXPECT_EQ(offset("$.a == 1 &&"), 11U);
    EXPECT_EQ(offset("$.a == 1 $.b"), 9U);
    EXPECT_EQ(offset("1"), 0U);
    EXPECT_EQ(offset(""), 0U);
}

TEST(Decimal, CanonicalNumbersAreEqualForEqualValues) {
    for (const char* one : {"1", "1.0", "10e-1", "0.1e1", "1E0", "100e-2"}) EXPECT_EQ(canonical_number(one), "1e0") << one;
    for (const char* zero : {"0", "-0", "0.00", "0e5", "-0e-9999999999999999999"}) EXPECT_EQ(canonical_number(zero), "0") << zero;
    EXPECT_NE(canonical_number("1"), canonical_number("-1"));
    EXPECT_NE(canonical_number("9007199254740993"), canonical_number("9007199254740992"));
}

TEST(Decimal, RefusesWhatHasTooManyDigits) {
    EXPECT_TRUE(Decimal::parse("1e399"));
    EXPECT_FALSE(Decimal::parse("1e400"));
    EXPECT_FALSE(Decimal::parse("1e-401"));
    EXPECT_FALSE(Decimal::parse("1e99999999999999999999"));
    EXPECT_TRUE(Decimal::parse("0e99999999999999999999"));
    Decimal sum = Decimal::parse("9e399").value();
    EXPECT_FALSE(sum.add(sum));
}

TEST(Decimal, AddsAsOnPaper) {
    const auto sum = [](std::string_view a, std::string_view b) {
        Decimal d = Decimal::parse(a).value();
        EXPECT_TRUE(d.add(Decimal::parse(b).value()));
        return d.text();
    };
    EXPECT_EQ(sum("999.9", "0.1"), "1000.0");
    EXPECT_EQ(sum("-0.05", "0.1"), "0.05");
    EXPECT_EQ(sum("0.1", "-0.1"), "0.0");
    EXPECT_EQ(sum("-3", "1.25"), "-1.75");
    EXPECT_EQ(sum("1e-3", "1e3"), "1000.001");
}

}  // namespace
}  // namespace portico::json
