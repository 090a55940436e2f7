#include "policy/rate_limit/memory_stripe.h"

#include <algorithm>

#include "policy/rate_limit/decide.h"

namespace portico::policy::rate_limit {
namespace {

// How much of others' business one call does.
constexpr size_t kSweptForANewKey = 4;
constexpr size_t kCallsASweptSlot = 8;
constexpr size_t kEvictionsACall = 8;
constexpr size_t kConsidered = 8;
// A log that is coarsened for want of memory keeps this much.
constexpr size_t kFineLogBytes = 1024;
// A key that is used goes to the end of the list once in 2^20 µs: its neighbours there are cold memory.
constexpr int kMoveStep = 20;
// The allocator's own, for each allocation.
constexpr size_t kAllocation = 16;

// Usage that was remembered at an eviction, put into a new state. Each holds at least as much, at least as long.
void restore(WindowLog& s, const Window& w, EvictionSketch::Usage u, int64_t now) {
    s.restamp(u.used, std::min(now, u.gone - w.length.count()));
}
void restore(SlidingCounter& s, const Window& w, EvictionSketch::Usage u, int64_t now) {
    s.settle(w, now);
    s.charge(w, u.used, now);
}
void restore(TokenBucket& s, const Window& w, EvictionSketch::Usage u, int64_t now) {
    s = TokenBucket::of_used(w, u.used, now, u.gone - now);
}
void restore(FixedWindow& s, const Window& w, EvictionSketch::Usage u, int64_t now) {
    s.settle(w, now);
    s.charge(w, u.used, now);
}

// What a newcomer may at most be presumed to have used: what is only presumed refuses nobody's first request (A62). One of
// cost 0 asks what is left, for one that follows.
uint64_t room_beside(uint64_t cost, uint64_t capacity) {
    return capacity - std::min(std::max<uint64_t>(cost, 1), capacity);
}

uint8_t fullness_of(const Limit& limit, const Decision& d) {
    uint64_t most = 0;
    for (size_t i = 0; i < d.count; ++i) {
        const uint64_t capacity = limit.windows[i].capacity(limit.algorithm);
        if (capacity > 0) most = std::max(most, (capacity - d.windows[i].remaining) * 255 / capacity);
    }
    return static_cast<uint8_t>(most);
}

}  // namespace

MemoryStripe::~MemoryStripe() {
    while (!by_age_.empty()) drop(by_age_.front());
}

Decision MemoryStripe::charge(const Limit& limit, const Hash128& key, uint64_t cost, int64_t now) {
    const std::lock_guard lock(mutex_);
    if (++calls_ % kCallsASweptSlot == 0) drop_expired(1, now);
    Entry& e = find_or_add(limit, key, cost, now);
    Decision d;
    const auto run = [&]<class S>(std::in_place_type_t<S>) {
        const auto state = [&e](size_t i) -> S& { return *std::get_if<S>(&e.state(i)); };
        d = decide(limit, state, cost, now);
        e.gone = 0;
        for (size_t i = 0; i < d.count; ++i) e.gone = std::max(e.gone, state(i).gone(limit.windows[i]));
    };
    switch (limit.algorithm) {
        case Algorithm::sliding_window: run(std::in_place_type<WindowLog>); break;
        case Algorithm::sliding_counter: run(std::in_place_type<SlidingCounter>); break;
        case Algorithm::token_bucket: run(std::in_place_type<TokenBucket>); break;
        case Algorithm::fixed_window: run(std::in_place_type<FixedWindow>); break;
    }
    e.fullness = fullness_of(limit, d);
    if (d.admitted || limit.charge_refused) e.own = add_count(e.own, cost);
    touch(e, now);
    account(e);
    keep_to_bytes(e, now);
    return d;
}

MemoryStripe::Entry& MemoryStripe::find_or_add(const Limit& limit, const Hash128& key, uint64_t cost, int64_t now) {
    Entry* e = slot(key);
    while (e != nullptr && !(e->key == key)) e = e->next;
    if (e == nullptr) {
        drop_expired(kSweptForANewKey, now);
        while (keys_ >= max_keys_ && evict(nullptr, now)) {
        }
        if (keys_ >= index_.size()) grow_index();
        e = new Entry;
        e->key = key;
        e->next = std::exchange(slot(key), e);
        ++keys_;
        shape(*e, limit, cost, now);
    } else if (e->windows != limit.windows.size() || e->first.index() != static_cast<size_t>(limit.algorithm)) {
        shape(*e, limit, cost, now);
    }
    return *e;
}

void MemoryStripe::shape(Entry& e, const Limit& limit, uint64_t cost, int64_t now) {
    const size_t count = limit.windows.size();
    std::unique_ptr<State[]> more = count > 1 ? std::make_unique<State[]>(count - 1) : nullptr;
    for (size_t i = 1; i < std::min<size_t>(count, e.windows); ++i) more[i - 1] = std::move(e.state(i));
    const size_t kept = e.windows;
    e.more = std::move(more);
    e.windows = static_cast<uint8_t>(count);
    for (size_t i = 0; i < count; ++i) {
        State& s = e.state(i);
        if (i < kept && s.index() == static_cast<size_t>(limit.algorithm)) continue;
        switch (limit.algorithm) {
            case Algorithm::sliding_window: s.emplace<WindowLog>(); break;
            case Algorithm::sliding_counter: s.emplace<SlidingCounter>(); break;
            case Algorithm::token_bucket: s.emplace<TokenBucket>(); break;
            case Algorithm::fixed_window: s.emplace<FixedWindow>(); break;
        }
        EvictionSketch::Usage usage = dropped_.recall(e.key, i, now);
        if (usage.known) {
            e.own = add_count(std::max<uint64_t>(e.own, usage.used), 0);
        } else {
            usage.used = std::min(usage.used, room_beside(cost, limit.windows[i].capacity(limit.algorithm)));
        }
        if (usage.used > 0) std::visit([&](auto& state) { restore(state, limit.windows[i], usage, now); }, s);
    }
}

void MemoryStripe::account(Entry& e) {
    size_t bytes = sizeof(Entry) + kAllocation;
    if (e.more) bytes += (e.windows - 1) * sizeof(State) + kAllocation;
    for (size_t i = 0; i < e.windows; ++i) {
        const auto* log = std::get_if<WindowLog>(&e.state(i));
        if (log != nullptr && log->bytes() > 0) bytes += log->bytes() + kAllocation;
    }
    if (bytes == e.bytes) return;
    bytes_.fetch_add(static_cast<int64_t>(bytes) - e.bytes, std::memory_order_relaxed);
    e.bytes = static_cast<uint32_t>(bytes);
}

void MemoryStripe::touch(Entry& e, int64_t now) {
    const auto step = static_cast<uint32_t>(now >> kMoveStep);
    if (e.linked() && e.moved == step) return;
    e.moved = step;
    by_age_.push_back(e);
}

void MemoryStripe::drop_expired(size_t slots, int64_t now) {
    for (size_t i = 0; i < slots; ++i) {
        hand_ = (hand_ + 1) & (index_.size() - 1);
        for (Entry* e = index_[hand_]; e != nullptr;) {
            Entry* next = e->next;
            if (e->gone <= now) drop(*e);
            e = next;
        }
    }
}

bool MemoryStripe::evict(const Entry* spared, int64_t now) {
    Entry* least = nullptr;
    size_t seen = 0;
    by_age_.for_each_while([&](Entry& e) {
        if (&e != spared && (least == nullptr || e.gone <= now || e.fullness < least->fullness)) least = &e;
        return ++seen < kConsidered && (least == nullptr || least->gone > now);
    });
    if (least == nullptr) return false;
    if (least->gone > now) {
        ++evictions_;
        for (size_t i = 0; i < least->windows; ++i) {
            const uint64_t used = std::visit([](const auto& s) { return s.used(); }, least->state(i));
            // A presumption is not remembered: else it would grow with each newcomer that is dropped.
            dropped_.remember(least->key, i, std::min<uint64_t>(used, least->own), least->gone, now);
        }
    }
    drop(*least);
    return true;
}

void MemoryStripe::drop(Entry& e) {
    Entry** at = &slot(e.key);
    while (*at != &e) at = &(*at)->next;
    *at = e.next;
    bytes_.fetch_sub(e.bytes, std::memory_order_relaxed);
    --keys_;
    delete &e;
}

void MemoryStripe::grow_index() {
    std::vector<Entry*> old(index_.size() * 2);
    old.swap(index_);
    for (Entry* e : old) {
        while (e != nullptr) {
            Entry* next = e->next;
            e->next = std::exchange(slot(e->key), e);
            e = next;
        }
    }
}

void MemoryStripe::keep_to_bytes(Entry& used, int64_t now) {
    const auto over = [this] { return bytes_.load(std::memory_order_relaxed) > static_cast<int64_t>(max_bytes_); };
    for (size_t i = 0; over() && i < kEvictionsACall; ++i) {
        if (evict(&used, now)) continue;
        for (size_t w = 0; w < used.windows; ++w) {
            auto* log = std::get_if<WindowLog>(&used.state(w));
            if (log != nullptr && log->bytes() > kFineLogBytes) log->coarsen();
        }
        return account(used);
    }
}

size_t MemoryStripe::keys() const {
    const std::lock_guard lock(mutex_);
    return keys_;
}

uint64_t MemoryStripe::evictions() const {
    const std::lock_guard lock(mutex_);
    return evictions_;
}

}  // namespace portico::policy::rate_limit
