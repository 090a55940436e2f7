#include <gtest/gtest.h>

#include "http/uri.h"

namespace portico::http {
namespace {

struct Case {
    std::string_view in, out;
    bool ambiguous = false;
};

void expect_normal(const Case& c) {
    Arena arena;
    const auto path = normalise_path(c.in, arena);
    ASSERT_TRUE(path) << c.in;
    EXPECT_EQ(path->text, c.out) << c.in;
    EXPECT_EQ(path->ambiguous, c.ambiguous) << c.in;
    const auto again = normalise_path(path->text, arena);
    ASSERT_TRUE(again) << c.in;
    EXPECT_EQ(again->text, path->text) << c.in;
    EXPECT_EQ(again->ambiguous, path->ambiguous) << c.in;
}

TEST(NormalPath, a_plain_path_is_the_input_itself) {
    for (const std::string_view path :
         {"/", "/a", "/a/b.c/", "/a,x=1/b", "/!$&'()*+,=:@-._~", "/a.", "/a..b"}) {
        Arena arena;
        const auto normal = normalise_path(path, arena);
        ASSERT_TRUE(normal);
        EXPECT_EQ(normal->text.data(), path.data());
        EXPECT_EQ(normal->text.size(), path.size());
        EXPECT_FALSE(normal->ambiguous);
    }
}

TEST(NormalPath, a_normal_path_with_escapes_is_the_input_itself) {
    for (const std::string_view path : {"/a%20b", "/.well-known/x", "/...", "/a%2Fb", "/a;x=1/b"}) {
        Arena arena;
        EXPECT_EQ(normalise_path(path, arena)->text.data(), path.data()) << path;
    }
}

TEST(NormalPath, dot_segments_are_removed) {
    for (const Case& c : {
             Case{"/.", "/"},
             {"/..", "/"},
             {"/./", "/"},
             {"/../", "/"},
             {"/a/.", "/a/"},
             {"/a/..", "/"},
             {"/a/./b", "/a/b"},
             {"/a/../b", "/b"},
             {"/a/b/../..", "/"},
             {"/a/b/../../c", "/c"},
             {"/../../a", "/a"},
             {"/a/b/c/./../../g", "/a/g"},
             {"/a//../b", "/b"},
             {"/a//..//b", "/b"},
             {"//..", "/"},
             {"//../a", "/a"},
             {"/a/b/..", "/a/"},
             {"/.a/..b/...", "/.a/..b/..."},
             {"/info/../private", "/private"},
         }) {
        expect_normal(c);
    }
}

TEST(NormalPath, encoded_dots_are_dots) {
    for (const Case& c : {Case{"/%2e", "/"},
                          {"/%2E%2e", "/"},
                          {"/a/.%2e/b", "/b"},
                          {"/a/%2e./b", "/b"},
                          {"/p/%2e%2e/x", "/x"},
                          {"/api%2e/admin", "/api./admin"},
                          {"/a/%2e%2e%2e", "/a/..."}}) {
        expect_normal(c);
    }
}

TEST(NormalPath, unreserved_characters_are_decoded_and_digits_capital) {
    for (const Case& c : {Case{"/%61%2d%7E%5f", "/a-~_"},
                          {"/%c3%a9", "/%C3%A9"},
                          {"/a%20b", "/a%20b"},
                          {"/%3a%40", "/%3A%40"},
                          {"/%25%32%65", "/%252e"},
                          {"/%252e%252e/x", "/%252e%252e/x"},
                          {"/%26", "/%26"}}) {
        expect_normal(c);
    }
}

TEST(NormalPath, bytes_that_a_path_may_not_hold_are_encoded) {
    for (const Case& c : {Case{"/a b", "/a%20b"},
                          {"/\xC3\xA9", "/%C3%A9"},
                          {"/\"<>^`{|}", "/%22%3C%3E%5E%60%7B%7C%7D"},
                          {"/[x]", "/%5Bx%5D"}}) {
        expect_normal(c);
    }
}

TEST(NormalPath, T1_slashes_are_merged_first_of_all) {
    for (const Case& c : {Case{"//", "/"},
                          {"//admin/x", "/admin/x"},
                          {"/a//b///c//", "/a/b/c/"},
                          {"//%41", "/A"},
                          {"/.//a", "/a"},
                          {"/a/.///b", "/a/b"},
                          {"/a/b//..//..//c", "/c"},
                          // An encoded slash is none.
                          {"/%2F/a", "/%2F/a", true},
                          {"/a/%2F%2f//b", "/a/%2F%2F/b", true}}) {
        expect_normal(c);
    }
    // Wherever they lie in a block of sixteen.
    for (size_t before = 0; before < 40; ++before) {
        const std::string text = "/" + std::string(before, 'a');
        const std::string in = text + "//b", out = before == 0 ? "/b" : text + "/b";
        expect_normal({in, out});
        const std::string with = text + ";b";
        expect_normal({with, with, true});
    }
}

TEST(NormalPath, T1_slashes_are_refused_where_the_file_says_so) {
    Arena arena;
    for (const std::string_view path : {"//", "//a", "/a//b", "/a/b//"}) EXPECT_FALSE(normalise_path(path, arena, Slashes::refuse)) << path;
    for (const std::string_view path : {"/", "/a/b/", "/a%2F%2Fb"}) EXPECT_TRUE(normalise_path(path, arena, Slashes::refuse)) << path;
}

TEST(NormalPath, T77_may_be_read_leniently) {
    Arena arena;
    for (const auto& [in, out] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"/%2Fadmin/x", "/admin/x"},
             {"/;/admin/x", "/admin/x"},
             {"/admin%3Bx/y", "/admin/y"},
             {"/admin;a=b;c/x;d", "/admin/x"},
             {"/%5Cadmin", "/admin"},
             {"/a%2Fb%2F%2Fc", "/a/b/c"},
             {"/a%3Fb%23c%20d", "/a%3Fb%23c%20d"},
             {"/a;%2Fb", "/a/b"},
             {"/", "/"},
         }) {
        EXPECT_EQ(lenient_path(in, LenientOrder::decode_first, arena), out) << in;
    }
}

