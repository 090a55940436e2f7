#include "base/arena.h"

#include "base/check.h"

namespace portico {

void* Arena::grow(size_t size, size_t align) {
    constexpr size_t kBlock = 16 * 1024;
    const size_t want = sizeof(Block) + size + align;
    const size_t bytes = want > kBlock ? want : kBlock;
    auto* block = static_cast<Block*>(std::malloc(bytes));
    PORTICO_CHECK(block != nullptr);
    block->next = blocks_;
    blocks_ = block;
    heap_ += bytes;
    at_ = reinterpret_cast<char*>(block + 1);
    end_ = reinterpret_cast<char*>(block) + bytes;
    return allocate(size, align);
}

}  // namespace portico
