#include "policy/concurrency/in_flight.h"

namespace portico::policy::concurrency {

InFlight::Entry& InFlight::find(Stripe& stripe, std::string_view key) {
    auto found = stripe.entries.find(key);
    if (found == stripe.entries.end()) {
        found = stripe.entries.try_emplace(std::string(key)).first;
        found->second.stripe = &stripe;
        found->second.key = found->first;
    }
    return found->second;
}

// Of one who comes. Who waits while the limit rises gets a place by adopt_limit(), which is on its way.
bool InFlight::has_place(const Entry& entry) const { return entry.in_flight < limit() && entry.waiting == 0; }

void InFlight::admit_waiting(Entry& entry) const {
    while (entry.in_flight < limit() && !entry.line.empty()) {
        Waiter& first = *entry.line.pop_front();
        --entry.waiting;
        ++entry.in_flight;
        first.waiting_ = false;
        first.on_place();
    }
}

void InFlight::drop_if_idle(Entry& entry) {
    if (entry.in_flight > 0 || entry.waiting > 0) return;
    Stripe& stripe = *entry.stripe;
    stripe.entries.erase(stripe.entries.find(entry.key));
}

InFlight::Entry* InFlight::enter(std::string_view key) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    Entry& entry = find(stripe, key);
    if (!has_place(entry)) return nullptr;
    ++entry.in_flight;
    return &entry;
}

InFlight::Turn InFlight::enter_or_wait(std::string_view key, uint32_t room, Waiter& waiter) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    Entry& entry = find(stripe, key);
    waiter.entry_ = &entry;
    if (has_place(entry)) {
        ++entry.in_flight;
        return Turn::placed;
    }
    if (entry.waiting >= room) {
        waiter.entry_ = nullptr;
        return Turn::refused;
    }
    entry.line.push_back(waiter);
    ++entry.waiting;
    waiter.waiting_ = true;
    return Turn::waits;
}

bool InFlight::withdraw(Waiter& waiter) {
    Entry& entry = *waiter.entry_;
    const std::lock_guard lock(entry.stripe->mutex);
    if (!waiter.waiting_) return false;
    waiter.waiting_ = false;
    waiter.unlink();
    --entry.waiting;
    drop_if_idle(entry);
    return true;
}

void InFlight::leave(Entry* entry) {
    // The lock outlives the entry, which may go here.
    const std::lock_guard lock(entry->stripe->mutex);
    --entry->in_flight;
    admit_waiting(*entry);
    drop_if_idle(*entry);
}

void InFlight::adopt_limit(uint32_t limit) {
    limit_.store(limit, std::memory_order_relaxed);
    for (Stripe& stripe : stripes_) {
        const std::lock_guard lock(stripe.mutex);
        for (auto& [key, entry] : stripe.entries) admit_waiting(entry);
    }
}

size_t InFlight::keys() {
    size_t n = 0;
    for (Stripe& stripe : stripes_) {
        const std::lock_guard lock(stripe.mutex);
        n += stripe.entries.size();
    }
    return n;
}

uint32_t InFlight::in_flight(std::string_view key) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.entries.find(key);
    return found == stripe.entries.end() ? 0 : found->second.in_flight;
}

}  // namespace portico::policy::concurrency
