#include "policy/rate_limit/key_queue.h"

#include <utility>

namespace portico::policy::rate_limit {

// One key of one limit: who gathers, and who is being asked for.
class KeyQueue final : private io::Deferred, private io::Root::Owner {
  public:
    explicit KeyQueue(KeyQueues& queues) : queues_(queues) {}
    ~KeyQueue() {
        for (CountedWait* wait : asked_) {
            if (wait != nullptr) wait->queue_ = nullptr;
        }
        while (CountedWait* wait = gathering_.pop_front()) wait->queue_ = nullptr;
    }

    void open(redis::Client& client, Duration timeout, const CountedLimit& limit, std::string_view key, size_t in_bucket) {
        bucket = in_bucket;
        client_ = &client;
        timeout_ = timeout;
        limit_ = &limit;
        key_ = key;
    }
    bool is_of(const CountedLimit& limit, std::string_view key) const { return limit_ == &limit && key_ == key; }

    // The first one of a turn waits for its end, and so is joined by the others of that turn.
    void join(CountedWait& wait) {
        gathering_.push_back(wait);
        if (!asking_.running()) queues_.loop_.defer(*this);
    }
    void leave(const CountedWait& wait) {
        const ListHook<CountedWait>& hook = wait;
        if (!hook.linked()) asked_[wait.place_] = nullptr;
    }

    std::unique_ptr<KeyQueue> next;  // in its bucket
    size_t bucket = 0;

  private:
    void on_deferred() override { asking_.start(ask(), this); }
    void on_root_done() override { queues_.retire(*this); }

    io::Task<void> ask() {
        while (take()) {
            const Time asked = queues_.loop_.now();
            const RedisQuestion question(limit_->form, key_, costs_, client_->next_mark());
            Result<redis::Reply> reply = co_await client_->eval(redis_counter(), question.keys(), question.arguments(), timeout_,
                                                                static_cast<uint32_t>(costs_.size() * work_of(limit_->limit)));
            Result<void> read = reply ? decisions_.read(limit_->limit, costs_.size(), reply->value()) : fail(std::move(reply).error());
            for (size_t i = 0; i < costs_.size(); ++i) {
                CountedWait* const wait = std::exchange(asked_[i], nullptr);
                if (wait == nullptr) continue;
                wait->settle({read ? decisions_.decision(limit_->limit, i, costs_[i]) : fail(read.error()), asked});
            }
        }
    }
    // @returns false when nobody waits
    bool take() {
        asked_.clear();
        costs_.clear();
        // No more than this worker's share: a command of more would go alone, and with those of many workers make the server late.
        const size_t share = std::max<size_t>(client_->most_work() / work_of(limit_->limit), 1);
        const size_t most = std::min(most_in_one_command(limit_->limit), share);
        const Time now = queues_.loop_.now();
        while (asked_.size() < most && !gathering_.empty()) {
            CountedWait& wait = *gathering_.pop_front();
            if (now - wait.since_ > client_->longest_queue()) {
                wait.settle({fail(Fault::store_overload, "too many requests of its key stood before it"), now});
                continue;
            }
            wait.place_ = asked_.size();
            asked_.push_back(&wait);
            costs_.push_back(wait.cost_);
        }
        return !asked_.empty();
    }

    KeyQueues& queues_;
    redis::Client* client_ = nullptr;
    Duration timeout_{};
    const CountedLimit* limit_ = nullptr;
    std::string key_;
    IntrusiveList<CountedWait, CountedWait> gathering_;
    std::vector<CountedWait*> asked_;  // by place; null for those that have left
    std::vector<uint64_t> costs_;      // of the command
    RedisDecisions decisions_;
    io::Root asking_;
};

CountedWait::CountedWait(io::Loop& loop, KeyQueue& queue, uint64_t cost) : loop_(loop), queue_(&queue), cost_(cost), since_(loop.now()) {
    queue.join(*this);
}

CountedWait::~CountedWait() {
    if (queue_ != nullptr) queue_->leave(*this);
}

void CountedWait::settle(Counted&& counted) {
    queue_ = nullptr;
    counted_ = std::move(counted);
    loop_.defer(*this);
}

KeyQueues::KeyQueues(io::Loop& loop, HashKey seed) : loop_(loop), hash_{seed} {}

KeyQueues::~KeyQueues() = default;

CountedWait KeyQueues::count(redis::Client& client, Duration timeout, const CountedLimit& limit, std::string_view key, uint64_t cost) {
    const size_t at = hash_(key) % kBuckets;
    std::unique_ptr<KeyQueue>& bucket = buckets_[at];
    KeyQueue* queue = bucket.get();
    while (queue != nullptr && !queue->is_of(limit, key)) queue = queue->next.get();
    if (queue == nullptr) {
        std::unique_ptr<KeyQueue> fresh;
        if (spare_.empty()) {
            fresh = std::make_unique<KeyQueue>(*this);
        } else {
            fresh = std::move(spare_.back());
            spare_.pop_back();
        }
        queue = fresh.get();
        queue->open(client, timeout, limit, key, at);
        queue->next = std::exchange(bucket, std::move(fresh));
    }
    // None of them runs now: those beyond what is kept may go.
    while (spare_.size() > kMostSpare) spare_.pop_back();
    return {loop_, *queue, cost};
}

// Called from inside the queue: it is kept, not destroyed.
void KeyQueues::retire(KeyQueue& queue) {
    std::unique_ptr<KeyQueue>* link = &buckets_[queue.bucket];
    while (link->get() != &queue) link = &(*link)->next;
    std::unique_ptr<KeyQueue> retired = std::move(*link);
    *link = std::move(retired->next);
    spare_.push_back(std::move(retired));
}

}  // namespace portico::policy::rate_limit
