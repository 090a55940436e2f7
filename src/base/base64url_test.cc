#include "base/base64url.h"

#include <gtest/gtest.h>

namespace portico {
namespace {

TEST(Base64url, the_vectors_of_RFC_4648_come_out) {
    const std::pair<std::string_view, std::string_view> cases[] = {{"", ""},         {"Zg", "f"},         {"Zm8", "fo"},
                                                                   {"Zm9v", "foo"},  {"Zm9vYg", "foob"},  {"Zm9vYmE", "fooba"},
                                                                   {"Zm9vYmFy", "foobar"}, {"_-8", "\xff\xef"}};
    for (const auto& [text, bytes] : cases) {
        EXPECT_EQ(base64url_decode(text), bytes) << text;
        std::string out = "x";
        append_base64url(out, bytes);
        EXPECT_EQ(out, "x" + std::string(text));
    }
}

TEST(Base64url, every_length_and_byte_comes_back) {
    std::string bytes;
    for (int i = 0; i < 600; ++i) {
        std::string text;
        append_base64url(text, bytes);
        EXPECT_EQ(base64url_decoded_size(text.size()), bytes.size());
        EXPECT_EQ(base64url_decode(text), bytes);
        bytes += static_cast<char>(i * 7);
    }
}

TEST(Base64url, what_is_not_canonical_is_refused) {
    for (const std::string_view text : {"Zg==", "Zm8=", "Zh", "Zm9", "Z", "Zm9vY", "Zm9v\n", " Zm9v", "Zm 9v", "Zm+v", "Zm/v", "Zm9v.", "Zm=v"}) {
        EXPECT_FALSE(base64url_decode(text)) << text;
    }
    EXPECT_FALSE(base64url_decode(std::string_view("Zm9\0", 4)));
}

TEST(Base64url, each_byte_that_is_no_letter_is_refused_at_each_place) {
    for (int c = 0; c < 256; ++c) {
        const char letter = static_cast<char>(c);
        const bool known = std::isalnum(c) != 0 && c < 128;
        for (size_t at = 0; at < 4; ++at) {
            std::string text = "AAAA";
            text[at] = letter;
            EXPECT_EQ(base64url_decode(text).has_value(), known || letter == '-' || letter == '_') << c;
        }
    }
}

}  // namespace
}  // namespace portico
