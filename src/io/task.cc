#include "io/task.h"

namespace portico::io {

constinit thread_local std::array<FramePool::Shelf, FramePool::kClasses> FramePool::shelves;

struct FramePool::Emptier {
    ~Emptier() {
        for (Shelf& shelf : shelves) {
            while (Free* const frame = shelf.first) {
                shelf.first = frame->next;
                ::operator delete(frame);
            }
            // A frame that is freed later still goes to the heap.
            shelf.count = kKeep;
        }
    }
};

void* FramePool::allocate_from_heap(size_t size) {
    static thread_local Emptier emptier;
    [[maybe_unused]] const Emptier* used = &emptier;
    return ::operator new(size);
}

}  // namespace portico::io
