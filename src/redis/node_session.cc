// A connection of a node from its making to its end.
#include <algorithm>
#include <array>
#include <utility>

#include "redis/node.h"

namespace portico::redis {

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

io::Task<void> Node::session() {
    const Time deadline = store_.loop.precise_now() + store_.options.connect_timeout;
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
        adapt_pace();
        // Replies make room for those that wait.
        if (has_output()) wake();
        const io::IoResult got = co_await wire_->stream().read(wire_->in());
        if (got.value <= 0) {
            ended_ = stream_error("read", got);
            co_return;
        }
        bytes_read_ += static_cast<uint64_t>(got.value);
        heard_ = store_.loop.precise_now();
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
            // A server that does not know AUTH repeats the words that it got: then only its first word is told.
            std::string words = reason_of(value.text());
            const bool repeats = (has_password && words.contains(url.password)) || words.starts_with("ERR unknown command");
            if (repeats) words.resize(std::min(words.find(' '), words.size()));
            co_return fail(Fault::store_unavailable, std::string(what) + " refused: " + words);
        }
        if (value.is_array() && value[0].text() != "master") {
            co_return fail(Fault::store_unavailable, wire_->stream().peer().text() + " is not a master");
        }
    }
    // A name is a courtesy: an account that may not give one is served all the same. One that has not signed in is not.
    Result<Reply> named = co_await wire_->receive();
    if (!named) co_return fail(std::move(named).error());
    if (named->is_error() && named->value().text().starts_with("NOAUTH")) {
        co_return fail(Fault::store_unavailable, reason_of(named->value().text()));
    }
    co_return Result<void>();
}

void Node::session_ended() {
    Error error = *std::exchange(ended_, std::nullopt);
    session_.cancel();
    writing_.cancel();
    wire_.reset();
    out_.release();
    ping_wanted_ = probing_ = trial_ = false;
    sent_work_ = 0;
    pace_ = Pace(store_.options.max_in_flight, store_.options.timeout);
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
        if (call == nullptr) {
            sent_.pop_front();
            ++first_sent_;
            continue;
        }
        forget(*call);
        call->finish_as_one_of_many(fail(error));
    }
    if (phase_ == Phase::waiting) fail_unsent(error);
}

// All but a trial, which is there to be sent.
void Node::fail_unsent(const Error& error) {
    for (size_t left = unsent_count_; left > 0 && !unsent_.empty(); --left) {
        Call& call = unsent_.front();
        if (call.trial_ && phase_ == Phase::ready) {
            unsent_.push_back(call);
            continue;
        }
        forget(call);
        call.finish_as_one_of_many(fail(error));
    }
}

}  // namespace portico::redis
