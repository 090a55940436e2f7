#include "redis/cluster.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "redis/client.h"

namespace portico::redis {

std::optional<Redirect> Redirect::parse(std::string_view error, const HostPort& said_by) {
    const size_t first = error.find(' ');
    if (first == std::string_view::npos) return std::nullopt;
    error.remove_prefix(first + 1);
    const size_t second = error.find(' ');
    if (second == std::string_view::npos) return std::nullopt;
    const auto slot = parse_decimal<uint16_t>(error.substr(0, second));
    // The last colon: an IPv6 address is written without brackets here.
    const std::string_view address = error.substr(second + 1);
    const size_t colon = address.rfind(':');
    if (!slot || *slot >= kSlots || colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_decimal<uint16_t>(address.substr(colon + 1));
    if (!port) return std::nullopt;
    const std::string_view host = address.substr(0, colon);
    return Redirect{*slot, {host.empty() ? said_by.host : std::string(host), *port}};
}

Cluster::Cluster(Client& client, Store& store, Node::Owner& owner)
    : client_(client),
      store_(store),
      owner_(owner),
      slots_(kSlots, nullptr),
      backoff_(store.options.first_backoff, store.options.most_backoff, store.options.seed ^ 0xc105) {
    for (const HostPort& seed : store.url.hosts) (void)at(seed);
}

Cluster::~Cluster() { learning_.cancel(); }

Node& Cluster::holder(uint16_t slot) {
    if (slots_[slot] != nullptr) return *slots_[slot];
    refresh();
    return any();
}

Node& Cluster::any() {
    const auto best = [this](State wanted) {
        const auto found = std::ranges::find(nodes_, wanted, [](const auto& n) { return n->state(); });
        return found == nodes_.end() ? nullptr : found->get();
    };
    for (State state : {State::connected, State::idle, State::connecting}) {
        if (Node* node = best(state)) return *node;
    }
    return *nodes_.front();
}

Result<Node*> Cluster::at(const HostPort& where) {
    if (const auto found = by_address_.find(where); found != by_address_.end()) return found->second;
    if (nodes_.size() >= kMaxNodes) return fail(Fault::store_unavailable, "too many servers");
    const uint64_t seed = store_.options.seed * 0x9e3779b97f4a7c15ULL + nodes_.size();
    nodes_.push_back(std::make_unique<Node>(store_, owner_, where, seed));
    by_address_.emplace(where, nodes_.back().get());
    return nodes_.back().get();
}

void Cluster::moved(uint16_t slot, Node& to) {
    slots_[slot] = &to;
    if (!holds(to)) holders_.insert(std::ranges::upper_bound(holders_, &to), &to);
}

bool Cluster::holds(const Node& node) const { return std::ranges::binary_search(holders_, &node); }

void Cluster::lost(Node& node) {
    if (holders_.empty() || holds(node)) refresh();
}

State Cluster::state() const {
    State all = State::idle;
    for (const auto& node : nodes_) {
        if (!holders_.empty() && !holds(*node)) continue;
        const State s = node->state();
        if (s == State::open) return s;
        if (s == State::connected || (s == State::connecting && all == State::idle)) all = s;
    }
    return all;
}

void Cluster::refresh() {
    wanted_ = true;
    store_.loop.defer(*this);
}

void Cluster::on_deferred() {
    drop_unused();
    owner_.on_node_state(*nodes_.front());
    if (!wanted_ || learning_.running()) return;
    wanted_ = false;
    learning_.start(learn(), this);
}

void Cluster::on_root_done() { store_.loop.defer(*this); }

io::Task<void> Cluster::learn() {
    // A list of its own: asking takes time, in which servers come and go. Those that can be reached are asked first.
    std::vector<HostPort> candidates{any().where()};
    std::set<HostPort> known{candidates.front()};
    const auto add = [&](const HostPort& where) {
        if (known.insert(where).second) candidates.push_back(where);
    };
    for (const auto& node : nodes_) add(node->where());
    for (const HostPort& seed : store_.url.hosts) add(seed);
    for (const HostPort& where : candidates) {
        Result<Node*> node = at(where);
        if (!node) break;
        Result<std::vector<Range>> ranges = co_await ask(**node);
        if (!ranges) continue;
        apply(*ranges);
        backoff_.reset();
        break;
    }
    co_await store_.loop.sleep(backoff_.next());
}

io::Task<Result<std::vector<Cluster::Range>>> Cluster::ask(Node& node) {
    const HostPort where = node.where();
    const std::array<std::string_view, 2> words{"CLUSTER", "SLOTS"};
    Result<Reply> reply = co_await Call(client_, nullptr, {}, words, store_.options.connect_timeout, &node);
    if (!reply) co_return fail(std::move(reply).error());
    // Of many thousands, reading the reply has taken some milliseconds, and as many follow.
    co_await store_.loop.turn_of_one();
    co_return read(*reply, where);
}

Result<std::vector<Cluster::Range>> Cluster::read(const Reply& reply, const HostPort& said_by) {
    std::vector<Range> ranges;
    int64_t slots = 0;
    for (const Value range : reply.value().elements()) {
        const Value holder = range[2];
        const auto first = range[0].integer(), last = range[1].integer(), port = holder[1].integer();
        if (!first || !last || !port || *first < 0 || *last < *first || *last >= kSlots || *port < 1 || *port > 65535) {
            return fail(Fault::store_protocol, "CLUSTER SLOTS: range " + std::to_string(ranges.size()) + " is not one");
        }
        // Each slot has one holder: more would be filled again and again.
        slots += *last - *first + 1;
        if (slots > kSlots) return fail(Fault::store_protocol, "CLUSTER SLOTS: ranges overlap");
        const std::string_view host = holder[0].text();
        if (host == "?") continue;
        ranges.push_back({static_cast<uint16_t>(*first), static_cast<uint16_t>(*last),
                          {host.empty() ? said_by.host : std::string(host), static_cast<uint16_t>(*port)}});
    }
    if (ranges.empty()) return fail(Fault::store_unavailable, "the cluster has no slots");
    return ranges;
}

void Cluster::apply(const std::vector<Range>& ranges) {
    std::vector<Node*> slots(kSlots, nullptr);
    for (const Range& range : ranges) {
        const Result<Node*> node = at(range.holder);
        if (!node) continue;
        std::fill(slots.begin() + range.first, slots.begin() + range.last + 1, *node);
    }
    slots_ = std::move(slots);
    holders_.assign(slots_.begin(), slots_.end());
    std::ranges::sort(holders_);
    holders_.erase(std::ranges::unique(holders_).begin(), holders_.end());
    std::erase(holders_, nullptr);
}

// Servers that hold nothing any more and that nobody waits for. Those of the URL come back when they are asked.
void Cluster::drop_unused() {
    if (learning_.running() || holders_.empty()) return;
    std::erase_if(nodes_, [this](const auto& node) {
        const bool unused = node->pending() == 0 && !holds(*node);
        if (unused) by_address_.erase(node->where());
        return unused;
    });
}

}  // namespace portico::redis
