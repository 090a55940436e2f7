#include "policy/rate_limit/key_queue.h"

#include <algorithm>
#include <utility>

namespace portico::policy::rate_limit {

// One command on its way: of one key of one limit, for those who waited when it was sent.
class KeyCommand final : private io::Root::Owner {
  public:
    ~KeyCommand() { forget(); }

    void add(CountedWait& wait) {
        wait.command_ = this;
        wait.place_ = asked_.size();
        asked_.push_back(&wait);
        costs_.push_back(wait.cost_);
    }
    size_t requests() const { return costs_.size(); }
    bool stands_in_line() const { return call_ != nullptr && call_->stands_in_line(); }
    void send(KeyQueue& of) {
        of_ = &of;
        asking_.start(ask(), this);
    }
    void leave(const CountedWait& wait) { asked_[wait.place_] = nullptr; }
    // Nobody waits for it any more.
    void forget() {
        for (CountedWait* wait : asked_) {
            if (wait != nullptr) wait->command_ = nullptr;
        }
        asked_.clear();
        costs_.clear();
    }

  private:
    io::Task<void> ask();
    void on_root_done() override;

    KeyQueue* of_ = nullptr;
    std::vector<CountedWait*> asked_;  // by place; null for those that have left
    std::vector<uint64_t> costs_;
    RedisDecisions decisions_;
    const redis::Call* call_ = nullptr;  // while it is awaited
    io::Root asking_;
};

// One key of one limit: who gathers, and what is being asked for it.
class KeyQueue final : private io::Deferred {
  public:
    explicit KeyQueue(KeyQueues& queues) : queues_(queues) {}
    ~KeyQueue() {
        while (gathering_.pop_front() != nullptr) {
        }
    }

    void open(redis::Client& client, Duration timeout, const CountedLimit& limit, std::string_view key, size_t in_bucket) {
        bucket = in_bucket;
        client_ = &client;
        timeout_ = timeout;
        limit_ = &limit;
        key_ = key;
        // No more than this worker's share: a command of more would go alone, and with those of many workers make the server late.
        const size_t share = std::max<size_t>(client.most_work() / work_of(limit.limit), 1);
        most_asked_ = std::min(most_asked_at_once(limit.limit), share);
    }
    bool is_of(const CountedLimit& limit, std::string_view key) const { return limit_ == &limit && key_ == key; }

    void join(CountedWait& wait) {
        gathering_.push_back(wait);
        wake();
    }

    std::unique_ptr<KeyQueue> next;  // in its bucket
    size_t bucket = 0;

  private:
    friend class KeyCommand;

    // Whether who gathers is asked for now.
    bool may_ask() const {
        if (commands_.empty()) return true;
        // Behind one that its server was not given yet another would only make the line longer.
        return asked_ < most_asked_ && commands_.size() < kMostCommandsOfAKey && !commands_.back()->stands_in_line();
    }
    // The first one of a turn waits for its end, and so is joined by the others of that turn.
    void wake() {
        if (due_ || !may_ask()) return;
        due_ = true;
        queues_.loop_.defer(*this);
    }
    void on_deferred() override {
        due_ = false;
        std::unique_ptr<KeyCommand> command = take();
        if (command == nullptr) return rest();
        asked_ += command->requests();
        commands_.push_back(std::move(command));
        commands_.back()->send(*this);
    }
    // @returns what is asked next for those who wait; nullptr when nobody does
    std::unique_ptr<KeyCommand> take() {
        std::unique_ptr<KeyCommand> command;
        const Time now = queues_.loop_.now();
        for (size_t room = most_asked_ - asked_; room > 0 && !gathering_.empty();) {
            CountedWait& wait = *gathering_.pop_front();
            if (now - wait.since_ > client_->longest_queue()) {
                client_->gave_up_waiting();
                wait.settle({fail(Fault::store_overload, "too many requests of its key stood before it"), now});
                continue;
            }
            if (command == nullptr) command = queues_.spare_commands_.take();
            command->add(wait);
            --room;
        }
        return command;
    }
    // Called from inside the command: it is kept, not destroyed.
    void ended(KeyCommand& command) {
        asked_ -= command.requests();
        command.forget();
        const auto at = std::ranges::find(commands_, &command, &std::unique_ptr<KeyCommand>::get);
        queues_.spare_commands_.give_back(std::move(*at));
        commands_.erase(at);
        if (!gathering_.empty()) return wake();
        rest();
    }
    void rest() {
        if (commands_.empty() && gathering_.empty() && !due_) queues_.retire(*this);
    }

