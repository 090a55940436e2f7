#include "base/keyed_hash.h"

#include <gtest/gtest.h>

#include <string>

namespace portico {
namespace {

TEST(KeyedHash, gives_the_reference_results) {
    const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    const auto of = [&](size_t size) {
        KeyedHash h(key);
        for (size_t i = 0; i < size; ++i) h.add(std::string(1, static_cast<char>(i)));
        return h.finish();
    };
    EXPECT_EQ(of(0), (Hash128{0xe6a825ba047f81a3, 0x930255c71472f66d}));
    EXPECT_EQ(of(1), (Hash128{0x44af996bd8c187da, 0x45fc229b11597634}));
    EXPECT_EQ(of(15), (Hash128{0x11a8b03399e99354, 0xd9c3cf970fec087e}));
    EXPECT_EQ(of(17), (Hash128{0x98b88d73e8063d47, 0x4077e47ac466c054}));
}

TEST(KeyedHash, does_not_mind_how_the_bytes_are_pieced) {
    std::string bytes;
    for (int i = 0; i < 40; ++i) bytes += static_cast<char>(i * 7);
    KeyedHash whole({1, 2});
    whole.add(bytes);
    const Hash128 expected = whole.finish();
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
        KeyedHash h({1, 2});
        h.add(std::string_view(bytes).substr(0, cut));
        h.add(std::string_view(bytes).substr(cut));
        EXPECT_EQ(h.finish(), expected) << cut;
        for (size_t second = cut; second <= bytes.size(); ++second) {
            KeyedHash three({1, 2});
            three.add(std::string_view(bytes).substr(0, cut));
            three.add(std::string_view(bytes).substr(cut, second - cut));
            three.add(std::string_view(bytes).substr(second));
            EXPECT_EQ(three.finish(), expected) << cut << " " << second;
        }
    }
    KeyedHash other({1, 3});
    other.add(bytes);
    EXPECT_FALSE(other.finish() == expected);
}

TEST(KeyedHash, tells_sized_pieces_apart) {
    const auto of = [](std::string_view a, std::string_view b) {
        KeyedHash h({1, 2});
        h.add_sized(a);
        h.add_sized(b);
        return h.finish();
    };
    EXPECT_FALSE(of("a", "bc") == of("ab", "c"));
    EXPECT_FALSE(of("", "a") == of("a", ""));
}

}  // namespace
}  // namespace portico
