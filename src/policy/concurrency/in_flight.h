// Who is being served and who waits, by key: one table a limit and process, shared by its workers and kept across reloads.
// Any thread; a stripe's lock is held for a few steps and never across a wait.
//
// The limit is the table's, not a request's: one that began under an older configuration counts by the running one's, or it would
// let in those who wait by a limit that holds no more.
//
// A key has an entry only while it has somebody in flight or waiting: the table is bounded by the connections.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "base/keyed_hash.h"

namespace portico::policy::concurrency {

class InFlight {
  public:
    // `seed`: random, and secret to clients, who choose keys.
    InFlight(HashKey seed, uint32_t limit) : seed_(seed), limit_(limit) {
        for (Stripe& stripe : stripes_) stripe.entries = Entries(0, SeededHash{seed});
    }

    // A key's entry. Lives while somebody holds a place in it or waits for one.
    struct Entry;

    // One that waits in line. Its owner withdraws it before it goes.
    class Waiter : private ListHook<InFlight> {
      public:
        virtual ~Waiter() = default;
        // It has a place now. On the thread of whoever left, under the stripe's lock: it only passes the word on.
        virtual void on_place() = 0;
        Entry* entry() const { return entry_; }

      private:
        friend class InFlight;
        template <class, class>
        friend class portico::IntrusiveList;
        Entry* entry_ = nullptr;
        bool waiting_ = false;  // under the stripe's lock
    };

    // A place in flight, if there is one: nobody passes those who wait.
    // @returns nullptr when there is none
    Entry* enter(std::string_view key);
    enum class Turn : uint8_t { placed, waits, refused };
    // The same, or a place in the line, where fewer than `room` stand in it. Entry in waiter.entry(), unless refused.
    Turn enter_or_wait(std::string_view key, uint32_t room, Waiter& waiter);
    // @returns false where it was given a place in the meantime, which then is its owner's to leave
    bool withdraw(Waiter& waiter);
    // Gives a place back; the first in line get it.
    void leave(Entry* entry);

    // The running configuration's limit, of every key from now on: where it is higher than before, some of those who wait get their
    // place. Each worker adopts it as it takes a configuration, so that the newest is the last word.
    void adopt_limit(uint32_t limit);
    uint32_t limit() const { return limit_.load(std::memory_order_relaxed); }

    // Keys that have an entry, and those in flight of one key: for tests.
    size_t keys();
    uint32_t in_flight(std::string_view key);

  private:
    using Entries = std::unordered_map<std::string, Entry, SeededHash, std::equal_to<>>;
    struct Stripe {
        std::mutex mutex;
        Entries entries;
    };
    static constexpr size_t kStripes = 64;

    Stripe& stripe_of(std::string_view key) { return stripes_[SeededHash{seed_}(key) / 64 % kStripes]; }
    static Entry& find(Stripe& stripe, std::string_view key);
    bool has_place(const Entry& entry) const;
    void admit_waiting(Entry& entry) const;
    static void drop_if_idle(Entry& entry);

    const HashKey seed_;
    std::atomic<uint32_t> limit_;
    std::array<Stripe, kStripes> stripes_;
};

struct InFlight::Entry {
    Stripe* stripe = nullptr;
    std::string_view key;  // of the map
    uint32_t in_flight = 0;
    uint32_t waiting = 0;
    IntrusiveList<Waiter, InFlight> line;
};

}  // namespace portico::policy::concurrency
