// What changes take of the meter, of memory and of the room that a list has. What they make is compared in gateway/templates.
#include "json/plan/change.h"

#include <gtest/gtest.h>

#include "base/meter_fixture.h"

namespace portico::json {
namespace {

std::string repeated(std::string_view text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
}

struct Changed {
    std::string json;  // "" after a failure
    std::string why;
    uint64_t told = 0;
};

Changed changed(Change::Kind kind, const std::string& json, uint64_t most = UINT64_MAX, size_t max_list = 1'000'000) {
    const Document document = Document::parse(json).value();
    Datum datum(document.root());
    ListRoom room(max_list);
    Changed result;
    CountingMeter meter(most);
    const bool fits = apply({.kind = kind, .text = ",", .number = 2}, datum, room, result.why);
    result.told = meter.told;
    if (fits) datum.append_to(result.json);
    return result;
}

using Kind = Change::Kind;

TEST(Change, WhatGoesThroughAListIsPaidAndEndsWhereItMayNotGoOn) {
    const std::string json = "[1" + repeated(",2", 8'000) + "]";
    for (const Kind kind :
         {Kind::min, Kind::max, Kind::reverse, Kind::compact, Kind::sort, Kind::unique, Kind::sum, Kind::join, Kind::round}) {
        const Changed whole = changed(kind, json);
        EXPECT_NE(whole.json, "");
        EXPECT_GE(whole.told, 3u * 8'000) << static_cast<int>(kind);
        // The last steps of each belong to what it does, not to getting at the list.
        const Changed ended = changed(kind, json, whole.told - 3000);
        EXPECT_EQ(ended.json, "") << static_cast<int>(kind);
        EXPECT_NE(ended.why, "");
    }
    EXPECT_GE(changed(Kind::last, json).told, 512u);
}

TEST(Change, LongNumbersArePaidByTheirDigits) {
    const std::string digits = repeated("1", 3200);
    const std::string json = "[" + digits + repeated("," + digits, 100) + "]";
    EXPECT_GE(changed(Kind::max, json).told, 2u * 100 * 100) << "to see that all are numbers, and to compare them";
    EXPECT_GE(changed(Kind::min, json).told, 2u * 100 * 100);
    EXPECT_GE(changed(Kind::sort, json).told, 100u * 7 * 3200 / 64);
    const std::string longest = repeated("1", 100'000);
    EXPECT_LE(changed(Kind::max, "[" + longest + repeated(",1", 1000) + "]").told, 20'000u) << "it is read once";
}

TEST(Change, TheOutermostIsTheFirstOfEqualOnes) {
    EXPECT_EQ(changed(Kind::max, "[1, 10, 1e1, 10.0, -7]").json, "10");
    EXPECT_EQ(changed(Kind::min, "[1, -0, 0.0, 7]").json, "-0");
    EXPECT_EQ(changed(Kind::max, R"(["a","c","b"])").json, R"("c")");
    EXPECT_EQ(changed(Kind::min, "[]").json, "null");
    EXPECT_EQ(changed(Kind::first, "[3,4]").json, "3");
    EXPECT_EQ(changed(Kind::last, "[3,4]").json, "4");
    EXPECT_EQ(changed(Kind::last, "[]").json, "null");
    EXPECT_EQ(changed(Kind::reverse, "[1,2,3]").json, "[3,2,1]");
    EXPECT_EQ(changed(Kind::compact, "[null,1,null]").json, "[1]");
    EXPECT_EQ(changed(Kind::sort, "[10,9.5,1e1,-3]").json, "[-3,9.5,10,1e1]");
}

TEST(Change, WhatIsShortToWriteIsPaidByItsDigits) {
    EXPECT_GE(changed(Kind::sum, "[1e399,1e-400" + repeated(",1", 1000) + "]").told, 1000u * 800 / 4);
    EXPECT_GE(changed(Kind::round, "[1" + repeated(",1e399", 1000) + "]").told, 1000u * 2 * 400 / 16);
    EXPECT_GE(changed(Kind::round, "[1" + repeated(",1e-399", 1000) + "]").told, 1000u * 400 / 16);
}

TEST(Change, TheListsThatAreMadeOfAListHaveOneRoom) {
    const std::string piece = "\"" + repeated(",", 399) + "\"";
    EXPECT_NE(changed(Kind::split, "[" + piece + "," + piece + "]", UINT64_MAX, 1000).json, "");
    EXPECT_EQ(changed(Kind::split, "[" + piece + "," + piece + "," + piece + "]", UINT64_MAX, 1000).why,
              "holds what does not fit: one makes too long a list");
    const std::string list = "[1" + repeated(",1", 399) + "]";
    EXPECT_NE(changed(Kind::flatten, "[" + list + ",0," + list + "]", UINT64_MAX, 1000).json, "");
    EXPECT_EQ(changed(Kind::flatten, "[" + list + "," + list + "," + list + "]", UINT64_MAX, 1000).why, "makes too long a list");
}

TEST(Change, WhatIsMadeIsCountedAmongWhatIsHeld) {
    const std::string list = "[1" + repeated(",1e300", 10'000) + "]";
    const std::string text = "\"" + repeated(",", 10'000) + "\"";
    const std::string lists = "[" + list + "," + list + "]";
    const std::string object = [] {
        std::string members = "{\"x\":0";
        for (int i = 0; i < 10'000; ++i) members += ",\"n" + std::to_string(i) + "\":0";
        return members + "}";
    }();
    struct Case {
        Kind kind;
        const std::string& json;
    };
    for (const auto& [kind, json] : {Case{Kind::split, text}, Case{Kind::flatten, lists}, Case{Kind::sort, list}, Case{Kind::round, list},
                                     Case{Kind::keys, object}, Case{Kind::values, object}}) {
        EXPECT_NE(changed(kind, json).json, "") << static_cast<int>(kind);
        const uint64_t document = Document::parse(json).value().bytes();
        HeldMemory::here().limit(document + 500'000);
        EXPECT_EQ(changed(kind, json).json, "") << static_cast<int>(kind);
        HeldMemory::here().limit(UINT64_MAX);
    }
}

}  // namespace
}  // namespace portico::json
