// Requests that wait for a store's decision, by their key: those of one key are asked in one command, and while that is on its way the
// next ones gather. So what one client sends at once is one command at a time for each worker, however many requests it is, and
// cannot make the store late for itself or for others. Each request keeps its own cost, verdict and fields: the command decides about
// them in their order.
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

// What one command may take of a store, in decisions about one window; requests beyond that wait for the next. A store takes 5 to 25 us
// for one, so that a command stays well within the shortest usual timeout, whoever sends the requests.
inline constexpr size_t kMostWorkInOneCommand = 32;
// What one request of a limit takes. Those that are refused and charged are written down as well.
inline size_t work_of(const Limit& limit) { return limit.windows.size() * (limit.charge_refused ? 2 : 1); }
// Requests of a limit in one command.
inline size_t most_in_one_command(const Limit& limit) { return kMostWorkInOneCommand / work_of(limit); }

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
    void on_deferred() override { waiter_.resume(); }
    // Resumed at the end of the turn, outside of the queue, which may go then.
    void settle(Counted&& counted);

    io::Loop& loop_;
    KeyQueue* queue_;  // null once it is settled
    uint64_t cost_;
    Time since_;
    size_t place_ = 0;  // among those of the command
    Counted counted_;
    std::coroutine_handle<> waiter_;
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
    static constexpr size_t kBuckets = 1024;
    // Queues that rest are kept for the next keys, so that a request allocates none.
    static constexpr size_t kMostSpare = 256;

    void retire(KeyQueue& queue);

    io::Loop& loop_;
    SeededHash hash_;
    std::array<std::unique_ptr<KeyQueue>, kBuckets> buckets_;  // chains of queues with somebody in them
    std::vector<std::unique_ptr<KeyQueue>> spare_;
};

}  // namespace portico::policy::rate_limit
