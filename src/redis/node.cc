#include "redis/node.h"

#include <algorithm>
#include <utility>

namespace portico::redis {
namespace {

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

// An error that says nothing against the server: it is there, and does its work.
bool serves(std::string_view error) {
    constexpr std::string_view kOutOfService[] = {"LOADING", "MASTERDOWN", "READONLY", "CLUSTERDOWN"};
    return std::ranges::none_of(kOutOfService, [&](std::string_view code) { return error.starts_with(code); });
}

}  // namespace

Node::Node(Store& store, Owner& owner, HostPort where, uint64_t seed)
    : store_(store),
      owner_(owner),
      where_(std::move(where)),
      breaker_(store.options.failures),
      backoff_(store.options.first_backoff, store.options.most_backoff, seed) {}

Node::~Node() {
    session_.cancel();
    writing_.cancel();
    const auto abandon = [](Call& call) {
        call.node_ = nullptr;
        call.cancel();
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
    if (breaker_.open()) return fail(Fault::store_unavailable, "breaker open");
    if (phase_ == Phase::waiting) return fail(Fault::store_unavailable, "not connected");
    if (pending() >= store_.options.max_pending || unsent_bytes_ + call.size_ > store_.options.max_pending_bytes) {
        return fail(Fault::store_unavailable, "too many commands are pending");
    }
    call.node_ = this;
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
        sent_[call.number_ - first_sent_].call = nullptr;
    }
    call.node_ = nullptr;
}

void Node::connect() {
    if (phase_ != Phase::idle) return;
    phase_ = Phase::connecting;
    owner_.on_node_state(*this);
    session_.start(session(), this);
}

void Node::lose(Error error) {
    if (phase_ == Phase::idle || phase_ == Phase::waiting || ended_) return;
    ended_ = std::move(error);
    wake();
}

void Node::on_root_done() {
    if (!ended_) ended_.emplace(Fault::store_unavailable, "the connection ended");
    wake();
}

// At the end of a turn: everything that was asked for in it goes out together.
void Node::on_deferred() {
    if (ended_) return session_ended();
    if (phase_ == Phase::ready && has_output() && !writing_.running()) writing_.start(write_out(), nullptr);
}

io::Task<void> Node::session() {
    const Time deadline = store_.loop.now() + store_.options.connect_timeout;
    Result<std::unique_ptr<io::Stream>> stream = co_await owner_.dial(*this, deadline);
    if (!stream) {
        ended_ = std::move(stream).error();
        co_return;
    }
    wire_ = std::make_unique<Wire>(store_.loop, std::move(*stream));
    wire_->until(deadline);
    Result<void> greeted = co_await greet();
    if (!greeted) {
        ended_ = std::move(greeted).error();
        co_return;
    }
    wire_->until(io::Timer::kNever);
    phase_ = Phase::ready;
    heard_ = ready_since_ = store_.loop.now();
    ++store_.counters.connects;
    owner_.on_node_state(*this);
    if (breaker_.open()) probe();
    wake();
    for (;;) {
        Result<void> taken = take_replies();
        if (!taken) {
            ended_ = std::move(taken).error();
            co_return;
        }
        const io::IoResult got = co_await wire_->stream().read(wire_->in());
        if (got.value <= 0) {
            ended_ = stream_error("read", got);
            co_return;
        }
        heard_ = store_.loop.now();
    }
}

io::Task<Result<void>> Node::greet() {
    const Url& url = store_.url;
    std::string hello;
    const std::string database = std::to_string(url.database);
    const bool has_password = !url.password.empty(), selects = url.database != 0;
    const bool wants_master = url.topology == Topology::sentinel;
    if (has_password && url.user.empty()) append_command(hello, std::array<std::string_view, 2>{"AUTH", url.password});
    if (has_password && !url.user.empty()) append_command(hello, std::array<std::string_view, 3>{"AUTH", url.user, url.password});
    if (selects) append_command(hello, std::array<std::string_view, 2>{"SELECT", database});
    if (wants_master) append_command(hello, std::array<std::string_view, 1>{"ROLE"});
    append_command(hello, std::array<std::string_view, 3>{"CLIENT", "SETNAME", store_.options.name});

    Result<void> sent = co_await wire_->send(std::move(hello));
    if (!sent) co_return fail(std::move(sent).error());
    for (const auto& [asked, what] : {std::pair{has_password, "AUTH"}, {selects, "SELECT"}, {wants_master, "ROLE"}}) {
        if (!asked) continue;
        Result<Reply> reply = co_await wire_->receive();
        if (!reply) co_return fail(std::move(reply).error());
        const Value value = reply->value();
        if (value.is_error()) {
            // Its first word only: a server that does not know AUTH repeats the words that it got.
            const std::string_view code = value.text().substr(0, value.text().find(' '));
            co_return fail(Fault::store_unavailable, std::string(what) + " refused: " + std::string(code));
        }
        if (value.is_array() && value[0].text() != "master") {
            co_return fail(Fault::store_unavailable, wire_->stream().peer().text() + " is not a master");
        }
    }
    // A name is a courtesy: an account that may not give one is served all the same.
    Result<Reply> named = co_await wire_->receive();
    if (!named) co_return fail(std::move(named).error());
    co_return Result<void>();
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
    switch (sent.purpose) {
        case Purpose::asking: return {};
        case Purpose::ping:
            if (probing_ && probe_ == first_sent_ - 1) succeeded();
            else heard_late();
            return {};
        case Purpose::call: break;
    }
    if (sent.call == nullptr) {
        ++store_.counters.late;
        heard_late();
        return {};
    }
    sent.call->node_ = nullptr;
    if (!reply.is_error() || serves(reply.value().text())) {
        succeeded();
        backoff_.reset();
    }
    owner_.on_reply(*this, *sent.call, std::move(reply));
    return {};
}

io::Task<void> Node::write_out() {
    while (has_output()) {
        fill();
        ++store_.counters.writes;
        const io::IoResult sent = co_await wire_->stream().write(out_);
        if (!sent.ok()) {
            lose(stream_error("write", sent));
            co_return;
        }
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
        sent_.push_back({nullptr, Purpose::ping});
    }
    while (!unsent_.empty() && unsent_.front().size_ <= out_.room()) {
        Call& call = *unsent_.pop_front();
        --unsent_count_;
        unsent_bytes_ -= call.size_;
        if (call.asking_) sent_.push_back({nullptr, Purpose::asking});
        call.number_ = first_sent_ + sent_.size();
        sent_.push_back({&call, Purpose::call});
        call.encode(out_.tail());
        out_.commit(static_cast<uint32_t>(call.size_));
    }
}

void Node::session_ended() {
    Error error = *std::exchange(ended_, std::nullopt);
    session_.cancel();
    writing_.cancel();
    wire_.reset();
    out_.release();
    ping_wanted_ = probing_ = false;
    ++store_.counters.failures;
    store_.last_failure = error.context;
    const bool was_ready = phase_ == Phase::ready;
    // One that was closed while it rested says nothing against the server.
    const bool rested = was_ready && sent_.empty() && store_.loop.now() - ready_since_ >= store_.options.most_backoff;
    if (rested) backoff_.reset();
    // One that worked is made anew at once, but only once: what breaks again and again has to wait.
    const bool at_once = was_ready && backoff_.fresh();
    phase_ = Phase::waiting;
    if (!rested) failed();
    const Duration delay = backoff_.next();
    set(store_.loop.timers(), store_.loop.now() + delay);
    if (at_once && !breaker_.open()) {
        cancel();
        phase_ = Phase::idle;
        connect();
    }
    owner_.on_node_state(*this);
    owner_.on_node_lost(*this);
    fail_pending(std::move(error));
}

// What was sent may have been executed: it fails. What was not may still go out on a new connection.
void Node::fail_pending(Error error) {
    if (error.fault != Fault::store_protocol) error.fault = Fault::store_unavailable;
    while (!sent_.empty()) {
        Call* const call = sent_.front().call;
        sent_.pop_front();
        ++first_sent_;
        if (call == nullptr) continue;
        call->node_ = nullptr;
        call->finish(fail(error));
    }
    while (phase_ == Phase::waiting && !unsent_.empty()) {
        Call& call = unsent_.front();
        forget(call);
        call.finish(fail(error));
    }
}

void Node::on_timeout() {
    ++store_.counters.timeouts;
    failed();
}

void Node::failed() {
    if (!breaker_.failed()) return;
    ++store_.counters.opened;
    heard_ = store_.loop.now();
    if (phase_ == Phase::ready) set(store_.loop.timers(), store_.loop.now() + backoff_.next());
    owner_.on_node_state(*this);
    owner_.on_node_lost(*this);
}

void Node::succeeded() {
    if (!breaker_.succeeded()) return;
    cancel();
    probing_ = false;
    owner_.on_node_state(*this);
}

void Node::probe() {
    probing_ = ping_wanted_ = true;
    probe_ = kNotSent;
    probed_ = store_.loop.now();
    ++store_.counters.probes;
    set(store_.loop.timers(), store_.loop.now() + store_.options.timeout);
    wake();
}

// It speaks again, after a pause: no need to wait for the next probe's turn.
void Node::heard_late() {
    if (breaker_.open() && !probing_ && store_.loop.now() - probed_ >= store_.options.first_backoff) probe();
}

void Node::on_timer() {
    if (phase_ == Phase::waiting) {
        phase_ = Phase::idle;
        return connect();
    }
    if (phase_ != Phase::ready || !breaker_.open()) return;
    if (!probing_) return probe();
    probing_ = false;
    if (store_.loop.now() - heard_ >= store_.options.silence) return lose({Fault::store_timeout, "no answer to probes"});
    set(store_.loop.timers(), store_.loop.now() + backoff_.next());
}

}  // namespace portico::redis
