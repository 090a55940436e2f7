#include "policy/fields/selection.h"

#include <gtest/gtest.h>

#include "base/meter_fixture.h"

namespace portico::policy::fields {
namespace {

std::string read(std::string_view text) {
    Arena arena;
    Selection root;
    const auto done = read_selection(text, root, arena);
    return done ? text_of(root, 1000) : "fault: " + done.error();
}

TEST(Selection, IsNamesWithDotsAndParentheses) {
    EXPECT_EQ(read("id"), "id");
    EXPECT_EQ(read("id,name(first, last),items.id"), "id, name.first, name.last, items.id");
    EXPECT_EQ(read("a.b(c.d,e(f)),g"), "a.b.c.d, a.b.e.f, g");
    EXPECT_EQ(read(" a b , é.$ref , 0"), "a b, é.$ref, 0");
    EXPECT_EQ(read("a.b,a.c,a(d),a.b"), "a.b, a.c, a.d");
    EXPECT_EQ(read("a.b,a"), "a");
}

TEST(Selection, SaysWhatIsWrong) {
    for (const std::string_view text : {"", ",", "a,", "a.", ".a", "a..b", "a()", "a(b,)", "(a)", " ", "a,,b"}) {
        EXPECT_EQ(read(text), "fault: a name is missing") << text;
    }
    EXPECT_EQ(read("a(b"), "fault: a closing parenthesis is missing");
    EXPECT_EQ(read("a)"), "fault: a closing parenthesis has no opening one");
    EXPECT_EQ(read("a(b)c"), "fault: after a closing parenthesis a comma is expected");
    EXPECT_EQ(read("a(b).c"), "fault: after a closing parenthesis a comma is expected");
}

TEST(Selection, IsBounded) {
    std::string names = "a0";
    for (size_t i = 1; i < kMaxNames; ++i) names += ",a" + std::to_string(i);
    EXPECT_EQ(read(names).substr(0, 6), "a0, a1");
    EXPECT_EQ(read(names + ",b"), "fault: it has too many names");
    EXPECT_EQ(read(std::string(kMaxText + 1, 'a')), "fault: it is too long");
    std::string deep = "a";
    for (unsigned i = 1; i < kMaxDepth; ++i) deep += "(a";
    EXPECT_EQ(read(deep + std::string(kMaxDepth - 1, ')')).substr(0, 4), "a.a.");
    EXPECT_EQ(read(deep + "(a" + std::string(kMaxDepth, ')')), "fault: its names go too deep");
}

std::string restricted(std::string_view allowed, std::string_view asked) {
    Arena arena;
    Selection may;
    Selection wants;
    EXPECT_TRUE(read_selection(allowed, may, arena));
    EXPECT_TRUE(read_selection(asked, wants, arena));
    const auto done = restrict_to(may, wants, arena);
    return done ? text_of(wants, 1000) : "not " + done.error();
}

TEST(Selection, IsRestrictedToWhatIsAllowed) {
    constexpr std::string_view kAllowed = "id,name.first,items(id,price.amount)";
    EXPECT_EQ(restricted(kAllowed, "id,items.id"), "id, items.id");
    EXPECT_EQ(restricted(kAllowed, "name"), "name.first");
    EXPECT_EQ(restricted(kAllowed, "items"), "items.id, items.price.amount");
    EXPECT_EQ(restricted(kAllowed, "items,items.id"), "items.id, items.price.amount");
    EXPECT_EQ(restricted(kAllowed, "id.anything.below"), "id.anything.below");
    EXPECT_EQ(restricted(kAllowed, "secret"), "not secret");
    EXPECT_EQ(restricted(kAllowed, "id,name(first,last)"), "not name.last");
    EXPECT_EQ(restricted(kAllowed, "ID"), "not ID");
}

TEST(Selection, ToldPathsEnd) {
    Arena arena;
    Selection root;
    EXPECT_TRUE(read_selection("aaaa,bbbb,cccc,dddd", root, arena));
    EXPECT_EQ(text_of(root, 8), "aaaa, bbbb, …");
}

std::string projected(std::string_view text, std::string_view asked) {
    Arena arena;
    Selection root;
    EXPECT_TRUE(read_selection(asked, root, arena));
    const auto document = json::Document::parse(text);
    std::string out;
    if (!project(document->root(), root, out)) return "nothing";
    EXPECT_TRUE(json::Document::parse(out)) << out;
    return out;
}

TEST(Projection, KeepsWhatIsAskedForAsItStands) {
    EXPECT_EQ(projected(R"({"id":12345678901234567890, "x":1,"name":{"first":"A\u0064a","last":"L"},"t":1.0})",
                        "t,id,name.first"),
              R"({"id":12345678901234567890,"name":{"first":"A\u0064a"},"t":1.0})");
    EXPECT_EQ(projected(R"({"a": {"b" : [1, 2]}})", "a"), R"({"a":{"b" : [1, 2]}})");
    EXPECT_EQ(projected(R"({"a":1})", "b"), "{}");
}

TEST(Projection, LeadsThroughLists) {
    EXPECT_EQ(projected(R"([{"id":1,"x":2},{"x":3},[{"id":4}],5,null])", "id"), R"([{"id":1},{},[{"id":4}],null])");
    EXPECT_EQ(projected(R"({"items":[{"id":1,"tags":[{"n":1,"m":2}]}]})", "items(tags.n)"),
              R"({"items":[{"tags":[{"n":1}]}]})");
}

TEST(Projection, OfAValueWithoutMembersNothingIsAskedFor) {
    EXPECT_EQ(projected(R"({"name":"secret","id":1})", "name.first,id"), R"({"id":1})");
    EXPECT_EQ(projected(R"({"name":null})", "name.first"), R"({"name":null})");
    EXPECT_EQ(projected(R"("text")", "id"), "nothing");
}

TEST(Projection, EachMemberIsLookedForAmongAllThatAreSelected) {
    std::string asked = "x", text = "{\"y\":1";
    for (int i = 0; i < 190; ++i) asked += "," + std::to_string(i);
    for (int i = 0; i < 1000; ++i) text += ",\"m" + std::to_string(i) + "\":1";
    const auto steps = [&](std::string_view selection) {
        Arena arena;
        Selection root, allowed;
        EXPECT_TRUE(read_selection(selection, allowed, arena));
        root.whole = true;
        EXPECT_TRUE(restrict_to(allowed, root, arena));
        const auto document = json::Document::parse(text + "}");
        const CountingMeter meter;
        std::string out;
        EXPECT_TRUE(project(document->root(), root, out));
        return meter.told;
    };
    EXPECT_GE(steps(asked), 1001u * 191 / 4);
    EXPECT_LE(steps("x,y"), 1100u);
}

}  // namespace
}  // namespace portico::policy::fields
