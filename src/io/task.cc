#include "io/task.h"

#include <array>
#include <new>

namespace portico::io {
namespace {

constexpr size_t kStep = 64;
constexpr size_t kClasses = 64;       // frames of up to 4 KiB are pooled
constexpr uint32_t kKeep = 4096;      // of each class; the rest goes back to the heap

struct Free {
    Free* next;
};

struct Pool {
    std::array<Free*, kClasses> lists{};
    std::array<uint32_t, kClasses> counts{};
    ~Pool() {
        for (Free* f : lists) {
            while (f != nullptr) {
                Free* next = f->next;
                ::operator delete(f);
                f = next;
            }
        }
    }
};

thread_local Pool pool;

}  // namespace

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
// A sanitizer sees a use after free only where memory really goes back.
void* FramePool::allocate(size_t size) { return ::operator new(size); }
void FramePool::free(void* frame, size_t) { ::operator delete(frame); }
#else
void* FramePool::allocate(size_t size) {
    const size_t c = (size + kStep - 1) / kStep;
    if (c >= kClasses) return ::operator new(size);
    if (Free* f = pool.lists[c]) {
        pool.lists[c] = f->next;
        --pool.counts[c];
        return f;
    }
    return ::operator new(c * kStep);
}

void FramePool::free(void* frame, size_t size) {
    const size_t c = (size + kStep - 1) / kStep;
    if (c >= kClasses || pool.counts[c] >= kKeep) {
        ::operator delete(frame);
        return;
    }
    pool.lists[c] = new (frame) Free{pool.lists[c]};
    ++pool.counts[c];
}
#endif

}  // namespace portico::io
