#include "io/fiber_stack.h"

#include <sys/mman.h>
#include <unistd.h>

#include <boost/context/detail/fcontext.hpp>
#include <utility>

#include "base/check.h"

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#endif

namespace portico::io {
namespace {

namespace fcontext = boost::context::detail;

size_t page() {
    static const auto kPage = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    return kPage;
}

}  // namespace

// The sanitizers must be told which stack a thread stands on.
struct FiberStack::Switch {
    static char* bottom(const FiberStack& s) { return static_cast<char*>(s.mapping_) + page(); }

    // From outside to the stack, and once that is left again.
    static void enter(FiberStack& s) {
#if __has_feature(address_sanitizer)
        void* outer_fake = nullptr;
        __sanitizer_start_switch_fiber(&outer_fake, bottom(s), kBytes);
        jump(s);
        __sanitizer_finish_switch_fiber(outer_fake, nullptr, nullptr);
#elif __has_feature(thread_sanitizer)
        s.outer_fiber_ = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(s.fiber_, 0);
        jump(s);
#else
        jump(s);
#endif
    }
    // Back to the outside. `for_good`: nothing of this stack is needed any more.
    static void exit(FiberStack& s, [[maybe_unused]] bool for_good) {
#if __has_feature(address_sanitizer)
        __sanitizer_start_switch_fiber(for_good ? nullptr : &s.fake_, s.outer_bottom_, s.outer_size_);
        jump(s);
        arrived(s);
#elif __has_feature(thread_sanitizer)
        __tsan_switch_to_fiber(s.outer_fiber_, 0);
        jump(s);
#else
        jump(s);
#endif
    }
    static void arrived([[maybe_unused]] FiberStack& s) {
#if __has_feature(address_sanitizer)
        __sanitizer_finish_switch_fiber(s.fake_, &s.outer_bottom_, &s.outer_size_);
#endif
    }
    static void run(fcontext::transfer_t from) {
        auto& s = *static_cast<FiberStack*>(from.data);
        s.context_ = from.fctx;
        arrived(s);
        s.body_(s.argument_);
        s.ended_ = true;
        exit(s, true);
        PORTICO_CHECK(false);
    }
    // To the side that does not run. @returns once it has come back
    static void jump(FiberStack& s) { s.context_ = fcontext::jump_fcontext(std::exchange(s.context_, nullptr), &s).fctx; }
};

std::unique_ptr<FiberStack> FiberStack::make() {
    void* const mapping = ::mmap(nullptr, page() + kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) return nullptr;
    if (::mprotect(mapping, page(), PROT_NONE) != 0) {
        ::munmap(mapping, page() + kBytes);
        return nullptr;
    }
    return std::unique_ptr<FiberStack>(new FiberStack(mapping));
}

FiberStack::FiberStack(void* mapping) : mapping_(mapping) {
#if __has_feature(address_sanitizer)
    __lsan_register_root_region(Switch::bottom(*this), kBytes);
#elif __has_feature(thread_sanitizer)
    fiber_ = __tsan_create_fiber(0);
#endif
}

FiberStack::~FiberStack() {
    PORTICO_CHECK(body_ == nullptr || ended_);
#if __has_feature(address_sanitizer)
    __lsan_unregister_root_region(Switch::bottom(*this), kBytes);
    __asan_unpoison_memory_region(Switch::bottom(*this), kBytes);
#elif __has_feature(thread_sanitizer)
    __tsan_destroy_fiber(fiber_);
#endif
    ::munmap(mapping_, page() + kBytes);
}

void FiberStack::begin(void (*body)(void*), void* argument) {
    body_ = body;
    argument_ = argument;
    ended_ = false;
    fake_ = nullptr;
#if __has_feature(address_sanitizer)
    __asan_unpoison_memory_region(Switch::bottom(*this), kBytes);
#endif
    context_ = fcontext::make_fcontext(Switch::bottom(*this) + kBytes, kBytes, Switch::run);
}

bool FiberStack::resume() {
    Switch::enter(*this);
    return ended_;
}

void FiberStack::leave() { Switch::exit(*this, false); }

std::unique_ptr<FiberStack> FiberStacks::take() {
    if (in_use_ == most_) return nullptr;
    std::unique_ptr<FiberStack> stack;
    if (spare_.empty()) {
        stack = FiberStack::make();
    } else {
        stack = std::move(spare_.back());
        spare_.pop_back();
    }
    if (stack != nullptr) ++in_use_;
    return stack;
}

void FiberStacks::give_back(std::unique_ptr<FiberStack> stack) {
    --in_use_;
    if (spare_.size() < kKept) spare_.push_back(std::move(stack));
}

}  // namespace portico::io
