#include "http/scan.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace portico::http {
namespace {

// Every byte value at every place of texts of every length up to 40, in memory that ends where the text ends (so that a
// sanitizer sees a read past it), against a byte-wise search.
template <class Find, class Stops>
void agrees(Find find, Stops stops) {
    for (size_t size = 0; size <= 40; ++size) {
        const auto text = std::make_unique<char[]>(size);
        for (size_t at = 0; at < size; ++at) {
            for (int c = 0; c < 256; ++c) {
                std::fill_n(text.get(), size, 'x');
                text[at] = static_cast<char>(c);
                const size_t want = stops(c) ? at : size;
                ASSERT_EQ(find(text.get(), text.get() + size) - text.get(), static_cast<ptrdiff_t>(want))
                    << "byte " << c << " at " << at << " of " << size;
            }
        }
    }
}

TEST(Scan, finds_the_first_control) {
    agrees(find_control, [](int c) { return (c < 0x20 && c != '\t') || c == 0x7F; });
}

TEST(Scan, finds_the_end_of_a_target) {
    agrees(find_target_end, [](int c) { return c <= 0x20 || c == 0x7F; });
}

TEST(Scan, finds_the_end_of_a_token) {
    agrees(find_token_end, [](int c) { return !is(kTokenChar, static_cast<char>(c)); });
}

TEST(Scan, finds_the_first_control_of_a_long_value) {
    std::string text(300, 'x');
    for (size_t at = 0; at < text.size(); ++at) {
        text[at] = '\r';
        for (size_t from = 0; from < 70; ++from) {
            const char* found = find_control(text.data() + from, text.data() + text.size());
            ASSERT_EQ(static_cast<size_t>(found - text.data()), from > at ? text.size() : at);
        }
        text[at] = 'x';
    }
}

// Whether a whole text is what it should be: every pair of bytes at every place of texts up to 40.
TEST(Scan, knows_plain_paths) {
    for (size_t size = 0; size <= 40; ++size) {
        const auto text = std::make_unique<char[]>(size);
        for (size_t at = 0; at < size; ++at) {
            for (int c = 0; c < 256; ++c) {
                for (const char before : {'/', 'x', '.'}) {
                    std::fill_n(text.get(), size, 'x');
                    if (at > 0) text[at - 1] = before;
                    text[at] = static_cast<char>(c);
                    bool want = true;
                    for (size_t i = 0; i < size; ++i) {
                        const bool behind_slash = i > 0 && text[i - 1] == '/';
                        want &= is(kPathChar, text[i]) && text[i] != ';' && !(behind_slash && (text[i] == '.' || text[i] == '/'));
                    }
                    ASSERT_EQ(is_plain_path(text.get(), text.get() + size), want) << "byte " << c << " at " << at << " of " << size;
                }
            }
        }
    }
}

TEST(Scan, knows_targets) {
    for (size_t size = 0; size <= 40; ++size) {
        const auto text = std::make_unique<char[]>(size);
        for (size_t at = 0; at < size; ++at) {
            for (int c = 0; c < 256; ++c) {
                std::fill_n(text.get(), size, 'x');
                text[at] = static_cast<char>(c);
                ASSERT_EQ(is_target(text.get(), text.get() + size), is(kTargetChar, static_cast<char>(c))) << "byte " << c << " at " << at;
            }
        }
    }
}

TEST(Scan, finds_the_first_of_several) {
    std::string text(64, 'a');
    text[20] = text[21] = text[40] = '\r';
    EXPECT_EQ(find_control(text.data(), text.data() + text.size()) - text.data(), 20);
    EXPECT_EQ(find_target_end(text.data(), text.data() + text.size()) - text.data(), 20);
    EXPECT_EQ(find_token_end(text.data(), text.data() + text.size()) - text.data(), 20);
}

}  // namespace
}  // namespace portico::http
