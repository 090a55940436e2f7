#include "io/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace portico::io {
namespace {
constexpr uint32_t kKeepSmall = 256;  // 4 MiB a worker
constexpr uint32_t kKeepLarge = 16;   // 2 MiB a worker
}  // namespace

void Buffer::take(BufferPool& pool, uint32_t capacity, uint32_t headroom) {
    block_ = pool.take(capacity);
    begin_ = end_ = headroom;
}

void Buffer::give() {
    block_->pool->give(block_);
    block_ = nullptr;
    begin_ = end_ = 0;
}

void Buffer::compact() {
    if (begin_ == 0 || block_ == nullptr) return;
    std::memmove(block_->data(), block_->data() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
}

uint32_t Buffer::append(std::string_view bytes) {
    const uint32_t n = std::min(room(), static_cast<uint32_t>(bytes.size()));
    if (n > 0) std::memcpy(tail(), bytes.data(), n);
    end_ += n;
    return n;
}

BufferPool::~BufferPool() {
    for (Shelf* shelf : {&small_, &large_}) {
        while (Block* b = shelf->free) {
            shelf->free = b->next;
            std::free(b);
        }
    }
}

Block* BufferPool::take(uint32_t capacity) {
    Shelf* shelf = capacity == kSmallBuffer ? &small_ : capacity == kLargeBuffer ? &large_ : nullptr;
    ++in_use_;
    if (shelf != nullptr && shelf->free != nullptr) {
        Block* b = shelf->free;
        shelf->free = b->next;
        --shelf->count;
        return b;
    }
    auto* b = static_cast<Block*>(std::malloc(sizeof(Block) + capacity));
    PORTICO_CHECK(b != nullptr);
    b->pool = this;
    b->capacity = capacity;
    return b;
}

void BufferPool::give(Block* block) {
    --in_use_;
#if !__has_feature(address_sanitizer)
    Shelf* shelf = block->capacity == kSmallBuffer ? &small_ : block->capacity == kLargeBuffer ? &large_ : nullptr;
    if (shelf != nullptr && shelf->count < (shelf == &small_ ? kKeepSmall : kKeepLarge)) {
        block->next = shelf->free;
        shelf->free = block;
        ++shelf->count;
        return;
    }
#endif
    std::free(block);
}

}  // namespace portico::io
