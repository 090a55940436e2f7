#include "redis/client.h"

#include <algorithm>
#include <array>

#include "redis/cluster.h"
#include "redis/sentinel.h"

namespace portico::redis {
namespace {

constexpr uint8_t kMaxRedirects = 5;
constexpr uint8_t kMaxReloads = 3;

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

bool Client::begin(Call& call) {
    ++store_.counters.commands;
    Result<Node*> node = route(call);
    Result<void> taken = node ? submit(call, **node) : fail(std::move(node).error());
    if (taken) return true;
    ++store_.counters.refused;
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
    if (call.size_ > kMaxCommand) return fail(Fault::store_unavailable, "a command is too long");
    return node.submit(call);
}

void Client::on_deadline(Call& call) {
    Node* const node = call.node_;
    forget(call);
    if (node != nullptr) node->on_timeout();
    call.finish(fail(Fault::store_timeout));
}

void Client::forget(Call& call) {
    if (call.node_ != nullptr) call.node_->forget(call);
    if (call.form_ == Call::Form::text) std::erase(loaders_, &call);
}

void Client::on_reply(Node& node, Call& call, Reply&& reply) {
    if (call.form_ == Call::Form::text) std::erase(loaders_, &call);
    if (!reply.is_error()) return call.finish(std::move(reply));
    const std::string_view text = reply.value().text();
    if (text.starts_with("NOSCRIPT") && call.script_ != nullptr) return reload(node, call, text);
    const bool moved = text.starts_with("MOVED "), ask = text.starts_with("ASK ");
    if (cluster_ && (moved || ask)) return redirect(node, call, text, ask);
    // A master that became a replica: whoever is master now is found by connecting anew.
    if (text.starts_with("READONLY")) node.lose({Fault::store_unavailable, text});
    if (cluster_ && (text.starts_with("CLUSTERDOWN") || text.starts_with("READONLY"))) cluster_->refresh();
    call.finish(fail(Fault::store_unavailable, text));
}

// The first to learn that the server lacks a script takes the text along; those behind it find it there.
void Client::reload(Node& node, Call& call, std::string_view why) {
    if (++call.reloads_ > kMaxReloads) return call.finish(fail(Fault::store_unavailable, why));
    const bool loading = std::ranges::any_of(loaders_, [&](const Call* other) {
        return other->script_ == call.script_ && other->node_ == &node;
    });
    call.form_ = loading ? Call::Form::digest : Call::Form::text;
    if (auto taken = submit(call, node); !taken) return call.finish(fail(std::move(taken).error()));
    if (loading) return;
    ++store_.counters.reloads;
    loaders_.push_back(&call);
}

// A command that was answered so was not executed.
void Client::redirect(Node& node, Call& call, std::string_view why, bool ask) {
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