    KeyQueues& queues_;
    redis::Client* client_ = nullptr;
    Duration timeout_{};
    const CountedLimit* limit_ = nullptr;
    std::string key_;
    size_t most_asked_ = 0;  // requests
    IntrusiveList<CountedWait, CountedWait> gathering_;
    bool due_ = false;  // is looked after at the end of this turn
    std::vector<std::unique_ptr<KeyCommand>> commands_;  // on their way
    size_t asked_ = 0;                                   // their requests
};

io::Task<void> KeyCommand::ask() {
    const Limit& limit = of_->limit_->limit;
    const Time asked = of_->queues_.loop_.now();
    const RedisQuestion question(of_->limit_->form, of_->key_, costs_, of_->client_->next_mark());
    redis::Call call = of_->client_->eval(redis_counter(), question.keys(), question.arguments(), of_->timeout_,
                                          static_cast<uint32_t>(costs_.size() * work_of(limit)));
    call_ = &call;
    Result<redis::Reply> reply = co_await call;
    call_ = nullptr;
    Result<void> read = reply ? decisions_.read(limit, costs_.size(), reply->value()) : fail(std::move(reply).error());
    for (size_t i = 0; i < asked_.size(); ++i) {
        if (CountedWait* const wait = std::exchange(asked_[i], nullptr)) {
            wait->settle({read ? decisions_.decision(limit, i, costs_[i]) : fail(read.error()), asked});
        }
    }
}

void KeyCommand::on_root_done() { of_->ended(*this); }

CountedWait::CountedWait(io::Loop& loop, KeyQueue& queue, uint64_t cost) : loop_(loop), cost_(cost), since_(loop.now()) {
    queue.join(*this);
}

CountedWait::~CountedWait() {
    if (command_ != nullptr) command_->leave(*this);
}

void CountedWait::settle(Counted&& counted) {
    command_ = nullptr;
    counted_ = std::move(counted);
    loop_.defer_one_of_many(*this);
}

KeyQueues::KeyQueues(io::Loop& loop, HashKey seed) : loop_(loop), hash_{seed} {}

KeyQueues::~KeyQueues() = default;

CountedWait KeyQueues::count(redis::Client& client, Duration timeout, const CountedLimit& limit, std::string_view key, uint64_t cost) {
    const size_t at = hash_(key) % kBuckets;
    std::unique_ptr<KeyQueue>& bucket = buckets_[at];
    KeyQueue* queue = bucket.get();
    while (queue != nullptr && !queue->is_of(limit, key)) queue = queue->next.get();
    if (queue == nullptr) {
        std::unique_ptr<KeyQueue> fresh = spare_queues_.take(*this);
        queue = fresh.get();
        queue->open(client, timeout, limit, key, at);
        queue->next = std::exchange(bucket, std::move(fresh));
    }
    // None of them runs now.
    spare_queues_.trim();
    spare_commands_.trim();
    return {loop_, *queue, cost};
}

// Called from inside the queue: it is kept, not destroyed.
void KeyQueues::retire(KeyQueue& queue) {
    std::unique_ptr<KeyQueue>* link = &buckets_[queue.bucket];
    while (link->get() != &queue) link = &(*link)->next;
    std::unique_ptr<KeyQueue> retired = std::move(*link);
    *link = std::move(retired->next);
    spare_queues_.give_back(std::move(retired));
}

}  // namespace portico::policy::rate_limit
