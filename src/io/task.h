// Coroutines for orchestration: Task<T> (lazy, one awaiter), Fork (a child that runs beside its parent) and Root (what an
// owner starts and may destroy). Cancellation is destruction: destroying a suspended Task destroys what it awaits, innermost
// first, and each awaited operation takes itself back from the loop.
//
// A frame comes from a pool of its thread, so that a request's coroutines cost no malloc. A Task must be destroyed on the
// thread that made it. No exceptions: one that escapes ends the process.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#ifdef PORTICO_WATCH_WAITS
#include "io/wait_watch.h"
#endif

namespace portico::io {

// Frames of finished coroutines, kept by size for the next ones. One a thread. A request takes and gives back some twenty, so
// both are inline, and the shelf is plain memory of its thread: what empties it at the thread's end is made by the first frame
// that comes from the heap.
class FramePool {
  public:
    static void* allocate(size_t size);
    static void free(void* frame, size_t size);

  private:
    static constexpr size_t kStep = 64;
    static constexpr size_t kClasses = 64;    // frames of up to 4 KiB are pooled
    static constexpr uint32_t kKeep = 4096;   // of each class; the rest goes back to the heap
    struct Free {
        Free* next;
    };
    struct Shelf {
        Free* first = nullptr;
        uint32_t count = 0;
    };
    struct Emptier;
    static constexpr size_t class_of(size_t size) { return (size + kStep - 1) / kStep; }
    static void* allocate_from_heap(size_t size);

    static constinit thread_local std::array<Shelf, kClasses> shelves;
};

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
// A sanitizer sees a use after free only where memory really goes back.
inline void* FramePool::allocate(size_t size) { return ::operator new(size); }
inline void FramePool::free(void* frame, size_t) { ::operator delete(frame); }
#else
inline void* FramePool::allocate(size_t size) {
    const size_t c = class_of(size);
    if (c >= kClasses) return ::operator new(size);
    Shelf& shelf = shelves[c];
    Free* const frame = shelf.first;
    if (frame == nullptr) return allocate_from_heap(c * kStep);
    shelf.first = frame->next;
    --shelf.count;
    return frame;
}

inline void FramePool::free(void* frame, size_t size) {
    const size_t c = class_of(size);
    if (c >= kClasses || shelves[c].count >= kKeep) return ::operator delete(frame);
    Shelf& shelf = shelves[c];
    shelf.first = new (frame) Free{shelf.first};
    ++shelf.count;
}
#endif

namespace detail {

struct PooledFrame {
    static void* operator new(size_t size) { return FramePool::allocate(size); }
    static void operator delete(void* p, size_t size) { FramePool::free(p, size); }
};

struct FinalTransfer {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> h) const noexcept {
        return h.promise().continuation ? h.promise().continuation : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
};

struct PromiseBase : PooledFrame {
    std::coroutine_handle<> continuation;
#ifdef PORTICO_WATCH_WAITS
    wait_watch::Frame watch;
    template <class Awaited>
    wait_watch::Watched<Awaited> await_transform(Awaited&& awaited, std::source_location at = std::source_location::current()) {
        return {std::forward<Awaited>(awaited), watch, wait_watch::place(at)};
    }
#endif
    std::suspend_always initial_suspend() const noexcept { return {}; }
    FinalTransfer final_suspend() const noexcept { return {}; }
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
  public:
    struct promise_type : detail::PromiseBase {
        std::optional<T> value;
        Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
        template <class U>
        void return_value(U&& v) {
            value.emplace(std::forward<U>(v));
        }
    };

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            destroy();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~Task() { destroy(); }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
        handle_.promise().continuation = waiter;
        return handle_;
    }
    T await_resume() { return std::move(*handle_.promise().value); }
#ifdef PORTICO_WATCH_WAITS
    void watched_by(wait_watch::Frame& parent) { handle_.promise().watch.adopt(parent); }
#endif

  private:
    explicit Task(std::coroutine_handle<promise_type> h) : handle_(h) {}
    void destroy() {
        if (handle_) handle_.destroy();
        handle_ = nullptr;
    }
    std::coroutine_handle<promise_type> handle_;
};

template <>
class [[nodiscard]] Task<void> {
  public:
    struct promise_type : detail::PromiseBase {
        Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
        void return_void() const noexcept {}
    };

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            destroy();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~Task() { destroy(); }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
        handle_.promise().continuation = waiter;
        return handle_;
    }
    void await_resume() const noexcept {}
#ifdef PORTICO_WATCH_WAITS
    void watched_by(wait_watch::Frame& parent) { handle_.promise().watch.adopt(parent); }
#endif

