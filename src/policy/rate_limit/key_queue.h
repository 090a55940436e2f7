// Requests that wait for a store's decision, by their key: those of one key and turn are asked in one command. While as many are being
// asked as may, or a command of their key still stands in line for its server, the next ones gather. So what one client has with the
// store at a time is bounded for each worker, however many requests it sends, and cannot make the store late for itself or for others;
// and a store that takes its time for each command is asked fewer and larger ones. (One command at a time instead made a worker wait
// three times as often, for a few requests each: a fifth more CPU.) Each request keeps its own cost, verdict and fields: the
// command decides about them in their order.
//
// Stands between the policy and redis::Client. One worker's, one policy's. @requires outlived by the loop and the client
#pragma once

#include <array>
#include <coroutine>
#include <memory>
#include <string>
#include <vector>

#include "base/keyed_hash.h"
#include "io/loop.h"
#include "policy/rate_limit/redis_counter.h"
#include "policy/rate_limit/settings.h"
#include "redis/client.h"

namespace portico::policy::rate_limit {

class KeyQueue;
class KeyCommand;

// What one key may have with a store at a time, in decisions about one window; requests beyond that wait. A store takes 5 to 25 us for
// one, so that it stays well within the shortest usual timeout, whoever sends the requests.
inline constexpr size_t kMostWorkOfAKey = 32;
// In how many commands. A store may take as long for a small one as for a large one: the fewer, the more each asks for.
inline constexpr size_t kMostCommandsOfAKey = 4;
// What one request of a limit takes. Those that are refused and charged are written down as well.
inline size_t work_of(const Limit& limit) { return limit.windows.size() * (limit.charge_refused ? 2 : 1); }
// Requests of a limit that are asked at a time.
inline size_t most_asked_at_once(const Limit& limit) { return kMostWorkOfAKey / work_of(limit); }

// What the store said of one request.
struct Counted {
    Result<Decision> decision = fail(Fault::store_unavailable);
    Time asked{};  // no later than when the store decided
};

// co_await queues.count(…): one waiting request. Lives in its coroutine's frame and may be destroyed at any time: one that was not asked
// for yet is not counted then.
class [[nodiscard]] CountedWait final : public ListHook<CountedWait>, private io::Deferred {
  public:
    CountedWait(io::Loop& loop, KeyQueue& queue, uint64_t cost);
    ~CountedWait();
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) { waiter_ = h; }
    Counted await_resume() { return std::move(counted_); }

  private:
    friend class KeyQueue;
    friend class KeyCommand;
    void on_deferred() override { waiter_.resume(); }
    // Resumed at the end of a turn, outside of the queue, which may go then: a store that is late settles thousands at once.
    void settle(Counted&& counted);

    io::Loop& loop_;
    KeyCommand* command_ = nullptr;  // by which it is being asked
    uint64_t cost_;
    Time since_;
    size_t place_ = 0;  // among those of the command
    Counted counted_;
    std::coroutine_handle<> waiter_;
};

// Objects that rest are kept for the next use, so that a request allocates none.
template <typename T>
class Spares {
  public:
    static constexpr size_t kMost = 256;

    template <typename... Args>
    std::unique_ptr<T> take(Args&&... args) {
        if (spare_.empty()) return std::make_unique<T>(std::forward<Args>(args)...);
        std::unique_ptr<T> one = std::move(spare_.back());
        spare_.pop_back();
        return one;
    }
    // Destroys none: it may be called from inside of what is given back.
    void give_back(std::unique_ptr<T> one) { spare_.push_back(std::move(one)); }
    void trim() {
        while (spare_.size() > kMost) spare_.pop_back();
    }

  private:
    std::vector<std::unique_ptr<T>> spare_;
};

class KeyQueues {
  public:
    // `seed`: random, and secret to clients.
    KeyQueues(io::Loop& loop, HashKey seed);
    ~KeyQueues();
    // @requires `client` and `limit` outlive the queues
    CountedWait count(redis::Client& client, Duration timeout, const CountedLimit& limit, std::string_view key, uint64_t cost);

  private:
    friend class KeyQueue;
    friend class KeyCommand;
    static constexpr size_t kBuckets = 1024;

    void retire(KeyQueue& queue);

    io::Loop& loop_;
    SeededHash hash_;
    Spares<KeyCommand> spare_commands_;
    Spares<KeyQueue> spare_queues_;
    std::array<std::unique_ptr<KeyQueue>, kBuckets> buckets_;  // chains of queues with somebody in them
};

}  // namespace portico::policy::rate_limit
