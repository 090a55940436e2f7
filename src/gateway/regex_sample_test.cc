#include "gateway/regex_sample.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>

namespace portico::gateway {
namespace {

TEST(RegexSample, one_of_the_candidates_is_taken_by_what_paths_are_told_apart_with) {
    for (const std::string regex :
         {"[0-9]+", "[0-9]{7}", "ord_[a-z0-9]+", "[a-f0-9]{8}-[a-f0-9]{4}", "(?i)[a-z]{2}-[A-Z]{2}", "v\\d+(\\.\\d+)?", "[a-z-]+\\.(json|xml)", "(en|de|fr)",
          "\\w{3,5}", "[^/]+", "[[:alpha:]][[:alnum:]_]*", "(?:ab|cd){2}", "(?P<year>20[0-9]{2})", "^x?y*z$", "[\\w.-]+@[\\w-]+", "[A-Z]{3}[0-9]{2,4}", ".+\\.tar\\.gz",
          "[]a]b", "(a|b|(c|d)e)+?", "0x[[:xdigit:]]{16}"}) {
        const re2::RE2 matcher(regex);
        ASSERT_TRUE(matcher.ok()) << regex;
        const auto samples = regex_samples(regex);
        EXPECT_TRUE(std::ranges::any_of(samples, [&](const std::string& s) { return re2::RE2::FullMatch(s, matcher); })) << regex;
    }
}

TEST(RegexSample, there_is_more_than_one_where_there_is_a_choice) {
    EXPECT_GT(regex_samples("[a-z]+").size(), 1U);
    EXPECT_EQ(regex_samples("abc"), std::vector<std::string>{"abc"});
}

TEST(RegexSample, what_cannot_be_read_or_is_long_has_none) {
    for (const std::string_view regex : {"\\x{41}", "[a", "(a", "a{1000}b{1000}", "a)", "*", "\\", "[\\x41]"}) EXPECT_TRUE(regex_samples(regex).empty()) << regex;
    EXPECT_TRUE(regex_samples(std::string(1000, '(')).empty());
}

}  // namespace
}  // namespace portico::gateway
