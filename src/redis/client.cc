#include "redis/client.h"

#include <algorithm>
#include <array>

#include "redis/cluster.h"
#include "redis/rehearsal.h"
#include "redis/sentinel.h"

namespace portico::redis {
namespace {

constexpr uint8_t kMaxRedirects = 5;
constexpr uint8_t kMaxReloads = 3;

// An error about what one key holds, or about where its slot is just now. Of the server it says neither good nor bad: one key must
// not open the breaker for all the others.
bool is_about_one_key(std::string_view error) {
    constexpr std::string_view kCodes[] = {"TRYAGAIN", "CROSSSLOT"};
    // Within a script, Redis 6 puts words of its own before it.
    return error.find("WRONGTYPE") != std::string_view::npos ||
           std::ranges::any_of(kCodes, [&](std::string_view code) { return error.starts_with(code); });
}

}  // namespace

Result<std::unique_ptr<Client>> Client::make(io::Loop& loop, Url url, Options options) {
    if (url.tls && !options.transport) return fail(Fault::store_unavailable, "TLS was asked for, but there is no transport for it");
    return std::unique_ptr<Client>(new Client(loop, std::move(url), std::move(options)));
}

Client::Client(io::Loop& loop, Url url, Options options) : store_{loop, std::move(url), std::move(options)} {
    Node::Owner& owner = *this;
    if (store_.url.topology == Topology::cluster) {
        cluster_ = std::make_unique<Cluster>(*this, store_, owner);
        return;
    }
    node_ = std::make_unique<Node>(store_, owner, store_.url.hosts.front(), store_.options.seed);
    if (store_.url.topology == Topology::sentinel) {
        sentinels_ = std::make_unique<SentinelWatch>(
            store_, [this] { node_->lose({Fault::store_unavailable, "the sentinels have another master"}); });
    }
}

Client::~Client() = default;

void Client::connect() {
    if (cluster_) cluster_->refresh();
    else node_->connect();
}

std::unique_ptr<Rehearsal> Client::rehearsal_of(Node& node, const Call& call) { return Rehearsal::of(*this, node, call); }

bool Client::begin(Call& call) {
    ++store_.counters.commands;
    Result<Node*> node = route(call);
    Result<void> taken = node ? submit(call, **node) : fail(std::move(node).error());
    if (taken) return true;
    ++(taken.error().fault == Fault::store_overload ? store_.counters.overloads : store_.counters.refused);
    call.result_ = fail(std::move(taken).error());
    return false;
}

Result<Node*> Client::route(const Call& call) {
    if (call.pinned_ != nullptr) return call.pinned_;
    if (!cluster_) return node_.get();
    if (call.script_ != nullptr && call.keys_.empty()) return fail(Fault::internal, "a script without a key has no place in a cluster");
    const std::string_view key = call.key();
    if (call.script_ == nullptr && call.arguments_.size() < 2) return &cluster_->any();
    const uint16_t slot = slot_of(key);
    for (std::string_view other : call.keys_) {
        if (slot_of(other) != slot) return fail(Fault::internal, "the keys of a script stand in different slots");
    }
    return &cluster_->holder(slot);
}

Result<void> Client::submit(Call& call, Node& node) {
    call.size_ = call.measure();
    if (call.size_ > kMaxCommand) return fail(Fault::internal, "a command is too long for a store");
    return node.submit(call);
}

// It may be early: the timer was set when the command was asked for.
void Client::on_timer(Call& call) {
    if (call.node_->has_more_time(call)) return;
    call.late_ = false;
    store_.loop.defer_to_next(call);
}

// At the end of the timer's own turn, then of the next one, and of as many as it takes until what had come by then is read: a busy
// loop takes in so many events in a turn, and a burst of clients must not make a server late that is not.
void Client::on_overdue(Call& call) {
    Node* const node = call.node_;
    if (node == nullptr || node->has_more_time(call)) return;
    const size_t unread = node->unread();
    if (!std::exchange(call.late_, true)) {
        call.read_by_ = node->bytes_read() + unread;
        return store_.loop.defer_to_next(call);
    }
    const bool unheard = unread > 0 && node->bytes_read() < call.read_by_;
    if (unheard && store_.loop.now() < call.since_ + call.timeout_ + store_.options.silence) return store_.loop.defer_to_next(call);
    Error why = unheard ? Error(Fault::store_overload, "this worker had no time to read its reply") : node->out_of_time(call);
    forget(call);
    if (why.fault == Fault::store_timeout) node->on_timeout();
    else if (why.fault == Fault::store_overload) ++store_.counters.overloads;
    call.finish_as_one_of_many(fail(std::move(why)));
}

void Client::forget(Call& call) {
    if (call.node_ != nullptr) call.node_->forget(call);
    if (call.form_ == Call::Form::text) std::erase(loaders_, &call);
}

Result<void> Client::on_reply(Node& node, Call& call, Reply&& reply) {
    if (call.form_ == Call::Form::text) std::erase(loaders_, &call);
    if (reply.is_error()) {
        on_error_reply(node, call, reply.value().text());
        return {};
    }
    if (!call.fits(reply)) {
        // Replies belong to commands by their order alone: after one that is not its command's, no other can be trusted.
        const Error error(Fault::store_protocol, "a reply that is not this command's");
        call.finish(fail(error));
        return fail(error);
    }
    // That it knows its cluster says nothing of the work that it is there for.
    if (call.pinned_ == nullptr || call.trial_) node.succeeded();
    call.finish(std::move(reply));
    return {};
}

void Client::on_error_reply(Node& node, Call& call, std::string_view text) {
    if (text.starts_with("NOSCRIPT") && call.script_ != nullptr && ++call.reloads_ <= kMaxReloads) return reload(node, call);
    const bool moved = text.starts_with("MOVED "), ask = text.starts_with("ASK ");
    if (cluster_ && (moved || ask)) return redirect(node, call, text, ask);
    if (!is_about_one_key(text)) {
        ++store_.counters.errors;
        node.refused(call, text);
    }
    if (cluster_ && (text.starts_with("CLUSTERDOWN") || text.starts_with("READONLY"))) cluster_->refresh();
    call.finish(fail(Fault::store_unavailable, text));
}

// The first to learn that the server lacks a script takes the text along; those behind it find it there.
void Client::reload(Node& node, Call& call) {
    const bool loading = std::ranges::any_of(loaders_, [&](const Call* other) {
        return other->script_ == call.script_ && other->node_ == &node;
    });
    call.form_ = loading ? Call::Form::digest : Call::Form::text;
    if (auto taken = submit(call, node); !taken) return call.finish(fail(std::move(taken).error()));
    if (loading) return;
    ++store_.counters.reloads;
    loaders_.push_back(&call);
}

// A command that was answered so was not executed. One that asks how this very server does has learnt nothing.
void Client::redirect(Node& node, Call& call, std::string_view why, bool ask) {
    if (call.pinned_ != nullptr) {
        node.let_a_command_try();
        return call.finish(fail(Fault::store_unavailable, why));
    }
    const auto redirect = Redirect::parse(why, node.where());
    if (!redirect) return call.finish(fail(Fault::store_protocol, why));
    if (++call.redirects_ > kMaxRedirects) return call.finish(fail(Fault::store_unavailable, why));
    Result<Node*> to = cluster_->at(redirect->to);
    if (!to) return call.finish(fail(std::move(to).error()));
    if (!ask) {
        cluster_->moved(redirect->slot, **to);
        cluster_->refresh();
    }
    ++store_.counters.redirects;
    call.asking_ = ask;
    call.trial_ = call.trial_ && *to == &node;
    if (auto taken = submit(call, **to); !taken) call.finish(fail(std::move(taken).error()));
}

io::Task<Result<std::unique_ptr<io::Stream>>> Client::dial(Node& node, Time deadline) {
    if (sentinels_) return sentinels_->dial_master(deadline);
    return redis::dial(store_, node.where(), deadline);
}

void Client::on_node_lost(Node& node) {
    if (cluster_) cluster_->lost(node);
}

void Client::on_node_state(Node& node) {
    const State state = cluster_ ? cluster_->state() : node.state();
    if (state == std::exchange(state_, state)) return;
    if (store_.options.on_state) store_.options.on_state(state);
}

}  // namespace portico::redis
