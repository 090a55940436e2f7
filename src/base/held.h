// What a worker's thread holds of what strangers send: bodies, documents, the windows of content codings, what is made of them. Counted in
// bytes, by kind, where it is taken or as soon as its size is known, against one bound for each worker; who would go beyond it is refused,
// and takes nothing from the others. What is small and bounded by itself (heads, buffers of a connection, the few bodies of a request
// that have no more than 2 KiB) is not counted.
//
// The clients' hosts share it: what one of them holds is at most three times what is then left, so that one alone holds three quarters, two
// hold three sevenths each, and there is always something left for the next. For whom something is taken says the Holder that is current.
//
// A thread that has no bound (the control thread, a test) is refused nothing.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/address.h"
#include "base/check.h"
#include "base/keyed_hash.h"

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
    // What a client's host holds here.
    struct Host {
        IpAddress address;
        uint64_t bytes = 0;
        size_t holders = 0;
    };
    static constexpr uint64_t kTimesWhatIsLeft = 3;

    // This thread's.
    static HeldMemory& here() { return mine_ != nullptr ? *mine_ : make_here(); }
    // Bytes of all threads.
    static uint64_t total(Holding what);

    // So much may be held here from now on.
    void limit(uint64_t bytes) { most_ = bytes; }
    uint64_t most() const { return most_; }
    // Whether so many more could be held at this moment. @param host for whom; nullptr: nobody's
    bool has_room(uint64_t bytes, const Host* host) const { return fits(all_.now(), bytes, host); }
    // Whether so many could be held if nothing else were: who cannot need not come again.
    bool may_ever_hold(uint64_t bytes) const { return bytes / kTimesWhatIsLeft <= most_ - std::min(bytes, most_); }
    // Its own thread. @returns false: it would be more than may be held
    bool take(Holding what, uint64_t bytes, Host* host) {
        PORTICO_CHECK(this == mine_);
        if (!fits(all_.now(), bytes, host)) return false;
        if (host != nullptr) host->bytes += bytes;
        all_.take(bytes);
        kinds_[static_cast<size_t>(what)].take(bytes);
        return true;
    }
    // Any thread; what was taken for a host, its own one.
    void give_back(Holding what, uint64_t bytes, Host* host) {
        const bool own = this == mine_;
        all_.give_back(bytes, own);
        kinds_[static_cast<size_t>(what)].give_back(bytes, own);
        if (host == nullptr) return;
        host->bytes -= bytes;
        forget_unused(*host);
    }

    Host& enter(const IpAddress& host);
    void leave(Host& host) {
        --host.holders;
        forget_unused(host);
    }
    size_t hosts() const { return hosts_.size(); }

  private:
    // Bytes that its own thread counts with plain stores, since nobody else writes there: each request takes and gives back several times.
    // What another thread gives back stands beside them.
    class Count {
      public:
        // Any thread. What was given back comes first: of that the taking is known as well, and the difference is never below nothing.
        uint64_t now() const {
            const uint64_t elsewhere = given_back_elsewhere_.load(std::memory_order_acquire);
            return taken_.load(std::memory_order_relaxed) - elsewhere;
        }
        void take(uint64_t bytes) { taken_.store(taken_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed); }
        void give_back(uint64_t bytes, bool own) {
            if (own) taken_.store(taken_.load(std::memory_order_relaxed) - bytes, std::memory_order_relaxed);
            else given_back_elsewhere_.fetch_add(bytes, std::memory_order_release);
        }

      private:
        std::atomic<uint64_t> taken_{0};
        std::atomic<uint64_t> given_back_elsewhere_{0};
    };
    struct Hash {
        size_t operator()(const IpAddress& a) const { return SeededHash()({reinterpret_cast<const char*>(a.bytes.data()), a.bytes.size()}); }
    };

    HeldMemory() = default;
    static HeldMemory& make_here();
    bool fits(uint64_t held, uint64_t bytes, const Host* host) const {
        if (held > most_ || bytes > most_ - held) return false;
        return host == nullptr || (host->bytes + bytes) / kTimesWhatIsLeft <= most_ - held - bytes;
    }
    void forget_unused(Host& host);

    uint64_t most_ = UINT64_MAX;  // of its own thread alone
    Count all_;
    std::array<Count, static_cast<size_t>(Holding::count_)> kinds_{};
    static inline constinit thread_local HeldMemory* mine_ = nullptr;
    HeldMemory* next_ = nullptr;
    std::unordered_map<IpAddress, Host, Hash> hosts_;  // that hold something, or may; nodes stay where they are
};

// For whom a request has something held: its client's host. One thread.
class Holder {
  public:
    // Costs nothing before something is taken.
    explicit Holder(const IpAddress& host) : address_(host) {}
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    ~Holder() {
        if (host_ != nullptr) memory_->leave(*host_);
    }

    // What is taken for the first time while this lives is taken for that holder, until all of it is given back. Not across a wait.
    class Current {
      public:
        explicit Current(Holder* holder) : outer_(std::exchange(current_, holder)) {}
        Current(const Current&) = delete;
        Current& operator=(const Current&) = delete;
        ~Current() { current_ = outer_; }

      private:
        Holder* outer_;
    };
    HeldMemory::Host& host() {
        if (host_ == nullptr) {
            memory_ = &HeldMemory::here();
            host_ = &memory_->enter(address_);
        }
        return *host_;
    }
    // Of the current one. @returns nullptr where there is none
    static HeldMemory::Host* current_host() { return current_ == nullptr ? nullptr : &current_->host(); }

  private:
    static inline constinit thread_local Holder* current_ = nullptr;
    const IpAddress address_;
    HeldMemory* memory_ = nullptr;
    HeldMemory::Host* host_ = nullptr;
};

// Of which thread's memory something is taken, and for whom.
struct HeldBy {
    HeldMemory* memory = nullptr;
    HeldMemory::Host* host = nullptr;

    static HeldBy current() { return {&HeldMemory::here(), Holder::current_host()}; }
    bool take(Holding what, uint64_t bytes) const { return memory->take(what, bytes, host); }
    void give_back(Holding what, uint64_t bytes) const { memory->give_back(what, bytes, host); }
};

// So many bytes, for as long as it lives.
class Held {
  public:
    explicit Held(Holding what) : what_(what) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { set(0); }

    // @returns false: more may not be held; it stays as it was
    bool set(size_t bytes) { return bytes == bytes_ || change(bytes); }

  private:
    bool change(size_t bytes) {
        if (bytes < bytes_) {
            by_.give_back(what_, bytes_ - bytes);
        } else {
            if (bytes_ == 0) by_ = HeldBy::current();
            if (!by_.take(what_, bytes - bytes_)) return false;
        }
        bytes_ = bytes;
        return true;
    }

    HeldBy by_;
    size_t bytes_ = 0;
    Holding what_;
};

}  // namespace portico
