// When a node's server has failed, and how it is found again.
#include <algorithm>

#include "redis/node.h"
#include "redis/rehearsal.h"

namespace portico::redis {
namespace {

constexpr size_t kLongestReason = 200;

// What a script's command was refused with, where the server says it inside of its own words about the script (before Redis 7:
// "ERR Error running script (call to f_…): @user_script:9: @user_script: 9: -READONLY You can't write …").
std::string_view cause_of(std::string_view error) {
    const size_t script = error.find("@user_script");
    const size_t cause = script == std::string_view::npos ? script : error.find(": -", script);
    return cause == std::string_view::npos ? error : error.substr(cause + 3);
}

}  // namespace

std::string reason_of(std::string_view error) {
    error = cause_of(error);
    for (const std::string_view repeats : {", with args", ", args beginning", " script: ", ": @user_script"}) {
        error = error.substr(0, error.find(repeats));
    }
    std::string reason(error.substr(0, kLongestReason));
    std::ranges::replace_if(reason, [](char c) { return c < ' ' || c > '~'; }, '?');
    return reason;
}

Error Node::not_served(std::string_view what) const {
    const std::string& why = store_.last_failure;
    return {Fault::store_unavailable, std::string(what) + (why.empty() ? "" : ": " + why)};
}

void Node::on_timeout() {
    ++store_.counters.timeouts;
    // While there is no connection, why there is none is to be told, once that is known.
    if (phase_ == Phase::ready) store_.last_failure = "not answered in time";
    pace_.slow_down(store_.loop.now());
    failed();
}

void Node::refused(const Call& call, std::string_view why) {
    // A rehearsal's own refusal says nothing new.
    if (call.pinned_ == nullptr && (!refuses_ || rehearsal_ == nullptr)) rehearsal_ = owner_.rehearsal_of(*this, call);
    refuses_ = true;
    store_.last_failure = reason_of(why);
    // A master that became a replica: the one that is master now is found by connecting anew. This counts as a failure there.
    if (cause_of(why).starts_with("READONLY")) lose({Fault::store_unavailable, reason_of(why)});
    else failed();
}

void Node::failed() {
    if (!breaker_.failed()) return;
    ++store_.counters.opened;
    heard_ = store_.loop.now();
    if (phase_ == Phase::ready) probe_later();
    owner_.on_node_state(*this);
    owner_.on_node_lost(*this);
    wake();  // those that were not sent fail
}

void Node::succeeded() {
    refuses_ = false;
    backoff_.reset();
    close_breaker();
}

void Node::close_breaker() {
    if (!breaker_.succeeded()) return;
    cancel();
    probing_ = trial_ = false;
    store_.last_failure.clear();  // the next trouble has a cause of its own
    owner_.on_node_state(*this);
}

void Node::probe() {
    probing_ = ping_wanted_ = true;
    probe_ = kNotSent;
    probed_ = store_.loop.precise_now();
    ++store_.counters.probes;
    set(store_.loop.timers(), probed_ + store_.options.timeout);
    wake();
}

void Node::probe_later() { set(store_.loop.timers(), store_.loop.now() + backoff_.next()); }

// A server that is still loading, or wants a password, answers a probe with an error. One that does not let this account ask has
// answered all the same.
void Node::on_pong(const Reply& reply, uint64_t number) {
    if (!breaker_.open()) return;
    if (reply.is_error() && !reply.value().text().starts_with("NOPERM")) {
        probing_ = false;
        refuses_ = true;
        store_.last_failure = reason_of(reply.value().text());
        return probe_later();
    }
    if (!probing_ || probe_ != number) return heard_late();
    if (!refuses_) return close_breaker();
    // It is there, but when it last was asked for work it refused: only work shows whether it does it now.
    probing_ = false;
    probe_later();
    if (rehearsal_ != nullptr) rehearsal_->start();
    else trial_ = true;
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
    // Its answer may lie there: a burst of clients must not keep a server away that is back.
    if (unread() > 0) return set(store_.loop.timers(), store_.loop.now() + store_.options.timeout);
    probing_ = false;
    if (store_.loop.now() - heard_ >= store_.options.silence) return lose({Fault::store_timeout, "no answer to probes"});
    probe_later();
}

}  // namespace portico::redis
