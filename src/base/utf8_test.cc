#include "base/utf8.h"

#include <gtest/gtest.h>

namespace portico {
namespace {

struct Case {
    std::string_view text;
    size_t size;
    bool well_formed;
};

// The pieces are those of Table 3-8 of the Unicode Standard.
TEST(Utf8, a_piece_is_a_character_or_as_much_as_could_have_been_one) {
    for (const Case& c : {Case{"\xC3\xA9x", 2, true}, {"\xE2\x82\xAC", 3, true}, {"\xF0\x9F\x98\x80", 4, true}, {"\xFF\xFE", 1, false}, {"\x80", 1, false},
                          {"\xC0\xAF", 1, false}, {"\xE0\x80\xAF", 1, false}, {"\xED\xA0\x80", 1, false}, {"\xF4\x91\x92\x93", 1, false},
                          {"\xE1\x80\xE2", 2, false}, {"\xF0\x91\x92x", 3, false}, {"\xC3", 1, false}, {"\xF5\x80", 1, false}}) {
        const Utf8Piece piece = utf8_piece(c.text);
        EXPECT_EQ(piece.size, c.size) << c.text;
        EXPECT_EQ(piece.well_formed, c.well_formed) << c.text;
    }
}

TEST(Utf8, T58_what_a_terminal_obeys_or_an_eye_misreads_is_not_printable) {
    EXPECT_EQ(printable("a\x1B[31m\x7F\xC2\x9B\xE2\x80\xAE" "b\xE2\x81\xA9\xD8\x9C\xE2\x80\xA8", '?'), "a?[31m???" "b???");
    EXPECT_EQ(printable("\xC3\xA9\xE2\x80\x93\xD8\x9B\xE2\x82\xAC", '?'), "\xC3\xA9\xE2\x80\x93\xD8\x9B\xE2\x82\xAC");
    EXPECT_EQ(printable("\xE2\x80", '.'), "?");
}

}  // namespace
}  // namespace portico
