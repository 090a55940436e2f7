#include "json/edit/edit.h"

#include <gtest/gtest.h>

#include <map>

#include "base/meter_fixture.h"

namespace portico::json {
namespace {

using Kind = EditKind;

// Gives each step the text written for it; `@` is what stands there, "" none.
class Texts final : public EditValues {
  public:
    explicit Texts(std::map<size_t, std::string> texts) : texts_(std::move(texts)) {}
    Outcome give(size_t step, Value old, std::string& out) override {
        const std::string& text = texts_[step];
        if (text == "stop") return Outcome::stop;
        if (text == "@" && !old) return Outcome::none;
        out += text == "@" ? "[" + std::string(old.source()) + "]" : text;
        return text.empty() ? Outcome::none : Outcome::value;
    }

  private:
    std::map<size_t, std::string> texts_;
};

struct Written {
    Kind kind;
    std::string path;
    std::string to = {};  // of map and set: the text that is written
};

std::string edit(std::string_view text, const std::vector<Written>& written, const EditBounds& bounds = {}) {
    std::vector<EditStep> steps;
    std::map<size_t, std::string> texts;
    for (const Written& w : written) {
        const bool has_value = w.kind == Kind::map || w.kind == Kind::set;
        if (has_value) texts[steps.size()] = w.to;
        steps.push_back({w.kind, w.path, has_value ? "" : w.to});
    }
    const auto plan = EditPlan::compile(steps);
    if (!plan) {
        return "error in " + std::to_string(plan.error().step) + (plan.error().in_target ? " (target): " : ": ") +
               plan.error().what;
    }
    const auto document = Document::parse(text);
    EXPECT_TRUE(document) << text;
    Texts values(std::move(texts));
    std::string out = "before ";
    const auto done = plan->apply(document->root(), values, out, bounds);
    if (!done) {
        EXPECT_EQ(out, "before ");
        return "in " + plan->path(done.error().step) + " at " + done.error().place + ": " +
               std::string(done.error().what());
    }
    out.erase(0, 7);
    EXPECT_TRUE(Document::parse(out)) << out;
    return *done == 0 ? out : out + " mismatches: " + std::to_string(*done);
}

TEST(Edit, WithoutStepsIsTheTextItself) {
    EXPECT_EQ(edit(" { \"a\" : [ 1.0, 12345678901234567890 ] } ", {}), "{ \"a\" : [ 1.0, 12345678901234567890 ] }");
}

TEST(Edit, WhatIsLeftAloneKeepsItsSpelling) {
    EXPECT_EQ(edit(R"({"a": 1.00 , "b" : "\u00e9\/", "secret": 1, "c": [1 , 2.50e0]})", {{Kind::remove, "$.secret"}}),
              R"({"a": 1.00 , "b" : "\u00e9\/","c": [1 , 2.50e0]})");
    EXPECT_EQ(edit(R"({"\u0061": 1, "x": {"n": 123456789012345678901234567890}})", {{Kind::rename, "$.a", "b"}}),
              R"({"b":1,"x": {"n": 123456789012345678901234567890}})");
}

TEST(Edit, RemoveTakesWhatThePathSelects) {
    constexpr auto kDocument = R"({"a":[{"secret":1,"x":2},{"x":3,"secret":[{"secret":1}]}],"secret":0})";
    EXPECT_EQ(edit(kDocument, {{Kind::remove, "$.a[*].secret"}}), R"({"a":[{"x":2},{"x":3}],"secret":0})");
    EXPECT_EQ(edit(kDocument, {{Kind::remove, "$..secret"}}), R"({"a":[{"x":2},{"x":3}]})");
    EXPECT_EQ(edit(kDocument, {{Kind::remove, "$.a[?@.x > 2]"}}), R"({"a":[{"secret":1,"x":2}],"secret":0})");
    EXPECT_EQ(edit(kDocument, {{Kind::remove, "$.a[-1]"}, {Kind::remove, "$['secret','none']"}}),
              R"({"a":[{"secret":1,"x":2}]})");
    EXPECT_EQ(edit(kDocument, {{Kind::remove, "$.*"}}), "{}");
    EXPECT_EQ(edit("[1,2,3,4,5]", {{Kind::remove, "$[::2]"}}), "[2,4]");
    EXPECT_EQ(edit("[1,2,3,4,5]", {{Kind::remove, "$[3:0:-2]"}}), "[1,3,5]");
    EXPECT_EQ(edit("[1,2,3]", {{Kind::remove, "$.a"}}), "[1,2,3]");
    EXPECT_EQ(edit("5", {{Kind::remove, "$.a"}}), "5");
}

TEST(Edit, KeepIsAProjection) {
    constexpr auto kDocument =
        R"({"id":1,"items":[{"name":"a","x":{"y":1,"z":2}},{"x":5},7,[1]],"other":{"id":2},"empty":{}})";
    EXPECT_EQ(edit(kDocument, {{Kind::keep, "$.id"}, {Kind::keep, "$.items[*].name"}}),
              R"({"id":1,"items":[{"name":"a"},{}]})");
    EXPECT_EQ(edit(kDocument, {{Kind::keep, "$.items[*].x.y"}}), R"({"items":[{"x":{"y":1}},{}]})");
    EXPECT_EQ(edit(kDocument, {{Kind::keep, "$.items[0].x"}}), R"({"items":[{"x":{"y":1,"z":2}}]})");
    EXPECT_EQ(edit(kDocument, {{Kind::keep, "$..id"}}), R"({"id":1,"other":{"id":2}})");
    EXPECT_EQ(edit(kDocument, {{Kind::keep, "$.empty.a"}, {Kind::keep, "$.none.a"}}), R"({"empty":{}})");
    EXPECT_EQ(edit(kDocument, {{Kind::keep, "$"}}), kDocument);
    EXPECT_EQ(edit(kDocument, {{Kind::keep, "$.none"}}), "{}");
    EXPECT_EQ(edit("[1,{\"a\":1,\"b\":2}]", {{Kind::keep, "$[*].a"}}), R"([{"a":1}])");
    EXPECT_EQ(edit("[1]", {{Kind::keep, "$.a"}}), "[]");
    EXPECT_EQ(edit("\"secret\"", {{Kind::keep, "$.a"}}), "null");
}

TEST(Edit, WhatRemovesWinsOverWhatKeeps) {
    EXPECT_EQ(edit(R"({"a":{"b":1,"c":2},"d":3})", {{Kind::keep, "$.a"}, {Kind::remove, "$.a.c"}}), R"({"a":{"b":1}})");
    EXPECT_EQ(edit(R"({"a":{"b":1,"c":2},"d":3})", {{Kind::remove, "$.a"}, {Kind::keep, "$.a.b"}, {Kind::keep, "$.d"}}),
              R"({"d":3})");
}

TEST(Edit, RenameStaysInItsPlaceAndDisplaces) {
    EXPECT_EQ(edit(R"({"x":0,"old":1,"y":2})", {{Kind::rename, "$.old", "new \"é\""}}),
              R"({"x":0,"new \"é\"":1,"y":2})");
    EXPECT_EQ(edit(R"({"new":0,"old":1})", {{Kind::rename, "$.old", "new"}}), R"({"new":1})");
    EXPECT_EQ(edit(R"({"old":1,"new":0})", {{Kind::rename, "$.old", "new"}}), R"({"new":1})");
    EXPECT_EQ(edit(R"({"a":1,"b":2})", {{Kind::rename, "$.a", "b"}, {Kind::rename, "$.b", "a"}}), R"({"b":1,"a":2})");
    EXPECT_EQ(edit(R"({"a":1,"b":2,"c":3})", {{Kind::rename, "$.a", "c"}, {Kind::rename, "$['b']", "a"}}),
              R"({"c":1,"a":2})");
    EXPECT_EQ(edit(R"([{"a":1},{"b":1},3])", {{Kind::rename, "$[*].a", "z"}}), R"([{"z":1},{"b":1},3])");
    EXPECT_EQ(edit(R"({"a":{"a":{"a":1}}})", {{Kind::rename, "$..a", "z"}}), R"({"z":{"z":{"z":1}}})");
    EXPECT_EQ(edit(R"({"new":0,"old":1})", {{Kind::rename, "$.old", "new"}, {Kind::remove, "$.old"}}), R"({"new":0})");
    EXPECT_EQ(edit(R"({"new":0,"old":1})", {{Kind::rename, "$.old", "new"}, {Kind::keep, "$.new"}}), R"({"new":0})");
    EXPECT_EQ(edit(R"({"new":0,"old":1})", {{Kind::rename, "$.old", "new"}, {Kind::keep, "$.old"}}), R"({"new":1})");
    EXPECT_EQ(edit(R"([{"a":1,"b":2}])", {{Kind::rename, "$[*].a", "c"}, {Kind::rename, "$[0].b", "c"}}),
              R"([{"c":2}])");
}

TEST(Edit, SetReplacesAndMakesWhatIsMissing) {
    EXPECT_EQ(edit(R"({"a":1,"b":2})", {{Kind::set, "$.a", "{\"x\":1}"}}), R"({"a":{"x":1},"b":2})");
    EXPECT_EQ(edit(R"({})", {{Kind::set, "$.a.b.c", "1"}, {Kind::set, "$.a.d", "2"}, {Kind::set, "$.e", "3"}}),
              R"({"a":{"b":{"c":1},"d":2},"e":3})");
    EXPECT_EQ(edit(R"({"a":null,"z":0})", {{Kind::set, "$.a.b", "1"}}), R"({"a":{"b":1},"z":0})");
    EXPECT_EQ(edit(R"({"items":[{"x":1},{"c":2}]})", {{Kind::set, "$.items[*].c", "\"EUR\""}}),
              R"({"items":[{"x":1,"c":"EUR"},{"c":"EUR"}]})");
    EXPECT_EQ(edit(R"({"items":[{"x":1},{"x":2}]})", {{Kind::set, "$.items[?@.x==2].y.z", "1"}}),
              R"({"items":[{"x":1},{"x":2,"y":{"z":1}}]})");
    EXPECT_EQ(edit(R"({"a":[1,2,3]})", {{Kind::set, "$.a[1]", "0"}, {Kind::set, "$.a[-1]", "9"}}), R"({"a":[1,0,9]})");
    EXPECT_EQ(edit(R"({"a":1})", {{Kind::set, "$", "[]"}}), "[]");
    EXPECT_EQ(edit(R"({"a":1})", {{Kind::set, "$['a','b']", "2"}}), R"({"a":2,"b":2})");
    EXPECT_EQ(edit("null", {{Kind::set, "$.a", "1"}}), R"({"a":1})");
    EXPECT_EQ(edit(R"([{}])", {{Kind::set, "$[*].a", "1"},
                               {Kind::set, "$[0].a", "2"},
                               {Kind::set, "$[*].b.c", "3"},
                               {Kind::set, "$[0].b.d", "4"}}),
              R"([{"a":2,"b":{"c":3,"d":4}}])");
}

TEST(Edit, ANoneLeavesThePlaceAsItIs) {
    EXPECT_EQ(edit(R"({"a":1})", {{Kind::set, "$.a", ""}, {Kind::set, "$.b.c", ""}, {Kind::map, "$.a.x", "1"}}),
              "error in 2: it is inside of what $.a writes");
    EXPECT_EQ(edit(R"({"a":1})", {{Kind::set, "$.a", ""}, {Kind::set, "$.b.c", ""}}), R"({"a":1})");
    EXPECT_EQ(edit(R"({"a":1,"b":2})", {{Kind::keep, "$.b"}, {Kind::set, "$.a", ""}}), R"({"b":2})");
    EXPECT_EQ(edit(R"({"a":1})", {{Kind::set, "$.a", "stop"}}), "in $.a at : it has no value to write");
}

TEST(Edit, MapSeesWhatStoodThereAndMakesNothing) {
    EXPECT_EQ(edit(R"({"a":[{"p":1.50},{"q":1}]})", {{Kind::map, "$.a[*].p", "@"}}), R"({"a":[{"p":[1.50]},{"q":1}]})");
    EXPECT_EQ(edit(R"({"a":[1,2]})", {{Kind::map, "$.a.*", "@"}, {Kind::map, "$.b", "0"}}), R"({"a":[[1],[2]]})");
    EXPECT_EQ(edit(R"([{}])", {{Kind::set, "$[*].a", "1"}, {Kind::map, "$[0].a", "2"}}), R"([{"a":1}])");
    EXPECT_EQ(edit(R"([{"a":0}])", {{Kind::set, "$[*].a", "1"}, {Kind::map, "$[0].a", "2"}}), R"([{"a":2}])");
}

TEST(Edit, WhatWritesWinsOverWhatRemovesAndKeeps) {
    EXPECT_EQ(edit(R"({"a":{"s":1},"b":2})", {{Kind::remove, "$.a"}, {Kind::set, "$.a.b", "1"}}),
              R"({"a":{"b":1},"b":2})");
    EXPECT_EQ(edit(R"({"a":5,"b":2})", {{Kind::remove, "$.a"}, {Kind::set, "$.a.b", "1"}}), R"({"a":{"b":1},"b":2})");
    EXPECT_EQ(edit(R"({"id":1,"user":{"secret":1}})", {{Kind::keep, "$.id"}, {Kind::set, "$.user.name", "\"x\""}}),
              R"({"id":1,"user":{"name":"x"}})");
    EXPECT_EQ(edit(R"({"id":1})", {{Kind::keep, "$.id"}, {Kind::set, "$.source", "\"legacy\""}}),
              R"({"id":1,"source":"legacy"})");
    EXPECT_EQ(edit(R"([1,[2]])", {{Kind::keep, "$[5]"}, {Kind::set, "$[1][0]", "3"}}), "[[3]]");
}

TEST(Edit, MoveTakesAValueToAnotherPlace) {
    EXPECT_EQ(edit(R"({"a":{"b":1.0,"x":2}})", {{Kind::move, "$.a.b", "$.c"}}), R"({"a":{"x":2},"c":1.0})");
    EXPECT_EQ(edit(R"({"a":{"b":1}})", {{Kind::move, "$.a.b", "$.c.d.e"}}), R"({"a":{},"c":{"d":{"e":1}}})");
    EXPECT_EQ(edit(R"({"data":{"id":1},"meta":2})", {{Kind::move, "$.data", "$"}}), R"({"id":1})");
    EXPECT_EQ(edit(R"({"a":1,"b":2})", {{Kind::move, "$.a", "$.b"}, {Kind::move, "$.b", "$.a"}}), R"({"a":2,"b":1})");
    EXPECT_EQ(edit(R"({"a":1})", {{Kind::move, "$.x", "$.a"}}), R"({"a":1})");
    EXPECT_EQ(edit(R"({"a":1})", {{Kind::move, "$.x", "$.a.b"}}), R"({"a":1})");
    EXPECT_EQ(edit(R"({"a":{"p":1,"q":2,"r":3}})", {{Kind::move, "$.a", "$.b"},
                                                    {Kind::remove, "$.a.p"},
                                                    {Kind::rename, "$.a.q", "z"},
                                                    {Kind::move, "$.a.r", "$.r"}}),
              R"({"b":{"z":2},"r":3})");
    EXPECT_EQ(edit(R"({"a":{"s":1},"id":2})", {{Kind::keep, "$.id"}, {Kind::move, "$.a", "$.b"}}),
              R"({"id":2,"b":{"s":1}})");
    EXPECT_EQ(edit(R"({"a":[5,6],"b":0})", {{Kind::move, "$.a[-1]", "$.b"}}), R"({"a":[5],"b":6})");
    EXPECT_EQ(edit(R"({"a":{"b":1}})", {{Kind::move, "$.a.b", "$.a"}}), R"({"a":1})");
    EXPECT_EQ(edit(R"({"a":1,"b":2})", {{Kind::move, "$.a", "$.c"}, {Kind::set, "$.a", "9"}}),
              R"({"a":9,"b":2,"c":1})");
}

TEST(Edit, AMismatchIsAFaultOrCounted) {
    constexpr auto kWhat = ": what stands there has no such member or element, and cannot get it";
    const EditBounds skip{.skip_mismatches = true};
    const auto expect = [&](const char* document, const Written& step, const std::string& place,
                            const std::string& skipped) {
        EXPECT_EQ(edit(document, {step}), "in " + place + kWhat);
        EXPECT_EQ(edit(document, {step}, skip), skipped + " mismatches: 1");
    };
    expect(R"({"a":5})", {Kind::set, "$.a.b", "1"}, "$.a.b at $['a']", R"({"a":5})");
    expect(R"({"a":[1]})", {Kind::set, "$.a.b", "1"}, "$.a.b at $['a']", R"({"a":[1]})");
    expect(R"({"a":[1]})", {Kind::set, "$.a[1]", "1"}, "$.a[1] at $['a']", R"({"a":[1]})");
    expect(R"({"a":[1]})", {Kind::set, "$.a[-2].x", "1"}, "$.a[-2].x at $['a']", R"({"a":[1]})");
    expect(R"({"a":{"0":1}})", {Kind::set, "$.a[0]", "1"}, "$.a[0] at $['a']", R"({"a":{"0":1}})");
    expect(R"("text")", {Kind::set, "$.a", "1"}, "$.a at $", R"("text")");
    expect(R"([{},7])", {Kind::set, "$[*].a", "1"}, "$[*].a at $[1]", R"([{"a":1},7])");
    expect(R"({"a":5,"b":1})", {Kind::move, "$.b", "$.a.b"}, "$.b at $", R"({"a":5,"b":1})");
}

TEST(Edit, A22_what_stands_where_an_element_must_be_reached_is_a_mismatch_at_any_depth) {
    constexpr auto kWhat = ": what stands there has no such member or element, and cannot get it";
    const auto expect = [&](const char* document, const char* path, const std::string& place) {
        EXPECT_EQ(edit(document, {{Kind::set, path, "1"}}), std::string("in ") + path + " at " + place + kWhat);
        EXPECT_EQ(edit(document, {{Kind::set, path, "1"}}, {.skip_mismatches = true}), std::string(document) + " mismatches: 1");
    };
    expect(R"({"user":"x"})", "$.user.list[0].ssn", "$['user']");
    expect(R"({"user":{"list":"x"}})", "$.user.list[0].ssn", "$['user']['list']");
    expect(R"("x")", "$.user.list[0].ssn", "$");
    expect("[]", "$.user.list[0]", "$");
    expect(R"({"a":1})", "$[0].list[0].ssn", "$");
    expect("[7]", "$[0].list[0].ssn", "$[0]");
    // Where nothing stands there is nothing in the way.
    EXPECT_EQ(edit(R"({"user":{}})", {{Kind::set, "$.user.list[0].ssn", "1"}}), R"({"user":{}})");
    EXPECT_EQ(edit(R"({"user":null})", {{Kind::set, "$.user.list[0].ssn", "1"}}), R"({"user":null})");
}

TEST(Edit, A21_a_member_of_which_nothing_stays_takes_no_name) {
    EXPECT_EQ(edit(R"({"b":1,"x":5})", {{Kind::keep, "$.b.c"}, {Kind::keep, "$.x"}, {Kind::rename, "$.b", "x"}}), R"({"x":5})");
    EXPECT_EQ(edit(R"({"b":[1],"x":5})", {{Kind::keep, "$.b.c"}, {Kind::keep, "$.x"}, {Kind::rename, "$.b", "x"}}), R"({"x":5})");
    EXPECT_EQ(edit(R"({"b":{"d":1},"x":5})", {{Kind::keep, "$..c"}, {Kind::keep, "$.x"}, {Kind::rename, "$.b", "x"}}), R"({"x":5})");
    EXPECT_EQ(edit(R"({"b":1,"x":5})", {{Kind::remove, "$.b"}, {Kind::set, "$.b", "@"}, {Kind::rename, "$.b", "x"}}), R"({"x":[1]})");
    EXPECT_EQ(edit(R"({"b":1,"x":5})", {{Kind::remove, "$.b"}, {Kind::set, "$.b", ""}, {Kind::rename, "$.b", "x"}}), R"({"x":5})");
    // What leads to what is kept stays, and has the name.
    EXPECT_EQ(edit(R"({"b":{"d":1},"x":5})", {{Kind::keep, "$.b.c"}, {Kind::keep, "$.x"}, {Kind::rename, "$.b", "x"}}), R"({"x":{}})");
}

TEST(Edit, NamesThatAreGivenInsideEachOtherAreJudgedInLinearTime) {
    std::string deep = "1", kept = "1";
    for (int i = 0; i < 60; ++i) deep = R"({"a":)" + deep + R"(,"x":0})";
    // Nothing is kept of it: each level asks whether something becomes of the one below.
    EXPECT_EQ(edit(deep, {{Kind::keep, "$..c"}, {Kind::rename, "$..a", "x"}}, {.max_steps = 10'000}), "{}");
}

TEST(Edit, WhatIsWrongIsSaidAtLoad) {
    constexpr auto kDocument = "{}";
    EXPECT_EQ(edit(kDocument, {{Kind::keep, "$.a"}, {Kind::keep, "$.a["}}).substr(0, 10), "error in 1");
    EXPECT_EQ(edit(kDocument, {{Kind::remove, "$x.a"}}).substr(0, 10), "error in 0");
    EXPECT_EQ(edit(kDocument, {{Kind::remove, "$"}}), "error in 0: the whole document cannot be removed");
    EXPECT_EQ(edit(kDocument, {{Kind::rename, "$.a[*]", "x"}}),
              "error in 0: only a member can be renamed: a path that ends in its name");
    EXPECT_EQ(edit(kDocument, {{Kind::move, "$.a[*]", "$.x"}}),
              "error in 0: what is moved is one value: a path of names and indexes only");
    EXPECT_EQ(edit(kDocument, {{Kind::move, "$.a", "$.x[*]"}}),
              "error in 0 (target): it is moved to one place: a path of names and indexes only");
    EXPECT_EQ(edit(kDocument, {{Kind::move, "$.a", "$.x["}}).substr(0, 19), "error in 0 (target)");
    EXPECT_EQ(edit(kDocument, {{Kind::move, "$.a", "$['a']"}}), "error in 0 (target): it is moved to where it is");
    EXPECT_EQ(edit(kDocument, {{Kind::move, "$.a", "$.a.b"}}), "error in 0 (target): it is moved into itself");
    EXPECT_EQ(edit(kDocument, {{Kind::move, "$.k", "$.a.z"}, {Kind::move, "$.a", "$.b"}}),
              "error in 0 (target): it is moved into $.a, which is moved itself");
    EXPECT_EQ(edit(kDocument, {{Kind::set, "$.a", "1"}, {Kind::set, "$['a']", "2"}}),
              "error in 1: another edit writes the same place");
    EXPECT_EQ(edit(kDocument, {{Kind::set, "$.a.b", "1"}, {Kind::set, "$.a", "2"}}),
              "error in 0: it is inside of what $.a writes");
    EXPECT_EQ(edit(kDocument, {{Kind::rename, "$.a", "b"}, {Kind::set, "$.b", "2"}}),
              "error in 0: another edit writes the member of the new name");
    EXPECT_EQ(edit(kDocument, {{Kind::rename, "$.a", "c"}, {Kind::rename, "$.b", "c"}}),
              "error in 1: another edit gives that name");
    EXPECT_EQ(edit(kDocument, std::vector<Written>(EditPlan::kMaxSteps + 1, {Kind::keep, "$.a"})),
              "error in 1000: there are too many edits");
}

TEST(Edit, StaysWithinItsBounds) {
    std::string list = "[0";
    for (int i = 0; i < 1000; ++i) list += ",0";
    list += ']';
    EXPECT_EQ(edit(list, {{Kind::map, "$[*]", "\"12345678\""}}, {.max_size = 5000}),
              "in $[*] at : the changed document is too large");
    EXPECT_EQ(edit(list, {{Kind::map, "$[*]", "1"}}, {.max_steps = 500}), "in $[*] at : it takes too many steps");
    EXPECT_EQ(edit(list, {{Kind::remove, "$[?count($[*]) > 1]"}}, {.max_steps = 50'000}),
              "in $[?count($[*]) > 1] at : it takes too many steps");
}

TEST(Edit, EqualNamesAreAllTaken) {
    const auto document = Document::parse(R"({"secret":1,"a":2,"secret":3})", {.duplicates = Duplicates::keep});
    const auto plan = EditPlan::compile(std::vector<EditStep>{{Kind::remove, "$.secret", ""}});
    std::string out;
    EXPECT_TRUE(plan->apply(document->root(), out));
    EXPECT_EQ(out, R"({"a":2})");
}

TEST(Edit, NamesThatAreLookedUpArePaidByTheMembers) {
    std::string object = "{\"x\":0";
    for (int i = 0; i < 8000; ++i) object += ",\"n" + std::to_string(i) + "\":0";
    object += "}";
    const auto told = [&](size_t names, Kind kind) {
        std::vector<Written> written;
        for (size_t i = 0; i < names; ++i) {
            const std::string name = "$.new" + std::to_string(i);
            written.push_back(kind == Kind::set ? Written{kind, name, "1"} : Written{kind, "$.n" + std::to_string(i), name});
        }
        CountingMeter meter;
        EXPECT_EQ(edit(object, written).find("mismatch"), std::string::npos);
        return meter.told;
    };
    EXPECT_GE(told(21, Kind::set), told(1, Kind::set) + 20 * 8000 / 8);
    EXPECT_GE(told(21, Kind::move), told(1, Kind::move) + 20 * 3 * 8000 / 8) << "found, found again and its target looked up";
}

}  // namespace
}  // namespace portico::json
