#include "json/lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/meter_fixture.h"

namespace portico::json {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Split {
    std::vector<std::string> lines;
    bool too_long = false;
    bool operator==(const Split&) const = default;
};

Split split(const std::vector<std::string>& parts, size_t max_line = 1000) {
    LineSplitter splitter(max_line);
    Split result;
    for (size_t i = 0; i < parts.size(); ++i) {
        splitter.give(parts[i], i + 1 == parts.size());
        while (const auto line = splitter.next()) result.lines.emplace_back(*line);
    }
    result.too_long = splitter.is_too_long();
    EXPECT_EQ(splitter.count(), result.lines.size());
    return result;
}

TEST(Lines, EndWithLfOrCrLfAndTheLastNeedsNoEnd) {
    EXPECT_THAT(split({"{\"a\":1}\n[2]\r\n3"}).lines, ElementsAre("{\"a\":1}", "[2]", "3"));
    EXPECT_THAT(split({"1\n2\n"}).lines, ElementsAre("1", "2"));
    EXPECT_THAT(split({"1\r"}).lines, ElementsAre("1"));
    EXPECT_THAT(split({"1\r2\n"}).lines, ElementsAre("1\r2"));
}

TEST(Lines, EmptyOnesArePassedOver) {
    EXPECT_THAT(split({"\n\r\n\n1\n\n\n2\r\n\r\n"}).lines, ElementsAre("1", "2"));
    for (const char* nothing : {"", "\n", "\r\n", "\r"}) EXPECT_THAT(split({nothing}).lines, IsEmpty());
}

TEST(Lines, SplitsAtEveryByteAreOne) {
    const std::string text = "{\"a\":1}\n\n\"two\"\r\n\r\n3\n[4]";
    const Split whole = split({text});
    ASSERT_EQ(whole.lines.size(), 4U);
    for (size_t i = 0; i <= text.size(); ++i) {
        EXPECT_EQ(split({text.substr(0, i), text.substr(i)}), whole) << "split at " << i;
        for (size_t j = i; j <= text.size(); ++j) {
            EXPECT_EQ(split({text.substr(0, i), text.substr(i, j - i), text.substr(j)}), whole) << i << ", " << j;
        }
    }
    std::vector<std::string> bytes;
    for (const char c : text) bytes.emplace_back(1, c);
    bytes.emplace_back();
    EXPECT_EQ(split(bytes), whole);
}

TEST(Lines, OneThatIsTooLongEndsItAll) {
    for (const std::string text : {"12345\n1\n", "12345", "1\n12345\r\n1", "12345\r", "1234\r\r\n"}) {
        for (size_t i = 0; i <= text.size(); ++i) {
            const Split result = split({text.substr(0, i), text.substr(i), ""}, 4);
            EXPECT_TRUE(result.too_long || text == "1234\r\r\n") << text << " at " << i;
        }
    }
    EXPECT_EQ(split({"1234\n", "12", "34\r", "\n1234"}, 4), (Split{{"1234", "1234", "1234"}, false}));
}

TEST(Lines, NoMoreIsHeldThanALineMayHave) {
    LineSplitter splitter(10);
    const std::string part(1 << 20, 'x');
    splitter.give(part, false);
    EXPECT_EQ(splitter.next(), std::nullopt);
    EXPECT_TRUE(splitter.is_too_long());
}

TEST(JsonLines, empty_lines_are_paid) {
    const std::string part(10'000, '\n');
    CountingMeter meter;
    EXPECT_THAT(split({part, part + "a"}).lines, ElementsAre("a"));
    EXPECT_GE(meter.told, 20'000u);
}

TEST(JsonLines, empty_lines_end_where_nothing_more_may_be_spent) {
    CountingMeter meter(1000);
    EXPECT_THAT(split({std::string(10'000, '\n') + "a"}).lines, IsEmpty());
    EXPECT_LE(meter.told, 1010u);
}

}  // namespace
}  // namespace portico::json
