// Stacks for computing that is left in the middle and taken up again (io/job.h), and the switch from one to another. Each is a mapping
// of its own with a page below it that cannot be touched; memory is taken by what was used of it. One thread's.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace portico::io {

// One stack. A function begins on it, and either side hands over to the other.
class FiberStack {
  public:
    // Parsers and templates go as deep as their bounds say, which is a few KiB; the rest costs addresses only.
    static constexpr size_t kBytes = size_t{512} << 10;

    // nullptr where there is no memory.
    static std::unique_ptr<FiberStack> make();
    ~FiberStack();
    FiberStack(const FiberStack&) = delete;
    FiberStack& operator=(const FiberStack&) = delete;

    // Begins `body(argument)` here, or goes on with it. @returns true once it has come to its end
    void begin(void (*body)(void*), void* argument);
    bool resume();
    // Called on this stack: hands the thread back to resume().
    void leave();

  private:
    struct Switch;
    explicit FiberStack(void* mapping);

    void* mapping_;
    void* context_ = nullptr;  // of the side that does not run
    void (*body_)(void*) = nullptr;
    void* argument_ = nullptr;
    bool ended_ = false;
    // What a sanitizer knows of the two sides.
    [[maybe_unused]] void* fake_ = nullptr;
    [[maybe_unused]] const void* outer_bottom_ = nullptr;
    [[maybe_unused]] size_t outer_size_ = 0;
    [[maybe_unused]] void* fiber_ = nullptr;
    [[maybe_unused]] void* outer_fiber_ = nullptr;
};

// Those that rest are kept for the next use; there are no more than `most` in all.
class FiberStacks {
  public:
    explicit FiberStacks(size_t most) : most_(most) {}

    // nullptr where all are in use, or there is no memory.
    std::unique_ptr<FiberStack> take();
    void give_back(std::unique_ptr<FiberStack> stack);
    size_t in_use() const { return in_use_; }

  private:
    static constexpr size_t kKept = 8;

    size_t most_;
    size_t in_use_ = 0;
    std::vector<std::unique_ptr<FiberStack>> spare_;
};

}  // namespace portico::io
