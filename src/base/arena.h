// Memory that lives as long as one exchange: allocation is a pointer's step, everything is freed at once. Its first block
// stands inside, so that a small exchange allocates nothing. Objects put here must not need their destructors. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/poison.h"

namespace portico {

class Arena {
  public:
    Arena() { PORTICO_POISON(first_, sizeof first_); }
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena() {
        release();
        PORTICO_UNPOISON(first_, sizeof first_);
    }

    void* allocate(size_t size, size_t align = alignof(std::max_align_t)) {
        auto at = (reinterpret_cast<uintptr_t>(at_) + (align - 1)) & ~(uintptr_t{align} - 1);
        if (at + size > reinterpret_cast<uintptr_t>(end_)) return grow(size, align);
        at_ = reinterpret_cast<char*>(at + size);
        PORTICO_UNPOISON(reinterpret_cast<void*>(at), size);
        return reinterpret_cast<void*>(at);
    }
    // A copy of `text` that lives as long as the arena.
    std::string_view copy(std::string_view text) {
        if (text.empty()) return {};
        char* p = static_cast<char*>(allocate(text.size(), 1));
        std::memcpy(p, text.data(), text.size());
        return {p, text.size()};
    }
    std::span<char> chars(size_t size) { return {static_cast<char*>(allocate(size, 1)), size}; }
    template <class T, class... Args>
    T* make(Args&&... args) {
        static_assert(std::is_trivially_destructible_v<T>);
        return new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
    }
    // So many of them, each as T() makes it.
    template <class T>
    std::span<T> array(size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        T* const first = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
        std::uninitialized_value_construct_n(first, count);
        return {first, count};
    }
    // Bytes taken from the heap so far (0 while the inner block suffices).
    size_t heap_bytes() const { return heap_; }
    // Frees everything; the arena may be used again.
    void release() {
        while (blocks_ != nullptr) {
            Block* next = blocks_->next;
            std::free(blocks_);
            blocks_ = next;
        }
        at_ = first_;
        end_ = first_ + sizeof first_;
        heap_ = 0;
        // Whoever still has a view of what was here is found out by AddressSanitizer, and not by another client's bytes.
        PORTICO_POISON(first_, sizeof first_);
    }

  private:
    struct Block {
        Block* next;
    };
    void* grow(size_t size, size_t align);

    char* at_ = first_;
    char* end_ = first_ + sizeof first_;
    Block* blocks_ = nullptr;
    size_t heap_ = 0;
    alignas(std::max_align_t) char first_[2048];
};

}  // namespace portico
