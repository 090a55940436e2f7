// What `get` does with its value: functions, dates, maps, casts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/templates/body_template_fixture.h"

namespace portico::gateway {
namespace {

using ::testing::HasSubstr;

// `{ get: $.x, REST }` over {"x": JSON}.
std::string got(const std::string& rest, const std::string& json) {
    return BodyFixture({{"", R"({"x":)" + json + "}"}}).render("{ get: $.x, " + rest + " }");
}

TEST(Cast, ToAStringTakesTextsNumbersAndBooleans) {
    EXPECT_EQ(got("cast: string", "12345678901234567890.10"), R"("12345678901234567890.10")");
    EXPECT_EQ(got("cast: string", "true"), R"("true")");
    EXPECT_EQ(got("cast: string", R"("a\n")"), R"("a\n")");
    EXPECT_EQ(got("cast: string", "{}"), "failed: response.mapping: $.x is an object, and cast takes a text, a number or a boolean");
}

TEST(Cast, ToANumberKeepsItsText) {
    EXPECT_EQ(got("cast: number", R"("12345678901234567890.10")"), "12345678901234567890.10");
    EXPECT_EQ(got("cast: number", "1e3"), "1e3");
    EXPECT_EQ(got("cast: number", R"("0x1")"), "failed: response.mapping: $.x is a string that is no number");
    EXPECT_EQ(got("cast: number", R"("")"), "failed: response.mapping: $.x is a string that is no number");
    EXPECT_EQ(got("cast: number", "true"), "failed: response.mapping: $.x is a boolean that is no number");
}

TEST(Cast, ToAnIntegerTakesWhatIsWhole) {
    EXPECT_EQ(got("cast: integer", "2.0"), "2");
    EXPECT_EQ(got("cast: integer", "-1.5e1"), "-15");
    EXPECT_EQ(got("cast: integer", R"("18446744073709551616")"), "18446744073709551616");
    EXPECT_EQ(got("cast: integer", "-0.0"), "0");
    EXPECT_EQ(got("cast: integer", "2.5"), "failed: response.mapping: $.x is no integer");
    EXPECT_EQ(got("cast: integer", "1e999999999"), "failed: response.mapping: $.x is no integer");
}

TEST(Cast, ToABooleanTakesTrueFalseOneAndZero) {
    EXPECT_EQ(got("cast: boolean", R"("true")"), "true");
    EXPECT_EQ(got("cast: boolean", "0"), "false");
    EXPECT_EQ(got("cast: boolean", R"("1")"), "true");
    EXPECT_EQ(got("cast: boolean", R"("yes")"), "failed: response.mapping: $.x is a string that is neither true nor false");
}

TEST(Cast, ANullStaysNullAndAListIsCastElementByElement) {
    EXPECT_EQ(got("cast: string", "null"), "null");
    EXPECT_EQ(got("cast: string", "[1, null, true]"), R"(["1",null,"true"])");
    EXPECT_EQ(got("cast: integer", R"(["1", []])"),
              "failed: response.mapping: $.x holds what does not fit: one is a list, and cast takes a text, a number or a boolean");
}

TEST(Cast, WhatDoesNotFitTakesTheDefaultWhereThereIsOne) {
    EXPECT_EQ(got("cast: integer, default: -1", R"("x")"), "-1");
    EXPECT_EQ(got("cast: integer, default: null", "{}"), "null");
}

TEST(Cast, AnUnknownTypeIsAnError) {
    EXPECT_THAT(got("cast: int", "1"), HasSubstr("string, number, integer or boolean"));
}

TEST(Map, PutsOneWordInThePlaceOfAnother) {
    EXPECT_EQ(got("map: { A: active, 1: one, true: yes it is }", R"("A")"), R"("active")");
    EXPECT_EQ(got("map: { A: active, 1: one, true: yes it is }", "1"), R"("one")");
    EXPECT_EQ(got("map: { A: active, 1: one, true: yes it is }", "true"), R"("yes it is")");
    EXPECT_EQ(got("map: { A: 1.50, B: null }", R"(["A","B",null])"), "[1.50,null,null]");
}

TEST(Map, AWordThatItDoesNotKnowTakesItsDefaultThenGetsElseFails) {
    EXPECT_EQ(got("map: { A: active, default: unknown }, default: 0", R"("Z")"), R"("unknown")");
    EXPECT_EQ(got("map: { A: active }, default: 0", R"("Z")"), "0");
    EXPECT_EQ(got("map: { A: active }", R"("Z")"), "failed: response.mapping: $.x is none of the words that map knows");
}

TEST(Map, ItsValuesAreConstants) {
    EXPECT_THAT(got("map: { A: $.y }", "1"), HasSubstr("no document here"));
    EXPECT_THAT(got("map: { A: { b: 1 } }", "1"), HasSubstr("a constant"));
    EXPECT_EQ(got("map: { A: $$5 }", R"("A")"), R"("$5")");
}

TEST(Date, IsReadAndWrittenInIso) {
    EXPECT_EQ(got("date: { to: epoch_s }", R"("2020-01-01")"), "1577836800");
    EXPECT_EQ(got("date: { to: epoch_ms }", R"("2020-01-01T00:00:00.25+01:00")"), "1577833200250");
    EXPECT_EQ(got("date: { from: iso }", R"("2020-02-29 12:30Z")"), R"("2020-02-29T12:30:00Z")");
    EXPECT_EQ(got("date: { from: iso }", R"("2020-01-01T00:00:00.120000-0530")"), R"("2020-01-01T05:30:00.12Z")");
    EXPECT_EQ(got("date: { from: epoch_s }", "1577836800"), R"("2020-01-01T00:00:00Z")");
    EXPECT_EQ(got("date: { from: epoch_ms }", R"("1577836800123")"), R"("2020-01-01T00:00:00.123Z")");
    EXPECT_EQ(got("date: { from: epoch_s }", "-0.5"), R"("1969-12-31T23:59:59.5Z")");
    EXPECT_EQ(got("date: { from: epoch_ms }", "-1"), R"("1969-12-31T23:59:59.999Z")");
}

TEST(Date, IsReadAndWrittenByPattern) {
    EXPECT_EQ(got("date: { from: \"%d.%m.%Y\" }", R"("9.3.2021")"), R"("2021-03-09T00:00:00Z")");
    EXPECT_EQ(got("date: { from: \"%a, %d %b %Y %H:%M:%S GMT\", to: epoch_s }", R"("Sun, 06 Nov 1994 08:49:37 GMT")"), "784111777");
    EXPECT_EQ(got("date: { to: \"%A %e %B %Y, %I:%M %p, day %j, %y\" }", R"("2024-03-05T00:07:00Z")"),
              R"("Tuesday  5 March 2024, 12:07 AM, day 065, 24")");
    EXPECT_EQ(got("date: { from: \"%Y-%m-%d %I %p %z\" }", R"("2021-01-01 12 AM +0200")"), R"("2020-12-31T22:00:00Z")");
    EXPECT_EQ(got("date: { from: \"%Y %j\", to: \"%F %T.%f %Z%%\" }", R"("2020 366")"), R"("2020-12-31 00:00:00.0 UTC%")");
}

TEST(Date, WhatDoesNotParseIsAnErrorOrTheDefault) {
    for (const char* bad : {R"("2020-13-01")", R"("2021-02-29")", R"("yesterday")", R"("2020-01-01T25:00:00Z")", R"("2020-01-01x")",
                            R"("10000-01-01")", R"("")", R"("2020-01-01T00:00:00.Z")"}) {
        // T60: the form that is wanted, and the form that came; never what it says.
        const std::string told = got("date: { to: epoch_s }", bad);
        EXPECT_TRUE(told.starts_with("failed: response.mapping: $.x is no date of the form iso (2024-03-05T00:07:00Z): it is written like \"")) << told;
        EXPECT_EQ(got("date: { to: epoch_s }, default: null", bad), "null") << bad;
    }
    EXPECT_EQ(got("date: { from: epoch_s }, default: null", "99999999999999"), "null");
    EXPECT_EQ(got("date: { from: epoch_s }, default: null", "1e300"), "null");
    EXPECT_EQ(got("date: { to: epoch_s }, default: null", "true"), "null");
}

TEST(Date, ABadFormatIsAnError) {
    EXPECT_THAT(got("date: { from: isoo }", "1"), HasSubstr("expected iso, epoch_s, epoch_ms or a pattern"));
    EXPECT_THAT(got("date: { from: \"%Q\" }", "1"), HasSubstr("%Q is no conversion"));
    EXPECT_THAT(got("date: { form: iso }", "1"), HasSubstr("from and to"));
    EXPECT_THAT(got("date: {}", "1"), HasSubstr("needs \"from\""));
}

TEST(Apply, ChangesTexts) {
    EXPECT_EQ(got("apply: lower", R"("ÄBc")"), R"("Äbc")");
    EXPECT_EQ(got("apply: [trim, upper]", R"("\t ab ")"), R"("AB")");
    EXPECT_EQ(got("apply: { truncate: 2 }", R"("äöü")"), R"("äö")");
    EXPECT_EQ(got("apply: { split: \",\" }", R"("a,,b")"), R"(["a","","b"])");
    // A27: no more memory than its pieces are worth.
    EXPECT_EQ(got("apply: [{ split: \",\" }, length]", '"' + std::string(99'999, ',') + '"'), "100000");
    EXPECT_THAT(got("apply: [{ split: \",\" }, length]", '"' + std::string(100'000, ',') + '"'), HasSubstr("would be split into more than 100000 pieces"));
    EXPECT_EQ(got("apply: lower", R"(["A","B"])"), R"(["a","b"])");
    EXPECT_EQ(got("apply: lower", "1"), "failed: response.mapping: $.x is a number, and lower takes a text");
}

TEST(Apply, CountsAndPicks) {
    EXPECT_EQ(got("apply: length", R"("äb")"), "2");
    EXPECT_EQ(got("apply: length", "[1,2,3]"), "3");
    EXPECT_EQ(got("apply: length", R"({"a":1})"), "1");
    EXPECT_EQ(got("apply: first", "[1,2]"), "1");
    EXPECT_EQ(got("apply: last", "[1,2]"), "2");
    EXPECT_EQ(got("apply: first, default: none", "[]"), R"("none")");
    EXPECT_EQ(got("apply: min", "[10, 9.5]"), "9.5");
    EXPECT_EQ(got("apply: max", R"(["b","c","a"])"), R"("c")");
    EXPECT_EQ(got("apply: keys", R"({"a":1,"b\n":2})"), R"(["a","b\n"])");
    EXPECT_EQ(got("apply: values", R"({"a":1,"b":[ 2]})"), "[1,[ 2]]");
    EXPECT_EQ(got("apply: max", R"([1,"a"])"), "failed: response.mapping: $.x holds a string, and max takes numbers alone, or texts alone");
}

TEST(Apply, ReordersLists) {
    EXPECT_EQ(got("apply: reverse", "[1,2]"), "[2,1]");
    EXPECT_EQ(got("apply: sort", "[10,9,1e1]"), "[9,10,1e1]");
    EXPECT_EQ(got("apply: unique", R"([1,1.0,"1",10e-1,[1],[ 1]])"), R"([1,"1",[1]])");
    EXPECT_EQ(got("apply: flatten", "[1,[2,[3]],[]]"), "[1,2,[3]]");
    EXPECT_EQ(got("apply: compact", "[1,null,2]"), "[1,2]");
    EXPECT_EQ(got("apply: { join: \" / \" }", R"(["a",1,null,true])"), R"("a / 1 /  / true")");
}

TEST(Apply, AddsAndRoundsDecimalsExactly) {
    EXPECT_EQ(got("apply: sum", "[0.1, 0.2]"), "0.3");
    EXPECT_EQ(got("apply: sum", "[1.10, 2, -0.10]"), "3.00");
    EXPECT_EQ(got("apply: sum", "[9007199254740993, 1]"), "9007199254740994");
    EXPECT_EQ(got("apply: sum", "[1, -2.5]"), "-1.5");
    EXPECT_EQ(got("apply: sum", "[1e2, 1e-2]"), "100.01");
    EXPECT_EQ(got("apply: sum", "[]"), "0");
    EXPECT_EQ(got("apply: [{ cast: number }, sum, { round: 1 }]", R"(["1.25","1"])"), "2.3");
    EXPECT_EQ(got("apply: { round: 0 }", "-0.5"), "-1");
    EXPECT_EQ(got("apply: { round: 0 }", "-0.4"), "0");
    EXPECT_EQ(got("apply: { round: 2 }", "9.999"), "10.00");
    EXPECT_EQ(got("apply: sum", "[1e999]"), "failed: response.mapping: $.x holds a number of too many digits to be added");
    EXPECT_EQ(got("apply: sum", "[null]"), "failed: response.mapping: $.x holds null, and sum takes numbers");
}

TEST(Apply, AnUnknownFunctionIsAnErrorWithTheNearest) {
    EXPECT_THAT(got("apply: lowre", "1"), HasSubstr("did you mean \"lower\"?"));
    EXPECT_THAT(got("apply: join", "1"), HasSubstr("takes an argument ({ join: \", \" })"));
    EXPECT_THAT(got("apply: { lower: 1 }", "1"), HasSubstr("takes no argument"));
    EXPECT_THAT(got("apply: { split: \"\" }", "1"), HasSubstr("the text between the pieces"));
}

TEST(Get, ChangesComeInTheOrderApplyDateMapCast) {
    EXPECT_EQ(got("cast: string, date: { to: epoch_s }, apply: [{ split: \"|\" }, last]", R"("x|2020-01-01")"), R"("1577836800")");
    EXPECT_EQ(got("map: { b: 2 }, cast: string, apply: lower", R"("B")"), R"("2")");
}

TEST(Get, TakesATextToo) {
    BodyFixture f({{"", R"({"a":"7","b":null})"}});
    EXPECT_EQ(f.render("{ get: \"{$.a}\", cast: integer }"), "7");
    EXPECT_EQ(f.render("{ v: { get: \"{$.b}\" }, w: { get: \"{$.c}\", default: 1 }, x: { get: \"-{$.c}\" } }"), R"({"w":1,"x":"-"})");
    EXPECT_EQ(f.render("{ get: \"{$.c}\", required: true }"), "failed: route.value_refused: \"{$.c}\" is missing");
    f.place().answer = true;
    EXPECT_EQ(f.render("{ get: \"{$.a}{$.a}x\", cast: integer }"), "failed: response.mapping: \"{$.a}{$.a}x\" is a string that is no integer");
    EXPECT_EQ(f.render("{ get: \"{$.a}\", required: true, default: 1 }").substr(0, 6), "error:");
}

TEST(Get, OfAQueryOfSeveralIsAList) {
    BodyFixture f({{"", R"({"i":[{"p":"1.20"},{"p":"2.30"},{}]})"}});
    EXPECT_EQ(f.render("{ get: \"$.i[*].p\" }"), R"(["1.20","2.30"])");
    EXPECT_EQ(f.render("{ get: \"$.i[*].p\", apply: [{ cast: number }, sum] }"), "3.50");
    EXPECT_EQ(f.render("{ get: \"$.i[*].q\", default: 1 }"), "[]");
    EXPECT_EQ(f.render("{ get: \"$.i[*].q\", apply: first, default: 1 }"), "1");
}

TEST(ForEach, DistinctKeepsTheFirstOfEach) {
    BodyFixture f({{"", R"({"a":[{"k":1,"v":1},{"k":1.0,"v":2},{"v":3},{"v":4},{"k":"1","v":5}]})"}});
    EXPECT_EQ(f.render("{ for_each: $.a, distinct: $item.k, item: $item.v }"), "[1,3,5]");
    EXPECT_EQ(f.render("{ for_each: $.a, distinct: $item.k, sort_by: { by: $item.v, order: desc }, item: $item.v }"), "[5,4,2]");
    EXPECT_THAT(f.render("{ for_each: $.a, distinct: \"$item[*]\", item: 1 }"), HasSubstr("may select several values"));
}

}  // namespace
}  // namespace portico::gateway
