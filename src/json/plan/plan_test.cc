#include "json/plan/plan.h"

#include <gtest/gtest.h>

#include "base/meter_fixture.h"
#include "json/plan/plan_output.h"

namespace portico::json {
namespace {

const std::vector<RootName> kNames{{"", "$"}, {"x", "$.a[*]"}, {"y", "$.a[*]"}};

class NoTexts : public TextSource {
  public:
    Result<bool> append_text(uint32_t, std::span<const Value>, std::string& out, uint64_t& cost) const override {
        out += "text";
        cost += 5;
        return true;
    }
};

ShapePtr constant(std::string json) {
    auto shape = std::make_unique<Shape>();
    shape->constant = std::move(json);
    return shape;
}

ShapePtr path(std::string_view text) {
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::path;
    shape->path = BoundPath::compile(text, kNames).value();
    return shape;
}

ShapePtr text_of_kind(bool is_json) {
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::text;
    shape->text_is_json = is_json;
    return shape;
}
ShapePtr text() { return text_of_kind(false); }

ShapePtr loop(std::string_view source, uint32_t place, ShapePtr item) {
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::loop;
    shape->loop = std::make_unique<LoopShape>(LoopShape{.source = BoundPath::compile(source, kNames).value()});
    shape->loop->place = place;
    shape->loop->item = std::move(item);
    return shape;
}

ShapePtr object(std::vector<std::pair<std::string, ShapePtr>> members) {
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::object;
    shape->members = std::move(members);
    return shape;
}

template <class... P>
ShapePtr object_of(P&&... members) {
    std::vector<std::pair<std::string, ShapePtr>> all;
    (all.push_back(std::forward<P>(members)), ...);
    return object(std::move(all));
}

std::string made(ShapePtr shape, const std::string& json, const PlanBounds& bounds = {}) {
    const auto document = Document::parse(json).value();
    const Value root = document.root();
    const Plan plan = Plan::make(std::move(shape), 1);
    std::string out = "<";
    const auto done = plan.render(std::span(&root, 1), NoTexts(), out, bounds);
    if (done) return out + ">";
    EXPECT_EQ(out, "<");
    return done.error().context;
}

using Pair = std::pair<std::string, ShapePtr>;

TEST(Plan, ConstantMembersAreJoinedAndStayWhereValuesAreMissing) {
    for (const char* json : {R"({})", R"({"p":1})", R"({"q":2})", R"({"p":1,"q":2})"}) {
        const auto document = Document::parse(json).value();
        std::string wanted = "<{\"a\":1,\"b\":2";
        if (const Value p = document.root().find("p")) wanted += ",\"p\":" + std::string(p.source());
        wanted += ",\"c\":{\"d\":[3]}";
        if (const Value q = document.root().find("q")) wanted += ",\"q\":" + std::string(q.source());
        wanted += ",\"e\":4}>";
        EXPECT_EQ(made(object_of(Pair("a", constant("1")), Pair("b", constant("2")), Pair("p", path("$.p")),
                                 Pair("c", object_of(Pair("d", [] {
                                     auto list = std::make_unique<Shape>();
                                     list->kind = Shape::Kind::list;
                                     list->items.push_back(constant("3"));
                                     return list;
                                 }()))),
                                 Pair("q", path("$.q")), Pair("e", constant("4"))),
                       json),
                  wanted);
    }
}

// What is beyond a bound is no value that does not fit.
TEST(Plan, AFallbackStandsForNothingThatReachedABound) {
    const auto flattened = [] {
        auto shape = std::make_unique<Shape>();
        shape->kind = Shape::Kind::get;
        shape->get = std::make_unique<GetShape>(GetShape{.source = BoundPath::compile("$.a", kNames).value(), .name = "$.a"});
        shape->get->changes.push_back({.kind = Change::Kind::flatten});
        shape->get->fallback = constant("[]");
        return shape;
    };
    EXPECT_EQ(made(flattened(), R"({"a":1})"), "<[]>");
    EXPECT_EQ(made(flattened(), R"({"a":[[1,2],[3,4]]})", {.max_list = 4}), "<[1,2,3,4]>");
    EXPECT_EQ(made(flattened(), R"({"a":[[1,2,3],[4,5]]})", {.max_list = 4}), "$.a makes too long a list");
}

TEST(Plan, NamesAreEscaped) {
    EXPECT_EQ(made(object_of(Pair("a\"\n", path("$.x"))), R"({"x":1})"), R"(<{"a\"\n":1}>)");
}

TEST(Plan, AnOutputThatWouldBeTooLargeIsRefused) {
    const std::string json = R"({"a":[1,2,3,4,5,6,7,8,9,10]})";
    const auto nested = [] { return loop("$.a", 1, loop("$.a", 2, path("$x"))); };
    EXPECT_EQ(made(nested(), json, {.max_output = 100}), "the body would be larger than may be made");
    EXPECT_EQ(made(nested(), json, {.max_output = 231}).size(), 233U);
    EXPECT_EQ(made(nested(), json, {.max_output = 230}), "the body would be larger than may be made");
    EXPECT_EQ(made(constant("12345"), "0", {.max_output = 4}), "the body would be larger than may be made");
}

TEST(Plan, StepsAreCountedForEverythingThatIsDone) {
    const std::string json = R"({"a":[1,2,3,4,5,6,7,8,9,10]})";
    EXPECT_EQ(made(loop("$.a", 1, loop("$.a", 2, path("$x"))), json, {.max_steps = 100}), "the body takes too many steps to make");
    EXPECT_EQ(made(loop("$.a", 1, text()), json, {.max_steps = 50}), "the body takes too many steps to make");
    EXPECT_EQ(made(loop("$.a", 1, path("$..*")), json, {.max_steps = 8}), "$..*: it takes too many steps");
    auto filtered = loop("$.a", 1, path("$x"));
    filtered->loop->where = BoundCondition::compile("$.a[?@ > $x]", kNames).value();
    EXPECT_NE(made(std::move(filtered), json, {.max_steps = 100}).find("takes too many steps"), std::string::npos);
}

TEST(Plan, AListThatMustBeHeldIsBounded) {
    const std::string json = R"({"a":[1,2,3,4,5]})";
    auto sorted = loop("$.a", 1, path("$x"));
    sorted->loop->sort_by.push_back({BoundPath::compile("$x", kNames).value(), true});
    EXPECT_EQ(made(std::move(sorted), json, {.max_list = 4}), "$.a is too long a list to be sorted");
    EXPECT_EQ(made(path("$.a[*]"), json, {.max_list = 4}), "$.a[*]: it selects too many values");
    EXPECT_EQ(made(loop("$.a[*]", 1, path("$x")), json, {.max_list = 4}), "<[1,2,3,4,5]>");
}

TEST(Plan, AFrameOfManyRootsHasRoom) {
    std::vector<RootName> names;
    for (int i = 0; i < 40; ++i) names.push_back({"r" + std::to_string(i), "$r" + std::to_string(i)});
    const auto document = Document::parse(R"({"v":"w"})").value();
    const std::vector<Value> roots(40, document.root());
    auto shape = std::make_unique<Shape>();
    shape->kind = Shape::Kind::path;
    shape->path = BoundPath::compile("$r39.v", names).value();
    std::string out;
    ASSERT_TRUE(Plan::make(std::move(shape), 40).render(roots, NoTexts(), out));
    EXPECT_EQ(out, R"("w")");
}

TEST(Plan, WhatIsCopiedIsPaidByItsBytes) {
    const std::string text(200, 'a');
    std::string deep = "\"" + text + "\"";
    for (int i = 0; i < 60; ++i) deep = "[" + deep + "]";
    const auto document = Document::parse(deep).value();
    const Value root = document.root();
    const auto told = [&](ShapePtr shape, const TextSource& texts) {
        const Plan plan = Plan::make(std::move(shape), 1);
        std::string out;
        CountingMeter meter;
        EXPECT_TRUE(plan.render(std::span(&root, 1), texts, out));
        return meter.told;
    };
    EXPECT_GE(told(path("$..*"), NoTexts()), 2u * 60 + 60) << "each is found, and each is written";

    class LongText : public TextSource {
      public:
        Result<bool> append_text(uint32_t, std::span<const Value>, std::string& out, uint64_t& cost) const override {
            out.append(64'000, 'b');
            cost += 5;
            return true;
        }
    };
    EXPECT_GE(told(text_of_kind(false), LongText()), 64'000u / 64 + 64'000 / 8);
    EXPECT_GE(told(text_of_kind(true), LongText()), 64'000u / 64);
}

TEST(Plan, LongNumbersThatAreSortedByArePaidByTheirDigits) {
    const auto told = [&](size_t digits) {
        const std::string number(digits, '1');
        std::string json = "{\"a\":[" + number;
        for (int i = 0; i < 100; ++i) json += "," + number;
        const auto document = Document::parse(json + "]}").value();
        const Value root = document.root();
        auto sorted = loop("$.a", 1, constant("0"));
        sorted->loop->sort_by.push_back({BoundPath::compile("$x", kNames).value(), true});
        const Plan plan = Plan::make(std::move(sorted), 1);
        std::string out;
        CountingMeter meter;
        EXPECT_TRUE(plan.render(std::span(&root, 1), NoTexts(), out));
        return meter.told;
    };
    EXPECT_GE(told(3200), told(1) + 100 * (100 + 7 * 50)) << "taken apart once, and compared so often";
}

// Who writes megabytes is looked at while they move to a larger place, and nothing of them is lost on the way.
TEST(Plan, LargeOutputMovesInParts) {
    std::string out = "before", wanted = out;
    CountingMeter meter;
    detail::PlanOutput output(out, size_t{32} << 20);
    for (size_t i = 0; wanted.size() < size_t{9} << 20; ++i) {
        const std::string text = std::to_string(i) + std::string(i % 700, static_cast<char>('a' + i % 26));
        output.put(text);
        wanted += text;
    }
    output.finish();
    EXPECT_FALSE(output.is_full());
    EXPECT_TRUE(out == wanted);
    EXPECT_GE(meter.looks, 20u) << "1, 2, 4 and 8 MiB in parts of 256 KiB";
}

}  // namespace
}  // namespace portico::json
