// What a worker's thread holds of what strangers send: bodies, documents, the windows of content codings, what is made of them. Counted in
// bytes, by kind, where it is taken or as soon as its size is known, against one bound for each worker; who would go beyond it is refused,
// and takes nothing from the others. What is small and bounded by itself (heads, buffers of a connection) is not counted.
//
// A thread that has no bound (the control thread, a test) is refused nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portico {

enum class Holding : uint8_t {
    request_bodies,
    response_bodies,
    documents,  // JSON that was taken apart
    codings,    // windows and tables of compression
    made,       // bodies made anew, until they are sent
    count_
};
// Such as "request_bodies".
std::string_view word_of(Holding what);

// Of one thread. Lives for ever: a document may outlive the thread that made it.
class HeldMemory {
  public:
    // This thread's.
    static HeldMemory& here();
    // Bytes of all threads.
    static uint64_t total(Holding what);

    // So much may be held here from now on.
    void limit(uint64_t bytes) { most_ = bytes; }
    uint64_t most() const { return most_; }
    // Whether so many more could be held at this moment.
    bool has_room(uint64_t bytes) const {
        const uint64_t held = held_.load(std::memory_order_relaxed);
        return held <= most_ && bytes <= most_ - held;
    }
    // @returns false: it would be more than may be held
    bool take(Holding what, uint64_t bytes) {
        const uint64_t before = held_.fetch_add(bytes, std::memory_order_relaxed);
        if (before + bytes > most_) {
            held_.fetch_sub(bytes, std::memory_order_relaxed);
            return false;
        }
        kinds_[static_cast<size_t>(what)].fetch_add(bytes, std::memory_order_relaxed);
        return true;
    }
    // Any thread.
    void give_back(Holding what, uint64_t bytes) {
        held_.fetch_sub(bytes, std::memory_order_relaxed);
        kinds_[static_cast<size_t>(what)].fetch_sub(bytes, std::memory_order_relaxed);
    }

  private:
    HeldMemory() = default;

    uint64_t most_ = UINT64_MAX;  // of its own thread alone
    std::atomic<uint64_t> held_{0};
    std::array<std::atomic<uint64_t>, static_cast<size_t>(Holding::count_)> kinds_{};
    HeldMemory* next_ = nullptr;
};

// So many bytes, for as long as it lives.
class Held {
  public:
    explicit Held(Holding what) : what_(what) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { set(0); }

    // @returns false: more may not be held; it stays as it was
    bool set(size_t bytes) {
        if (bytes < bytes_) {
            memory_->give_back(what_, bytes_ - bytes);
        } else if (bytes > bytes_) {
            if (memory_ == nullptr) memory_ = &HeldMemory::here();
            if (!memory_->take(what_, bytes - bytes_)) return false;
        }
        bytes_ = bytes;
        return true;
    }

  private:
    HeldMemory* memory_ = nullptr;
    size_t bytes_ = 0;
    Holding what_;
};

}  // namespace portico
