#include "json/writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "base/meter_fixture.h"

namespace portico::json {
namespace {

std::string quoted(std::string_view text) {
    std::string out;
    append_string(out, text);
    return out;
}

TEST(JsonString, plain_text_stands_as_it_is) {
    EXPECT_EQ(quoted(""), R"("")");
    EXPECT_EQ(quoted("hello, world / \x7f"), "\"hello, world / \x7f\"");
}

TEST(JsonString, quotes_backslashes_and_controls_are_escaped) {
    EXPECT_EQ(quoted("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(quoted("\b\f\n\r\t"), R"("\b\f\n\r\t")");
    EXPECT_EQ(quoted(std::string_view("\0\x01\x1f", 3)), R"("\u0000\u0001\u001f")");
}

TEST(JsonString, every_control_is_escaped) {
    for (char c = 0; c < 0x20; ++c) {
        const std::string text = quoted(std::string_view(&c, 1));
        EXPECT_EQ(text[1], '\\') << int{c};
    }
}

TEST(JsonString, well_formed_utf8_stands_as_it_is) {
    for (const std::string_view text :
         {"\xC2\x80", "\xE2\x82\xAC", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
        EXPECT_EQ(quoted(text), "\"" + std::string(text) + "\"");
    }
}

TEST(JsonString, each_maximal_ill_formed_piece_becomes_one_replacement_character) {
    const std::string r = "\xEF\xBF\xBD";
    const struct {
        std::string_view text;
        std::string want;
    } cases[] = {
        {"\x80", r},
        {"\xC0\xAF", r + r},                  // overlong "/"
        {"\xE0\x80\xAF", r + r + r},          // overlong
        {"\xED\xA0\x80", r + r + r},          // surrogate
        {"\xF4\x90\x80\x80", r + r + r + r},  // above U+10FFFF
        {"\xE2\x82", r},                      // cut off
        {"\xE2\x82x", r + "x"},
        {"\xF0\x9F\x98", r},
        {"\xFF\xFE", r + r},
        {"a\xC3(b", "a" + r + "(b"},
    };
    for (const auto& c : cases) EXPECT_EQ(quoted(c.text), "\"" + c.want + "\"");
}

TEST(JsonNumber, integers_keep_every_digit) {
    std::string out;
    append_number(out, std::numeric_limits<int64_t>::min());
    out += ' ';
    append_number(out, std::numeric_limits<uint64_t>::max());
    EXPECT_EQ(out, "-9223372036854775808 18446744073709551615");
}

TEST(JsonNumber, doubles_are_shortest_and_read_back) {
    const struct {
        double n;
        std::string_view want;
    } cases[] = {{0.1, "0.1"}, {1, "1"}, {-2.5, "-2.5"}, {1e300, "1e+300"}, {std::nan(""), "null"}, {INFINITY, "null"}};
    for (const auto& c : cases) {
        std::string out;
        append_number(out, c.n);
        EXPECT_EQ(out, c.want);
    }
}

TEST(JsonNumber, the_longest_double_fits) {
    std::string out;
    append_number(out, -std::numeric_limits<double>::denorm_min());
    append_number(out, -1.7976931348623157e308);
    EXPECT_EQ(out, "-5e-324-1.7976931348623157e+308");
}

TEST(JsonWriter, puts_commas_between_members_and_elements_only) {
    std::string out;
    Writer w(out);
    w.begin_object().key("a").value(1).key("b").begin_array().value("x").null().begin_object().end_object().end_array();
    w.key("c").begin_object().key("d").value(true).key("e").value(0.5).end_object().key("f").raw("[]").end_object();
    EXPECT_EQ(out, R"({"a":1,"b":["x",null,{}],"c":{"d":true,"e":0.5},"f":[]})");
}

TEST(JsonWriter, a_level_that_is_opened_again_begins_without_a_comma) {
    std::string out;
    Writer w(out);
    w.begin_array().begin_array().value(1).end_array().begin_array().value(2).end_array().end_array();
    EXPECT_EQ(out, "[[1],[2]]");
}

TEST(JsonWriter, escapes_keys) {
    std::string out;
    Writer(out).begin_object().key("a\"b").value("\n").end_object();
    EXPECT_EQ(out, R"({"a\"b":"\n"})");
}

TEST(JsonWriter, appends_to_what_is_there) {
    std::string out = "log ";
    Writer(out).value(uint8_t{7});
    EXPECT_EQ(out, "log 7");
}

TEST(JsonString, T58_hidden_characters_of_a_log_line_are_escaped_and_nothing_else) {
    std::string line = quoted(std::string_view("before\x7F"));
    const size_t from = line.size();
    line += quoted(std::string_view("a\x7F\xC2\x9B\xC2\x85\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8F\xD8\x9C\xE2\x80\xA8"
                                    "b\xC2\xA0\xC3\xA9\xD8\x9B\xE2\x80\x93\xE2\x82\xAC\xF0\x9F\x98\x80"));
    escape_hidden(line, from);
    EXPECT_EQ(line, "\"before\x7F\"\"a\\u007f\\u009b\\u0085\\u202e\\u2066\\u200f\\u061c\\u2028"
                    "b\xC2\xA0\xC3\xA9\xD8\x9B\xE2\x80\x93\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

TEST(JsonWriter, nests_as_deep_as_it_says) {
    std::string out;
    Writer w(out);
    for (unsigned i = 0; i < Writer::kMaxDepth; ++i) w.begin_array();
    for (unsigned i = 0; i < Writer::kMaxDepth; ++i) w.end_array();
    EXPECT_EQ(out, std::string(Writer::kMaxDepth, '[') + std::string(Writer::kMaxDepth, ']'));
}

TEST(JsonString, a_long_text_is_written_in_pieces_and_paid_by_what_is_made) {
    for (const std::string_view unit : {"a", "\xC3\xA9", "\"", "\x01", "\xFF", "ab\xE2\x82\xAC\n\xE2\x82"}) {
        const std::string wanted_unit = quoted(unit);
        std::string text, wanted = "\"";
        for (size_t i = 0; i < 10'000; ++i) {
            text += unit;
            wanted.append(wanted_unit, 1, wanted_unit.size() - 2);
        }
        CountingMeter meter;
        EXPECT_EQ(quoted(std::string_view(text)), wanted + "\"");
        EXPECT_GE(meter.told, wanted.size() / 9);
    }
    CountingMeter meter(1000);
    EXPECT_LE(quoted(std::string_view(std::string(100'000, 'a'))).size(), 20'000u);
    EXPECT_LE(meter.told, 3000u);
}

}  // namespace
}  // namespace portico::json
