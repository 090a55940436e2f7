#include "json/path/path_regex.h"

#include <gtest/gtest.h>

#include "json/path/path_number.h"

namespace portico::json {
namespace {

using detail::PathRegex;

bool matches(std::string_view expression, std::string_view text) {
    auto regex = PathRegex::compile(expression);
    EXPECT_TRUE(regex) << expression << ": " << regex.error().what;
    return regex && (*regex)->matches(text);
}

TEST(JsonPathRegex, an_expression_matches_whole_texts) {
    struct Case {
        std::string_view expression;
        std::string_view text;
        bool matches;
    };
    const Case cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a|b", "b", true},
        {"ab|c", "ac", false},
        {"a||b", "", true},
        {"()", "", true},
        {"(ab)*c", "ababc", true},
        {"a.c", "a\U0001F600c", true},
        {"a.c", "a\nc", false},
        {"a.c", "a\rc", false},
        {"a.c", "a\u2028c", true},
        {"a[^b]c", "a\nc", true},
        {"a{2}", "aa", true},
        {"a{2}", "aaa", false},
        {"a{2,}", "aaaa", true},
        {"a{1,2}", "aaa", false},
        {"a{0}b", "b", true},
        {"[a-c]+", "abcab", true},
        {"[-a]+", "a-", true},
        {"[a-]+", "a-", true},
        {"[--]", "-", true},
        {"[^-]", "-", false},
        {R"([\^a])", "^", true},
        {"[a^]", "^", true},
        {"[a.]", "b", false},
        {"[{}()*+?|$]+", "{}()*+?|$", true},
        {"[&&~#:]+", "&~#:", true},
        {"[a-z&&b]", "&", true},
        {R"([\[\]\\]+)", "[]\\", true},
        {R"(\n\r\t)", "\n\r\t", true},
        {R"(\(\)\*\+\-\.\?\[\\\]\^\{\|\})", R"(()*+-.?[\]^{|})", true},
        {"é+", "éé", true},
        {"[à-ü]+", "éé", true},
        {"[^é]", "é", false},
        {"a/b\"'#@!%&,;:<=>_`~ ", "a/b\"'#@!%&,;:<=>_`~ ", true},
        {R"(\p{Lu}\P{Lu})", "Ab", true},
        {R"([\p{L}\p{Nd}]+)", "aé5", true},
        {R"([^\p{L}])", "5", true},
        {R"([\P{L}])", "a", false},
        {R"(\p{C})", "\u0378", true},  // not assigned
        {R"(\p{C})", "a", false},
        {R"(\P{C})", "a", true},
        {R"(\p{Cn})", "\u0378", true},
        {R"(\p{Cn})", "\x01", false},
        {R"(\P{Cn})", "\x01", true},
        {R"([a\p{C}])", "\u0378", true},
        {R"([a\p{C}])", "\x01", true},
        {R"([a\p{C}])", "b", false},
        {R"([^a\p{C}])", "b", true},
        {R"([^a\p{C}])", "\u0378", false},
        {R"([^a\p{C}])", "a", false},
        {R"([\p{Cn}])", "\x01", false},
        {R"([\P{C}])", "\u0378", false},
        {R"([\P{Cn}])", "\x01", true},
        {"^ab$", "ab", true},
        {"a^b", "a^b", false},
    };
    for (const Case& c : cases) EXPECT_EQ(matches(c.expression, c.text), c.matches) << c.expression << " on " << c.text;
}

TEST(JsonPathRegex, a_search_finds_a_part) {
    const auto regex = PathRegex::compile("b.d");
    ASSERT_TRUE(regex);
    EXPECT_TRUE((*regex)->found_in("abcde"));
    EXPECT_FALSE((*regex)->found_in("ab\nde"));
    EXPECT_FALSE((*regex)->matches("abcde"));
}

TEST(JsonPathRegex, alternatives_are_anchored_as_a_whole) {
    EXPECT_FALSE(matches("a|b", "ax"));
    EXPECT_FALSE(matches("a|b", "xb"));
    EXPECT_FALSE(matches("a", "a\n"));
}

TEST(JsonPathRegex, what_rfc_9485_leaves_out_is_refused) {
    const std::string_view cases[] = {
        "(", ")", "a)", "[", "[]", "[^]", "[a", "]", "{", "}", "*", "+a", "?", "a**", "a*?", "a+?", "a{2}{3}", "a{,2}", "a{2", "a{2,1}",
        "a{x}", "(?i)a", "(?:a)", "(?<n>a)", "(?=a)", R"(\d)", R"(\w)", R"(\s)", R"(\b)", R"(\1)", R"(\A)", R"(\z)", R"(\x41)", R"(\u0041)",
        R"(\)", R"(\a)", R"(\/)", R"(\$)", R"(\p{Greek})", R"(\p{l})", R"(\pL)", R"(\p{^L})", R"(\p{Cs})", R"(\p{L)", R"([\d])", "[z-a]", "[a-b-c]",
        "[a--]", "[[:alpha:]]", R"([a-\p{L}])", R"([\p{L}-z])", "[a[b]]",
    };
    for (const auto expression : cases) {
        const auto regex = PathRegex::compile(expression);
        ASSERT_FALSE(regex) << expression;
        EXPECT_FALSE(regex.error().too_large) << expression;
        EXPECT_FALSE(regex.error().what.empty()) << expression;
        EXPECT_LE(regex.error().offset, expression.size()) << expression;
    }
}

TEST(JsonPathRegex, what_needs_too_much_is_told_apart) {
    for (const std::string& expression : {std::string("a{1001}"), std::string("((a{1000}){1000}){1000}"), std::string(5000, 'a'),
                                          std::string(101, '(') + std::string(101, ')'), std::string("(\\p{L}{1000}|\\p{N}{1000})")}) {
        const auto regex = PathRegex::compile(expression);
        ASSERT_FALSE(regex) << expression;
        EXPECT_TRUE(regex.error().too_large) << expression;
    }
}

TEST(JsonNumbers, compare_by_value_at_any_length) {
    // In rising order; equal ones in one line.
    const std::vector<std::vector<std::string>> rising = {
        {"-1e400", "-10e399"},
        {"-9007199254740993"},
        {"-9007199254740992", "-9007199254740992.0"},
        {"-1.5", "-15e-1", "-0.15E+1"},
        {"-1e-400"},
        {"0", "-0", "0.0", "-0e5", "0e999999999999999999999", "0.000"},
        {"1e-400"},
        {"0.1", "1e-1", "0.10", "100e-3"},
        {"0.1000000000000000000000000000001"},
        {"1", "1.0", "1e0", "10e-1", "0.001e3"},
        {"9007199254740992"},
        {"9007199254740993", "9007199254740993.000", "9.007199254740993e15"},
        {"999999999999999999"},
        {"1000000000000000000", "1e18"},
        {"12345678901234567890"},
        {"12345678901234567891"},
        {"1e400", "1000e397"},
        {"1e99999999999999999999"},
    };
    for (size_t i = 0; i < rising.size(); ++i) {
        for (size_t j = 0; j < rising.size(); ++j) {
            for (const auto& a : rising[i]) {
                for (const auto& b : rising[j]) EXPECT_EQ(compare_numbers(a, b), i <=> j) << a << " and " << b;
            }
        }
    }
}

}  // namespace
}  // namespace portico::json