  private:
    explicit Task(std::coroutine_handle<promise_type> h) : handle_(h) {}
    void destroy() {
        if (handle_) handle_.destroy();
        handle_ = nullptr;
    }
    std::coroutine_handle<promise_type> handle_;
};

// A task that runs beside its parent: started at once, joined later or cancelled by destruction. Lives in the parent's frame.
class Fork {
  public:
    explicit Fork(Task<void> task) : runner_(run(std::move(task), *this)) { runner_.resume(); }
    Fork(const Fork&) = delete;
    Fork& operator=(const Fork&) = delete;
    ~Fork() { runner_.destroy(); }

    bool done() const { return done_; }

    // Awaiting a Fork waits for its end.
    bool await_ready() const noexcept { return done_; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { joiner_ = waiter; }
    void await_resume() const noexcept {}

  private:
    struct Runner {
        struct promise_type : detail::PooledFrame {
            std::coroutine_handle<promise_type> get_return_object() {
                return std::coroutine_handle<promise_type>::from_promise(*this);
            }
            std::suspend_always initial_suspend() const noexcept { return {}; }
            struct Final {
                Fork* fork;
                bool await_ready() const noexcept { return false; }
                std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept {
                    fork->done_ = true;
                    return fork->joiner_ ? std::exchange(fork->joiner_, nullptr) : std::noop_coroutine();
                }
                void await_resume() const noexcept {}
            };
            Fork* fork;
            promise_type(Task<void>&, Fork& f) : fork(&f) {}
            Final final_suspend() const noexcept { return {fork}; }
            void return_void() const noexcept {}
            [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
        };
        std::coroutine_handle<promise_type> handle;
        Runner(std::coroutine_handle<promise_type> h) : handle(h) {}  // NOLINT: what the compiler converts
        operator std::coroutine_handle<>() const { return handle; }   // NOLINT
    };
    static Runner run(Task<void> task, Fork&) { co_await task; }

    std::coroutine_handle<> runner_;
    std::coroutine_handle<> joiner_;
    bool done_ = false;
};

// What an owner (a Connection, a Worker) starts and may destroy at any time outside of it. `on_done` is called once, from
// inside the finished coroutine: it must not destroy the Root, only arrange for that (Loop::defer).
class Root {
  public:
    class Owner {
      public:
        virtual void on_root_done() = 0;

      protected:
        ~Owner() = default;
    };

    Root() = default;
    Root(const Root&) = delete;
    Root& operator=(const Root&) = delete;
    ~Root() { cancel(); }

    // @requires nothing is running in this Root; one that has ended may be started again
    void start(Task<void> task, Owner* owner) {
        cancel();
        runner_ = run(std::move(task), *this);
        owner_ = owner;
        runner_.resume();
    }
    bool running() const { return runner_ && !done_; }
    // Destroys the task with all that it awaits. @requires not called from inside the task
    void cancel() {
        if (runner_) runner_.destroy();
        runner_ = nullptr;
        done_ = false;
    }

  private:
    struct Runner {
        struct promise_type : detail::PooledFrame {
            Root* root;
            promise_type(Task<void>&, Root& r) : root(&r) {}
            Runner get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
            std::suspend_always initial_suspend() const noexcept { return {}; }
            struct Final {
                Root* root;
                bool await_ready() const noexcept { return false; }
                void await_suspend(std::coroutine_handle<>) const noexcept {
                    root->done_ = true;
                    if (root->owner_ != nullptr) root->owner_->on_root_done();
                }
                void await_resume() const noexcept {}
            };
            Final final_suspend() const noexcept { return {root}; }
            void return_void() const noexcept {}
            [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
        };
        std::coroutine_handle<promise_type> handle;
    };
    static Runner make(Task<void> task, Root&) { co_await task; }
    static std::coroutine_handle<> run(Task<void> task, Root& root) { return make(std::move(task), root).handle; }

    std::coroutine_handle<> runner_;
    Owner* owner_ = nullptr;
    bool done_ = false;
};

}  // namespace portico::io
