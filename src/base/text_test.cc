#include "base/text.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <vector>

namespace portico {
namespace {

TEST(Text, a_decimal_number_fills_the_whole_text) {
    EXPECT_EQ(parse_decimal<uint16_t>("0"), 0);
    EXPECT_EQ(parse_decimal<uint16_t>("65535"), 65535);
    EXPECT_EQ(parse_decimal<uint64_t>("18446744073709551615"), UINT64_MAX);
    EXPECT_EQ(parse_decimal<int>("2147483647"), INT32_MAX);
    EXPECT_EQ(parse_decimal<int>("007"), 7);
}

TEST(Text, signs_blanks_and_overflow_are_no_decimal_number) {
    for (const std::string_view text : {"", "-1", "+1", " 1", "1 ", "1x", "x", "0x10", "1.0", "1e3", "65536", "99999999999999999999"}) {
        EXPECT_FALSE(parse_decimal<uint16_t>(text)) << text;
    }
    EXPECT_FALSE(parse_decimal<uint64_t>("18446744073709551616"));
    EXPECT_FALSE(parse_decimal<int>("2147483648"));
    EXPECT_FALSE(parse_decimal<int>("-5"));
}

TEST(Text, sixteen_hexadecimal_digits_are_those_of_the_number) {
    uint64_t value = 0x0123456789abcdef;
    for (int i = 0; i < 10'000; ++i) {
        char digits[18] = "-----------------";
        write_hex(value, digits);
        char expected[20];
        std::snprintf(expected, sizeof expected, "%016llx-", static_cast<unsigned long long>(value));
        ASSERT_STREQ(digits, expected);
        value = i % 64 == 0 ? uint64_t{1} << (i / 64 % 64) : value * 6364136223846793005 + 1442695040888963407;
    }
}

TEST(Text, a_list_is_given_element_by_element_without_its_white_space) {
    const auto elements = [](std::string_view list) {
        std::vector<std::string> out;
        for_each_element(list, [&](std::string_view e) { out.emplace_back(e); });
        return out;
    };
    EXPECT_EQ(elements("a, b\t,c"), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(elements("a,,b,"), (std::vector<std::string>{"a", "", "b", ""}));
    EXPECT_EQ(elements(""), (std::vector<std::string>{""}));
    EXPECT_EQ(elements(" , "), (std::vector<std::string>{"", ""}));
    EXPECT_EQ(elements("x y"), (std::vector<std::string>{"x y"}));
}

TEST(Text, ows_is_space_and_tab_only) {
    EXPECT_EQ(trim_ows(" \t a b \t"), "a b");
    EXPECT_EQ(trim_ows(" \t"), "");
    EXPECT_EQ(trim_ows("\n a"), "\n a");
}

TEST(Text, case_is_folded_for_ascii_only) {
    EXPECT_TRUE(iequals("Content-Length", "cONTENT-lENGTH"));
    EXPECT_FALSE(iequals("a", "ab"));
    EXPECT_FALSE(iequals("[", "{"));  // 32 apart, but no letters
    EXPECT_FALSE(iequals("@", "`"));
    EXPECT_FALSE(iequals("\xc4", "\xe4"));
    EXPECT_EQ(to_lower("A\xc4Z[1"), "a\xc4z[1");
}

TEST(Text, hexadecimal_digits_have_values_and_others_none) {
    int sum = 0;
    for (int c = -128; c < 128; ++c) {
        const int v = hex_value(static_cast<char>(c));
        if (v >= 0) sum += v;
    }
    EXPECT_EQ(sum, 45 + 75 + 75);
    EXPECT_EQ(hex_value('f'), 15);
    EXPECT_EQ(hex_value('A'), 10);
    EXPECT_EQ(hex_value('g'), -1);
    EXPECT_EQ(hex_value('/'), -1);
}

TEST(Text, the_nearest_candidate_is_a_likely_misspelling) {
    constexpr std::string_view words[] = {"listeners", "services", "routes", "timeouts", "io"};
    const auto near = [&](std::string_view word) { return nearest(word, words, std::size(words)); };
    EXPECT_EQ(near("listener"), "listeners");
    EXPECT_EQ(near("lisetners"), "listeners");  // two letters changed places: one slip
    EXPECT_EQ(near("SERVICES"), "services");
    EXPECT_EQ(near("rutes"), "routes");
    EXPECT_EQ(near("timeout"), "timeouts");
    EXPECT_EQ(near("oi"), "io");
    EXPECT_EQ(near("cache"), "");
    EXPECT_EQ(near("x"), "");
    EXPECT_EQ(nearest("x", nullptr, 0), "");
}

TEST(Text, of_equally_near_candidates_the_first_is_taken) {
    constexpr std::string_view words[] = {"best", "rest"};
    EXPECT_EQ(nearest("test", words, 2), "best");
}

}  // namespace
}  // namespace portico
