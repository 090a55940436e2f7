#include "http/uri.h"

#include <gtest/gtest.h>

namespace portico::http {
namespace {

TEST(Target, origin_form_is_split_at_the_first_question_mark) {
    const struct {
        std::string_view target, path, query;
        bool has_query;
    } cases[] = {
        {"/", "/", "", false},           {"/a/b", "/a/b", "", false},
        {"/a?", "/a", "", true},         {"/a?x=1&y", "/a", "x=1&y", true},
        {"/a?b?c", "/a", "b?c", true},   {"//a", "//a", "", false},
        {"/?/../x", "/", "/../x", true}, {"/a;b=c", "/a;b=c", "", false},
    };
    for (const auto& c : cases) {
        const auto target = parse_target(c.target, Method::get);
        ASSERT_TRUE(target) << c.target;
        EXPECT_EQ(target->form, TargetForm::origin);
        EXPECT_EQ(target->path, c.path);
        EXPECT_EQ(target->query, c.query);
        EXPECT_EQ(target->has_query, c.has_query);
    }
}

TEST(Target, absolute_form_is_taken_apart) {
    const struct {
        std::string_view target, scheme, authority, path, query;
    } cases[] = {
        {"http://a", "http", "a", "/", ""},
        {"HTTPS://A.example:8443/x/y?z", "https", "A.example:8443", "/x/y", "z"},
        {"http://[::1]:80/", "http", "[::1]:80", "/", ""},
        {"http://a?q", "http", "a", "/", "q"},
        {"http://a//b", "http", "a", "//b", ""},
        {"http://a?/b", "http", "a", "/", "/b"},
    };
    for (const auto& c : cases) {
        const auto target = parse_target(c.target, Method::get);
        ASSERT_TRUE(target) << c.target;
        EXPECT_EQ(target->form, TargetForm::absolute);
        EXPECT_EQ(target->scheme, c.scheme);
        EXPECT_EQ(target->authority, c.authority);
        EXPECT_EQ(target->path, c.path);
        EXPECT_EQ(target->query, c.query);
    }
}

TEST(Target, authority_form_is_for_connect_with_a_port) {
    const auto target = parse_target("a.example:443", Method::connect);
    ASSERT_TRUE(target);
    EXPECT_EQ(target->form, TargetForm::authority);
    EXPECT_EQ(target->authority, "a.example:443");
    for (const std::string_view bad : {"a.example", "/", "*", "http://a:1/", "a:", ":443", "[::1]", "a:b", "u@a:443"}) {
        EXPECT_FALSE(parse_target(bad, Method::connect)) << bad;
    }
    EXPECT_FALSE(parse_target("a.example:443", Method::get));
}

TEST(Target, asterisk_is_for_options) {
    const auto target = parse_target("*", Method::options);
    ASSERT_TRUE(target);
    EXPECT_EQ(target->form, TargetForm::asterisk);
    EXPECT_FALSE(parse_target("*", Method::get));
    EXPECT_FALSE(parse_target("*/", Method::options));
}

TEST(Target, what_is_no_target_is_refused) {
    for (const std::string_view bad : {"", "a", "a/b", "?a", "ftp://a/", "http:/a", "http:a", "http://", "http:///a",
                                       "://a/", "http://u@a/", "http://u:p@a/", "http://a:99999/", "http://a:x/",
                                       "http://a b/", "http://[::1/", "http://a\\b/", "javascript://a/"}) {
        const auto target = parse_target(bad, Method::get);
        ASSERT_FALSE(target) << bad;
        EXPECT_EQ(target.error().fault, Fault::bad_target);
    }
}

TEST(Target, a_byte_that_no_target_may_hold_is_refused_wherever_it_stands) {
    for (int i = 0; i < 256; ++i) {
        const bool bad = i <= 0x20 || i >= 0x7F || i == '#';
        for (const size_t at : {1U, 3U, 6U}) {
            std::string text = "/ab?cde";
            text[at] = static_cast<char>(i);
            EXPECT_EQ(parse_target(text, Method::get).has_value(), !bad) << i << " at " << at;
        }
    }
}

TEST(Authority, is_a_host_and_perhaps_a_port) {
    for (const std::string_view good :
         {"a", "a.b", "a.b.", "A-1.example:80", "a:", "a:1", "a:65535", "a:00080", "1.2.3.4", "1.2.3.4:5", "[::1]",
          "[::1]:80", "[2001:db8::1]", "a_b", "xn--a", "~"}) {
        EXPECT_TRUE(is_valid_authority(good)) << good;
    }
    for (const std::string_view bad : {"",
                                       ":",
                                       ":80",
                                       ".",
                                       "..",
                                       ".a",
                                       "a..b",
                                       "a..",
                                       "a b",
                                       "a,b",
                                       "a/b",
                                       "a@b",
                                       "u:p@b",
                                       "a:b",
                                       "a:-1",
                                       "a:+1",
                                       "a:0",
                                       "a:65536",
                                       "a:99999999999999999999",
                                       "a:80:80",
                                       "::1",
                                       "[]",
                                       "[",
                                       "]",
                                       "[::1",
                                       "::1]",
                                       "[::1]x",
                                       "[::1]80",
                                       "[1.2.3.4]",
                                       "[v1.x]",
                                       "[fe80::1%25eth0]",
                                       "a%41",
                                       "a\x80",
                                       "a#",
                                       "a?",
                                       "a\\b",
                                       "a;b",
                                       "[::1]:x",
                                       "a'b",
                                       "a\"b"}) {
        EXPECT_FALSE(is_valid_authority(bad)) << bad;
    }
    EXPECT_TRUE(is_valid_authority(std::string(253, 'a')));
    EXPECT_FALSE(is_valid_authority(std::string(254, 'a')));
}

TEST(HostOf, is_lower_case_without_port_and_last_dot) {
    Arena arena;
    const struct {
        std::string_view in, out;
    } cases[] = {{"a", "a"},
                 {"A.B", "a.b"},
                 {"a.b.:80", "a.b"},
                 {"EXAMPLE.com.", "example.com"},
                 {"[::1]:80", "[::1]"},
                 {"[2001:DB8::1]", "[2001:db8::1]"},
                 {"a:", "a"},
                 {"", ""}};
    for (const auto& c : cases) EXPECT_EQ(host_of(c.in, arena), c.out) << c.in;
}

TEST(Percent, a_segment_is_decoded_once) {
    Arena arena;
    EXPECT_EQ(decode_segment("plain", arena), "plain");
    EXPECT_EQ(decode_segment("a%2Fb%20c%25", arena), "a/b c%");
    EXPECT_EQ(decode_segment("%252F", arena), "%2F");
    EXPECT_EQ(decode_segment("%", arena), "%");
    EXPECT_EQ(decode_segment("%4", arena), "%4");
    EXPECT_EQ(decode_segment("%zz%41", arena), "%zzA");
}

TEST(Percent, an_encoded_segment_stays_one_segment) {
    std::string out = ">";
    encode_segment("a/b?c#d%e;f=g:h@i j\xC3\xA9\\|", out);
    EXPECT_EQ(out, ">a%2Fb%3Fc%23d%25e%3Bf=g:h@i%20j%C3%A9%5C%7C");
}

TEST(Percent, a_query_value_keeps_only_unreserved_characters) {
    std::string out;
    encode_query_value("a b&c=d+e/~", out);
    EXPECT_EQ(out, "a%20b%26c%3Dd%2Be%2F~");
}

TEST(Percent, every_byte_comes_back) {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    std::string segment, query;
    encode_segment(all, segment);
    encode_query_value(all, query);
    Arena arena;
    EXPECT_EQ(decode_segment(segment, arena), all);
    EXPECT_EQ(decode_query_value(query), all);
}

TEST(Percent, a_form_value_reads_plus_as_space) {
    EXPECT_EQ(decode_query_value("a+b%2Bc"), "a b+c");
    EXPECT_EQ(decode_query_value("%zz%"), "%zz%");
}

TEST(Pairs, are_visited_in_order_and_empty_ones_skipped) {
    std::string seen;
    for_each_pair("&a=1&&b&=c&d==e&", [&](std::string_view name, std::string_view value, std::string_view pair) {
        seen.append(name).append("|").append(value).append("|").append(pair).append(" ");
    });
    EXPECT_EQ(seen, "a|1|a=1 b||b |c|=c d|=e|d==e ");
}

}  // namespace
}  // namespace portico::http
