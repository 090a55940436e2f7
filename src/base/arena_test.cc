#include "base/arena.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace portico {
namespace {

TEST(Arena, small_things_take_nothing_from_the_heap) {
    Arena arena;
    for (int i = 0; i < 100; ++i) arena.copy("0123456789");
    EXPECT_EQ(arena.heap_bytes(), 0u);
}

TEST(Arena, what_was_copied_stays_as_it_was) {
    Arena arena;
    std::vector<std::pair<std::string, std::string_view>> kept;
    for (int i = 0; i < 2000; ++i) {
        std::string text(static_cast<size_t>(i % 97), static_cast<char>('a' + i % 26));
        kept.emplace_back(text, arena.copy(text));
    }
    for (const auto& [expected, copy] : kept) EXPECT_EQ(copy, expected);
    EXPECT_GT(arena.heap_bytes(), 0u);
}

TEST(Arena, every_alignment_is_honoured_across_block_borders) {
    Arena arena;
    for (size_t i = 0; i < 5000; ++i) {
        const size_t align = size_t{1} << (i % 7);
        auto* p = static_cast<char*>(arena.allocate(i % 61 + 1, align));
        EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u);
        std::memset(p, 0xab, i % 61 + 1);
    }
}

TEST(Arena, one_allocation_may_be_larger_than_a_block) {
    Arena arena;
    const std::string large(1 << 20, 'x');
    EXPECT_EQ(arena.copy(large), large);
    EXPECT_GE(arena.heap_bytes(), large.size());
    EXPECT_EQ(arena.copy("after"), "after");
}

TEST(Arena, an_empty_text_needs_no_room) {
    Arena arena;
    EXPECT_EQ(arena.copy(""), "");
    EXPECT_EQ(arena.chars(0).size(), 0u);
}

TEST(Arena, objects_are_made_in_place) {
    struct Point {
        int x, y;
    };
    Arena arena;
    const Point* p = arena.make<Point>(3, 4);
    EXPECT_EQ(p->x + p->y, 7);
}

TEST(Arena, release_frees_everything_and_the_arena_may_be_used_again) {
    Arena arena;
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(arena.heap_bytes(), 0u);
        const auto room = arena.chars(100'000);
        std::memset(room.data(), round, room.size());
        EXPECT_GE(arena.heap_bytes(), 100'000u);
        arena.release();
    }
    EXPECT_EQ(arena.copy("small again"), "small again");
    EXPECT_EQ(arena.heap_bytes(), 0u);
}

}  // namespace
}  // namespace portico
