#include "io/buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace portico::io {
namespace {

TEST(Buffer, an_empty_one_holds_no_memory) {
    BufferPool pool;
    Buffer b;
    EXPECT_FALSE(b.has_block());
    EXPECT_TRUE(b.empty());
    EXPECT_EQ(b.capacity(), 0u);
    EXPECT_EQ(b.room(), 0u);
    EXPECT_EQ(b.view(), "");
    EXPECT_EQ(b.append("x"), 0u);
    b.release();
    b.compact();
    EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Buffer, what_is_appended_is_taken_from_the_front) {
    BufferPool pool;
    Buffer b;
    b.ensure(pool, kSmallBuffer);
    EXPECT_EQ(b.append("hello "), 6u);
    EXPECT_EQ(b.append("world"), 5u);
    EXPECT_EQ(b.view(), "hello world");
    b.consume(6);
    EXPECT_EQ(b.view(), "world");
    EXPECT_EQ(b.room(), kSmallBuffer - 11);
    b.consume(5);
    EXPECT_TRUE(b.empty());
    EXPECT_EQ(b.room(), kSmallBuffer);
}

TEST(Buffer, takes_only_what_fits) {
    BufferPool pool;
    Buffer b;
    b.ensure(pool, kSmallBuffer);
    const std::string large(kSmallBuffer + 100, 'x');
    EXPECT_EQ(b.append(large), kSmallBuffer);
    EXPECT_EQ(b.room(), 0u);
    EXPECT_EQ(b.append("y"), 0u);
    EXPECT_EQ(b.size(), kSmallBuffer);
}

TEST(Buffer, compacting_moves_all_free_room_behind_the_data) {
    BufferPool pool;
    Buffer b;
    b.ensure(pool, kSmallBuffer);
    b.append(std::string(kSmallBuffer - 3, 'x') + "end");
    b.consume(kSmallBuffer - 3);
    EXPECT_EQ(b.room(), 0u);
    b.compact();
    EXPECT_EQ(b.view(), "end");
    EXPECT_EQ(b.room(), kSmallBuffer - 3);
    EXPECT_EQ(b.headroom(), 0u);
}

TEST(Buffer, headroom_takes_what_is_written_in_front_later) {
    BufferPool pool;
    Buffer b;
    b.ensure(pool, kSmallBuffer, 8);
    EXPECT_EQ(b.headroom(), 8u);
    b.append("body");
    std::memcpy(b.data() - 3, "3\r\n", 3);
    b.prepend(3);
    EXPECT_EQ(b.view(), "3\r\nbody");
    EXPECT_EQ(b.headroom(), 5u);
    b.clear(4);
    EXPECT_TRUE(b.empty());
    EXPECT_EQ(b.headroom(), 4u);
}

TEST(Buffer, bytes_written_at_the_tail_count_once_committed) {
    BufferPool pool;
    Buffer b;
    b.ensure(pool, kSmallBuffer);
    std::memcpy(b.tail(), "abc", 3);
    EXPECT_TRUE(b.empty());
    b.commit(3);
    EXPECT_EQ(b.view(), "abc");
    b.truncate(1);
    EXPECT_EQ(b.view(), "a");
}

TEST(Buffer, moving_leaves_nothing_behind) {
    BufferPool pool;
    Buffer a;
    a.ensure(pool, kSmallBuffer);
    a.append("text");
    Buffer b = std::move(a);
    EXPECT_FALSE(a.has_block());
    EXPECT_TRUE(a.empty());
    EXPECT_EQ(b.view(), "text");
    Buffer c;
    c.ensure(pool, kLargeBuffer);
    EXPECT_EQ(pool.in_use(), 2u);
    c = std::move(b);
    EXPECT_EQ(pool.in_use(), 1u);
    EXPECT_EQ(c.view(), "text");
    Buffer& same = c;
    c = std::move(same);
    EXPECT_EQ(c.view(), "text");
}

TEST(Buffer, ensure_keeps_the_block_and_its_data_where_there_is_one) {
    BufferPool pool;
    Buffer b;
    b.ensure(pool, kSmallBuffer);
    b.append("kept");
    b.ensure(pool, kLargeBuffer);
    EXPECT_EQ(b.capacity(), kSmallBuffer);
    EXPECT_EQ(b.view(), "kept");
}

TEST(BufferPool, counts_what_is_handed_out) {
    BufferPool pool;
    {
        std::vector<Buffer> buffers(10);
        for (auto& b : buffers) b.ensure(pool, kSmallBuffer);
        EXPECT_EQ(pool.in_use(), 10u);
    }
    EXPECT_EQ(pool.in_use(), 0u);
}

TEST(BufferPool, blocks_of_each_size_keep_to_themselves) {
    BufferPool pool;
    for (int round = 0; round < 3; ++round) {
        Buffer small, large, odd;
        small.ensure(pool, kSmallBuffer);
        large.ensure(pool, kLargeBuffer);
        odd.ensure(pool, 100);
        EXPECT_EQ(small.capacity(), kSmallBuffer);
        EXPECT_EQ(large.capacity(), kLargeBuffer);
        EXPECT_EQ(odd.capacity(), 100u);
        // Every byte is there: a sanitizer would say otherwise.
        std::memset(small.tail(), 1, small.room());
        std::memset(large.tail(), 2, large.room());
        std::memset(odd.tail(), 3, odd.room());
    }
    EXPECT_EQ(pool.in_use(), 0u);
}

}  // namespace
}  // namespace portico::io
