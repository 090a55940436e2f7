#include "redis/node.h"

#include <algorithm>
#include <utility>

#include "redis/rehearsal.h"

namespace portico::redis {
namespace {

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

}  // namespace

Node::Node(Store& store, Owner& owner, HostPort where, uint64_t seed)
    : store_(store),
      owner_(owner),
      where_(std::move(where)),
      breaker_(store.options.failures),
      backoff_(store.options.first_backoff, store.options.most_backoff, seed),
      pace_(store.options.max_in_flight, store.options.timeout) {}

Node::~Node() {
    session_.cancel();
    writing_.cancel();
    const auto abandon = [](Call& call) {
        call.node_ = nullptr;
        call.stop_waiting();
    };
    while (Call* call = unsent_.pop_front()) abandon(*call);
    for (Sent& sent : sent_) {
        if (sent.call != nullptr) abandon(*sent.call);
    }
}

State Node::state() const {
    if (breaker_.open()) return State::open;
    if (phase_ == Phase::ready) return State::connected;
    return phase_ == Phase::idle ? State::idle : State::connecting;
}

Result<void> Node::submit(Call& call) {
    if (phase_ == Phase::waiting) return fail(not_served("not connected"));
    if (breaker_.open() && !call.trial_) {
        if (!trial_ || call.pinned_ != nullptr) return fail(not_served("given up"));
        trial_ = false;
        call.trial_ = true;
    }
    if (pending() >= store_.options.max_pending || unsent_bytes_ + call.size_ > store_.options.max_pending_bytes) {
        // Of a server that cannot be reached, the failure is the server's.
        return fail(phase_ == Phase::ready ? Fault::store_overload : Fault::store_unavailable, "too many commands are pending");
    }
    call.node_ = this;
    // Once connected, it is sent at the end of this turn, and its time begins then.
    call.since_ = phase_ == Phase::ready ? store_.loop.now() : store_.loop.precise_now();
    unsent_.push_back(call);
    ++unsent_count_;
    unsent_bytes_ += call.size_;
    if (phase_ == Phase::ready) wake();
    else connect();
    return {};
}

void Node::forget(Call& call) {
    ListHook<Call>& hook = call;
    if (hook.linked()) {
        hook.unlink();
        --unsent_count_;
        unsent_bytes_ -= call.size_;
    } else {
        const size_t at = call.number_ - first_sent_;
        sent_[at].call = nullptr;
        if (call.is_marked() && !call.held_) sent_[at + 1].call = nullptr;
    }
    call.node_ = nullptr;
}

// At the end of a turn: everything that was asked for in it goes out together.
void Node::on_deferred() {
    if (ended_) return session_ended();
    if (breaker_.open()) fail_unsent(not_served("given up"));
    if (phase_ == Phase::ready && has_output() && !writing_.running()) writing_.start(write_out(), nullptr);
}

Result<void> Node::take_replies() {
    for (;;) {
        Reply reply;
        Result<bool> whole = wire_->next(reply);
        if (!whole) return fail(std::move(whole).error());
        if (!*whole) return {};
        if (auto r = deliver(std::move(reply)); !r) return r;
    }
}

Result<void> Node::deliver(Reply&& reply) {
    if (reply.value().kind() == Kind::push) return {};
    if (sent_.empty()) return fail(Fault::store_protocol, "a reply that nobody asked for");
    const Sent sent = sent_.front();
    sent_.pop_front();
    ++first_sent_;
    sent_work_ -= sent.work;
    if (sent.work > 0) pace_.replied(sent.work, heard_ - sent.at, heard_);
    switch (sent.purpose) {
        case Purpose::asking: return {};
        case Purpose::ping: on_pong(reply, first_sent_ - 1); return {};
        case Purpose::mark:
            if (sent.call == nullptr) return {};
            return deliver_held(*sent.call, reply);
        case Purpose::call: break;
    }
    if (sent.call == nullptr) {
        ++store_.counters.late;
        heard_late();
        return {};
    }
    if (sent.call->is_marked()) return hold(*sent.call, std::move(reply));
    sent.call->node_ = nullptr;
    return owner_.on_reply(*this, *sent.call, std::move(reply));
}

// Its mark comes next. An error executed nothing, and needs no proof: at worst a command fails that would not have.
Result<void> Node::hold(Call& call, Reply&& reply) {
    if (reply.is_error()) {
        sent_.front().call = nullptr;
        call.node_ = nullptr;
        return owner_.on_reply(*this, call, std::move(reply));
    }
    call.held_ = std::move(reply);
    ++call.number_;
    return {};
}

Result<void> Node::deliver_held(Call& call, const Reply& mark) {
    call.node_ = nullptr;
    if (call.is_mark(mark)) return owner_.on_reply(*this, call, std::move(*call.held_));
    const Error error(Fault::store_protocol, "a reply that is not this command's");
    call.finish(fail(error));
    return fail(error);
}

io::Task<void> Node::write_out() {
    while (has_output()) {
        const uint64_t first = first_sent_ + sent_.size();
        fill();
        ++store_.counters.writes;
        const io::IoResult sent = co_await wire_->stream().write(out_);
        if (!sent.ok()) {
            lose(stream_error("write", sent));
            co_return;
        }
        written(first);
    }
    out_.release();
}

void Node::fill() {
    const size_t wanted = unsent_bytes_ + kPing.size();
    const uint32_t capacity = wanted <= io::kSmallBuffer ? io::kSmallBuffer : io::kLargeBuffer;
    if (out_.capacity() < capacity) out_.release();
    out_.ensure(store_.loop.buffers(), capacity);
    if (std::exchange(ping_wanted_, false)) {
        out_.append(kPing);
        probe_ = first_sent_ + sent_.size();
        sent_.push_back({nullptr, Purpose::ping, 0, {}});
    }
    const Time now = store_.loop.precise_now();
    if (sent_work_ == 0 && now - heard_ >= Pace::kRest) pace_.rested();
    while (!unsent_.empty() && unsent_.front().size_ <= out_.room() && may_send_first()) {
        Call& call = *unsent_.pop_front();
        --unsent_count_;
        unsent_bytes_ -= call.size_;
        if (call.asking_) sent_.push_back({nullptr, Purpose::asking, 0, {}});
        call.since_ = now;
        call.number_ = first_sent_ + sent_.size();
        sent_.push_back({&call, Purpose::call, call.work_, now});
        sent_work_ += call.work_;
        if (call.is_marked()) sent_.push_back({&call, Purpose::mark, 0, {}});
        call.encode(out_.tail());
        out_.commit(static_cast<uint32_t>(call.size_));
    }
    pace_.sent(!unsent_.empty());
}

// After a read. What a busy loop has not read yet is no work that the server has to do.
void Node::adapt_pace() {
    if (sent_.empty()) return pace_.answered_all();
    const Sent& oldest = sent_.front();
    if (oldest.work > 0 && pace_.is_slow(oldest.at, heard_) && unread() == 0) pace_.slow_down(heard_);
}

// The server has what was written: from here on its time runs.
void Node::written(uint64_t first) {
    written_ = store_.loop.precise_now();
    if (probing_ && probe_ >= first && probe_ != kNotSent) set(store_.loop.timers(), written_ + store_.options.timeout);
    // A reply may have been quicker than the news of the write.
    for (uint64_t number = std::max(first, first_sent_); number < first_sent_ + sent_.size(); ++number) {
        Call* const call = sent_[number - first_sent_].call;
        if (call == nullptr) continue;
        call->since_ = written_;
        call->set(store_.loop.timers(), written_ + call->timeout_);
    }
}

// Until when a call may wait. One that waits for its turn may do so as long as the server takes and answers others, within bounds.
Time Node::patience(const Call& call) const {
    const ListHook<Call>& hook = call;
    if (!hook.linked() || phase_ != Phase::ready) return call.since_ + call.timeout_;
    const Time moved = std::max({call.since_, heard_, written_});
    return std::min(moved + call.timeout_, std::max(call.since_ + store_.options.longest_queue, call.since_ + call.timeout_));
}

bool Node::has_more_time(Call& call) {
    const Time until = patience(call);
    if (until <= store_.loop.now()) return false;
    call.set(store_.loop.timers(), until);
    return true;
}

Error Node::out_of_time(const Call& call) const {
    const ListHook<Call>& hook = call;
    const bool moves = std::max(heard_, written_) + call.timeout_ > store_.loop.now();
    if (hook.linked() && phase_ == Phase::ready && moves) return {Fault::store_overload, "too many commands stood before it"};
    return Error(Fault::store_timeout);
}

}  // namespace portico::redis
