#include "server/store_set.h"

#include <cerrno>
#include <cstring>

#include "io/tls_client.h"

namespace portico::server {
namespace {

using Dialled = Result<std::unique_ptr<io::Stream>>;

io::Task<Dialled> dial_secured(io::Loop& loop, std::shared_ptr<const io::TlsClient> tls, redis::Target target, Time deadline) {
    const std::string where = target.address.text();
    io::Loop::Connected plain = co_await loop.connect(target.address, deadline);
    if (plain.error == ETIMEDOUT) co_return fail(Fault::store_timeout, "connect to " + where + ": not answered in time", ETIMEDOUT);
    if (plain.stream == nullptr) {
        co_return fail(Fault::store_unavailable, "connect to " + where + ": " + std::strerror(plain.error), plain.error);
    }
    Dialled secured = co_await tls->handshake(loop, std::move(plain.stream), std::move(target.host), deadline);
    if (secured) co_return secured;
    const bool late = secured.error().fault == Fault::upstream_connect_timeout;
    // A server without TLS waits for the rest of a command that it does not know.
    const std::string why = late ? "not answered in time; does " + where + " speak TLS?" : secured.error().context;
    co_return fail(late ? Fault::store_timeout : Fault::store_unavailable, "TLS with " + where + ": " + why);
}

}  // namespace

StoreSet::Store StoreSet::make(const gateway::StoreRules& rules) {
    redis::Options options;
    options.timeout = rules.timeout;
    options.max_in_flight = static_cast<uint32_t>(std::max(kMostInFlight / workers_, kLeastInFlight));
    options.seed = context_.random.next();
    options.resolve = context_.resolve;
    if (rules.tls != nullptr) {
        options.transport = [&loop = context_.loop, tls = rules.tls](redis::Target target, Time deadline) {
            return dial_secured(loop, tls, std::move(target), deadline);
        };
    }
    Store store;
    store.rules = rules;
    if (auto client = redis::Client::make(context_.loop, rules.url, std::move(options))) {
        store.client = shared(std::move(*client));
        store.client->connect();
    }
    const observe::Labels labels = {{"store", rules.name}};
    auto& r = context_.registry;
    store.commands = r.counter("portico_store_commands_total", "Questions to a store.", labels);
    store.timeouts = r.counter("portico_store_timeouts_total", "Questions that a store did not answer in its timeout.", labels);
    store.failures = r.counter("portico_store_failures_total", "Connections to a store that broke or could not be made.", labels);
    store.refused = r.counter("portico_store_refused_total",
                              "Questions that were given up: the store is known to be out of reach, too many stood before them, or the worker "
                              "had no time for their answer.",
                              labels);
    store.errors = r.counter("portico_store_errors_total", "Answers by which a store refused its work: NOAUTH, OOM, READONLY, …", labels);
    store.connects = r.counter("portico_store_connects_total", "Connections made to a store.", labels);
    store.connected_cell = r.gauge("portico_store_connected", "Workers that are connected to the store.", labels);
    store.open_cell = r.gauge("portico_store_breaker_open", "Workers that have given the store up until it answers a probe.", labels);
    for (size_t i = 0; i < kStoreCauses.size(); ++i) {
        store.lost_cells[i] = r.gauge("portico_store_lost", "Workers that have lost the store, by the cause.",
                                      {{"store", rules.name}, {"cause", std::string(kStoreCauses[i])}});
    }
    return store;
}

std::shared_ptr<redis::Client> StoreSet::shared(std::unique_ptr<redis::Client> client) {
    return {client.release(), [gone = gone_](redis::Client* c) { gone->emplace_back(c); }};
}

std::vector<std::shared_ptr<redis::Client>> StoreSet::take(const gateway::Snapshot& snapshot) {
    publish();
    std::map<std::string, Store> kept;
    std::vector<std::shared_ptr<redis::Client>> clients;
    for (const gateway::StoreRules& rules : snapshot.stores) {
        if (rules.memory) {
            clients.push_back(nullptr);
            continue;
        }
        const auto known = stores_.find(rules.name);
        const bool same = known != stores_.end() && known->second.rules == rules;
        Store& store = kept.emplace(rules.name, same ? std::move(known->second) : make(rules)).first->second;
        if (same) stores_.erase(known);
        clients.push_back(store.client);
    }
    for (const auto& [name, gone] : stores_) forget(name, gone);
    stores_ = std::move(kept);
    return clients;
}

// A store that this worker uses no more.
void StoreSet::forget(const std::string& name, const Store& store) {
    if (store.connected) context_.shard.add(store.connected_cell, -1);
    if (store.open) context_.shard.add(store.open_cell, -1);
    if (!store.lost) return;
    context_.shard.add(store.lost_cells[store.lost_cause], -1);
    health_.forget(name);
}

void StoreSet::publish() {
    gone_->clear();
    for (auto& [name, store] : stores_) {
        if (store.client != nullptr) publish(name, store);
    }
}

void StoreSet::publish(const std::string& name, Store& store) {
    const redis::Counters& now = store.client->counters();
    const redis::State state = store.client->state();
    if (now.errors != store.shown.errors) {
        store.doubted_until = context_.loop.now() + kDoubt;
        set(context_.loop.timers(), store.doubted_until);
    }
    const auto bring = [&](observe::Counter cell, uint64_t& shown, uint64_t value) {
        if (value == shown) return;
        context_.shard.add(cell, value - shown);
        shown = value;
    };
    bring(store.commands, store.shown.commands, now.commands);
    bring(store.timeouts, store.shown.timeouts, now.timeouts);
    bring(store.failures, store.shown.failures, now.failures);
    bring(store.refused, store.shown.refused, now.refused + now.overloads);
    bring(store.connects, store.shown.connects, now.connects);
    bring(store.errors, store.shown.errors, now.errors);
    const auto flag = [&](observe::Gauge cell, bool& shown, bool value) {
        if (value == shown) return;
        context_.shard.add(cell, value ? 1 : -1);
        shown = value;
    };
    const bool doubted = context_.loop.now() < store.doubted_until;
    flag(store.connected_cell, store.connected, state == redis::State::connected && !doubted);
    flag(store.open_cell, store.open, state == redis::State::open);
    tell(name, store);
}

void StoreSet::tell_reason(const std::string& name, Store& store) {
    const StoreHealth::News news = health_.still_lost(name, store.told, context_.loop.now());
    store.unsaid = news.later;
    store.say_from = news.from;
    if (news.line) context_.say(*news.line);
}

// A connection that is made anew at once is not worth a line.
void StoreSet::tell(const std::string& name, Store& store) {
    const std::string& why = store.client->last_failure();
    const auto count = [&](int workers) { context_.shard.add(store.lost_cells[store.lost_cause], workers); };
    if (store.lost && store.connected) {
        store.lost = store.unsaid = false;
        count(-1);
        if (const auto line = health_.found(name)) context_.say(*line);
    } else if (why.empty()) {
        // Questions were not answered, for there is no connection yet: why that is comes with its end, and is worth waiting for.
        return;
    } else if (store.lost && store.told != why) {
        count(-1);
        store.lost_cause = store_cause(why);
        count(1);
        store.told = why;
        tell_reason(name, store);
    } else if (store.lost && store.unsaid && context_.loop.now() >= store.say_from) {
        tell_reason(name, store);
    } else if (!store.lost && (store.open || context_.loop.now() < store.doubted_until)) {
        store.lost = true;
        store.lost_cause = store_cause(why);
        count(1);
        if (const auto line = health_.lost(name, store.told = why)) context_.say(*line);
    }
}

}  // namespace portico::server
