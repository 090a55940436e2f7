// What became of every co_await: whether it was resumed, timed out, was broken by its peer or was destroyed while it waited. Only
// builds with PORTICO_WATCH_WAITS (ASan's) count; in others nothing of this is compiled in, and a coroutine costs what it did.
//
// An outcome counts for the wait of the operation and for each wait above it: who awaits a Task that awaits a read has timed out
// when the read has. Places are the lines of their co_await.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <coroutine>
#include <cstdint>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace portico::io::wait_watch {

enum class Ending : uint8_t { resumed, timed_out, broken, destroyed };
inline constexpr size_t kEndings = 4;

struct Place {
    const char* file = nullptr;
    uint32_t line = 0;
    // What is awaited can only come: a timer, a gate, the next turn.
    std::atomic<bool> only_comes = false;
    std::atomic<int64_t> waiting = 0;  // so many, at this moment
    std::atomic<bool> wanted = false;  // by whoever observes; nothing here asks for it
    std::array<std::atomic<uint64_t>, kEndings> endings{};

    void count(Ending ending) { endings[static_cast<size_t>(ending)].fetch_add(1, std::memory_order_relaxed); }
};

// Is told of each wait that begins, from inside of the coroutine: it may only take note.
class Observer {
  public:
    virtual void waits_at(Place& place) = 0;

  protected:
    ~Observer() = default;
};
inline thread_local Observer* observer = nullptr;

// The place of a co_await, made when it is first come to. Any thread.
Place& place(const std::source_location& at);

struct Counts {
    Place* place = nullptr;
    std::string file;  // as the compiler was given it
    uint32_t line = 0;
    bool only_comes = false;
    std::array<uint64_t, kEndings> endings{};
};
// All that was come to, in no order.
std::vector<Counts> all();

// How an operation ended, for the values that awaiting one gives: an overload beside each such type. Resumed where none is.
template <class T>
concept Tells = requires(const T& value) {
    { ending_of(value) } -> std::same_as<Ending>;
};

// What a coroutine waits on, as a base of its promise.
class Frame {
  public:
    Frame() = default;
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    ~Frame() {
        if (place_ == nullptr) return;
        place_->waiting.fetch_sub(1, std::memory_order_relaxed);
        place_->count(Ending::destroyed);
    }
    void adopt(Frame& parent) { parent_ = &parent; }
    void wait_at(Place& place) {
        place_ = &place;
        place.waiting.fetch_add(1, std::memory_order_relaxed);
        if (observer != nullptr) observer->waits_at(place);
    }
    void go_on() {
        if (place_ == nullptr) return;
        place_->waiting.fetch_sub(1, std::memory_order_relaxed);
        place_->count(Ending::resumed);
        place_ = nullptr;
    }
    // Of the operation that this frame waits on itself.
    void operation_ended(Ending ending) {
        if (ending == Ending::resumed) return;
        for (Frame* frame = this; frame != nullptr; frame = frame->parent_) {
            if (frame->place_ != nullptr) frame->place_->count(ending);
        }
    }

  private:
    Place* place_ = nullptr;
    Frame* parent_ = nullptr;
};

// What is awaited, with its outcome counted.
template <class Awaited>
class Watched {
  public:
    Watched(Awaited&& awaited, Frame& frame, Place& place)
        : awaited_(std::forward<Awaited>(awaited)), frame_(frame), place_(place) {}

    bool await_ready() { return awaited_.await_ready(); }
    template <class Promise>
    auto await_suspend(std::coroutine_handle<Promise> waiter) {
        frame_.wait_at(place_);
        if constexpr (kIsTask) awaited_.watched_by(frame_);
        else if constexpr (std::is_void_v<Value>) place_.only_comes.store(true, std::memory_order_relaxed);
        return awaited_.await_suspend(waiter);
    }
    decltype(auto) await_resume() {
        if constexpr (std::is_void_v<Value>) {
            awaited_.await_resume();
            frame_.go_on();
        } else if constexpr (kIsTask) {
            frame_.go_on();
            return awaited_.await_resume();
        } else {
            Value value = awaited_.await_resume();
            if constexpr (Tells<std::remove_cvref_t<Value>>) frame_.operation_ended(ending_of(value));
            frame_.go_on();
            return value;
        }
    }

  private:
    using Value = decltype(std::declval<Awaited>().await_resume());
    static constexpr bool kIsTask = requires(Awaited & awaited, Frame& frame) { awaited.watched_by(frame); };

    Awaited&& awaited_;
    Frame& frame_;
    Place& place_;
};

}  // namespace portico::io::wait_watch