TEST(NormalPath, a_service_may_drop_parameters_before_it_decodes) {
    Arena arena;
    for (const auto& [in, out] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"/fix/secret;%2Fx", "/fix/secret"},
             {"/fix/secret%3Ba%5Cb/y", "/fix/secret/y"},
             {"/api;%2Fq/v1/guard/x", "/api/v1/guard/x"},
             {"/a%2Fb;c/d", "/a/b/d"},
         }) {
        EXPECT_EQ(lenient_path(in, LenientOrder::drop_first, arena), out) << in;
    }
}

TEST(NormalPath, an_encoded_or_raw_separator_is_ambiguous) {
    for (const Case& c : {
             Case{"/a%2Fb", "/a%2Fb", true},
             {"/admin;a=b/x", "/admin;a=b/x", true},
             {"/;/admin/x", "/;/admin/x", true},
             {"/a%2fb", "/a%2Fb", true},
             {"/a%5cb", "/a%5Cb", true},
             {"/a\\b", "/a%5Cb", true},
             {"/a%3bb", "/a%3Bb", true},
             {"/a%3fb", "/a%3Fb", true},
             {"/a%23b", "/a%23b", true},
             {"/a?b", "/a%3Fb", true},
             {"/a#b", "/a%23b", true},
             {"/a%2Fb/../c", "/c", false},
             {"/a%2Fb/%41", "/a%2Fb/A", true},
         }) {
        expect_normal(c);
    }
}

TEST(NormalPath, refuses) {
    using namespace std::string_view_literals;
    for (const std::string_view path : {
             // not a path
             ""sv,
             "a"sv,
             "*"sv,
             "a/b"sv,
             // percent
             "/%"sv,
             "/%4"sv,
             "/%4/"sv,
             "/%zz"sv,
             "/%4g"sv,
             "/%g4"sv,
             "/a%"sv,
             "/%%41"sv,
             "/%u002e"sv,
             "/%-1"sv,
             // controls, wherever
             "/%00"sv,
             "/a\0b"sv,
             "/a%0d%0ab"sv,
             "/\x01"sv,
             "/%1f"sv,
             "/%7F"sv,
             "/\x7f"sv,
             "/\n"sv,
             "/%00/../a"sv,
             // dot segments in disguise
             "/..;/admin"sv,
             "/a/..;x=1/b"sv,
             "/.;/a"sv,
             "/svc/..%2Fadmin"sv,
             "/svc/..%2fadmin"sv,
             "/a/..\\b"sv,
             "/a/..%5cb"sv,
             "/a%2f.."sv,
             "/a%2f..%2fb"sv,
             "/a%5c..%5cb"sv,
             "/a/%2e%2e%3b/b"sv,
             "/a/..%3Bx/b"sv,
             "/a%2f.%2fb"sv,
             "/%2e%2e;/"sv,
             "/a/\\../b"sv,
             "/a/.%5c"sv,
             "/x%2F..;y%2Fz"sv,
             "/%2f.."sv,
             "/..;"sv,
         }) {
        Arena arena;
        const auto normal = normalise_path(path, arena);
        ASSERT_FALSE(normal) << path << " gave " << normal->text;
        EXPECT_EQ(normal.error().fault, Fault::bad_path);
    }
}

TEST(NormalPath, near_misses_of_a_disguise_pass) {
    for (const Case& c : {Case{"/a;..", "/a;..", true},
                          {"/a;/..;b/../c", "/a;/c", true},
                          {"/...;x", "/...;x", true},
                          {"/a..;x", "/a..;x", true},
                          {"/..a;x", "/..a;x", true},
                          {"/a%2F..b", "/a%2F..b", true},
                          {"/a;x%2F..y", "/a;x%2F..y", true}}) {
        expect_normal(c);
    }
}

TEST(NormalPath, a_long_path_of_foreign_bytes_fits) {
    const std::string path = "/" + std::string(16 * 1024, ' ');
    Arena arena;
    const auto normal = normalise_path(path, arena);
    ASSERT_TRUE(normal);
    EXPECT_EQ(normal->text.size(), 1 + 3 * 16 * 1024U);
}

}  // namespace
}  // namespace portico::http
