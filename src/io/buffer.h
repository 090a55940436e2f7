// Buffers: blocks of two sizes from a pool of their loop. Small ones hold heads and what came with them; large ones exist
// only while a body streams. A Buffer is a move-only handle: empty until something needs the room, so that an idle
// connection holds none.
//
// While the kernel may still write to or read from a block, the block belongs to the loop's operation (io/uring_stream.cc
// takes it out of the handle of whoever was destroyed). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace portico::io {

class BufferPool;

inline constexpr uint32_t kSmallBuffer = 16 * 1024;
inline constexpr uint32_t kLargeBuffer = 128 * 1024;

struct Block {
    BufferPool* pool;
    Block* next;
    uint32_t capacity;
    char* data() { return reinterpret_cast<char*>(this + 1); }
};

class Buffer {
  public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept
        : block_(std::exchange(other.block_, nullptr)),
          begin_(std::exchange(other.begin_, 0)),
          end_(std::exchange(other.end_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        if (this != &other) {
            release();
            block_ = std::exchange(other.block_, nullptr);
            begin_ = std::exchange(other.begin_, 0);
            end_ = std::exchange(other.end_, 0);
        }
        return *this;
    }
    ~Buffer() { release(); }

    bool has_block() const { return block_ != nullptr; }
    // Takes a block from the pool where there is none. @param headroom bytes kept free in front of the data
    void ensure(BufferPool& pool, uint32_t capacity, uint32_t headroom = 0) {
        if (block_ == nullptr) take(pool, capacity, headroom);
    }
    void release() {
        if (block_ != nullptr) give();
    }

    bool empty() const { return begin_ == end_; }
    uint32_t size() const { return end_ - begin_; }
    uint32_t capacity() const { return block_ ? block_->capacity : 0; }
    // Free bytes behind the data.
    uint32_t room() const { return block_ ? block_->capacity - end_ : 0; }
    uint32_t headroom() const { return begin_; }
    char* data() { return block_->data() + begin_; }
    char* tail() { return block_->data() + end_; }
    std::string_view view() const { return block_ ? std::string_view(block_->data() + begin_, size()) : std::string_view{}; }

    // `n` bytes were written at tail().
    void commit(uint32_t n) { end_ += n; }
    // `n` bytes were taken from the front.
    void consume(uint32_t n) {
        begin_ += n;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    // The data now begins `n` bytes earlier, written there by the caller. @requires n <= headroom()
    void prepend(uint32_t n) { begin_ -= n; }
    void truncate(uint32_t size) { end_ = begin_ + size; }
    void clear(uint32_t headroom = 0) { begin_ = end_ = headroom; }
    // Moves the data to the front of the block, so that all the free room is behind it.
    void compact();
    // @returns how much of `bytes` fit
    uint32_t append(std::string_view bytes);

  private:
    void take(BufferPool& pool, uint32_t capacity, uint32_t headroom);
    void give();

    Block* block_ = nullptr;
    uint32_t begin_ = 0;
    uint32_t end_ = 0;
};

class BufferPool {
  public:
    BufferPool() = default;
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;
    ~BufferPool();

    Block* take(uint32_t capacity);
    void give(Block* block);
    // Blocks handed out and not yet returned.
    size_t in_use() const { return in_use_; }

  private:
    struct Shelf {
        Block* free = nullptr;
        uint32_t count = 0;
    };
    Shelf small_, large_;
    size_t in_use_ = 0;
};

}  // namespace portico::io
