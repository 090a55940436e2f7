#include "policy/rate_limit/refused_keys.h"

#include <algorithm>

namespace portico::policy::rate_limit {

std::optional<Decision> RefusedKeys::find(const Limit& limit, std::string_view key, uint64_t cost, Time now) const {
    const auto found = keys_.find(key);
    if (found == keys_.end()) return std::nullopt;
    const Entry& e = found->second;
    if (e.limit != &limit || cost < e.cost || now >= e.until) return std::nullopt;
    Decision decision = e.decision;
    if (decision.never) return decision;
    // A higher cost may have to wait longer than this, never shorter; when this is over, the store says how long.
    decision.retry_after = std::chrono::ceil<Micros>(e.passes - now);
    for (WindowOutcome& w : std::span(decision.windows).first(decision.count)) {
        w.retry_after = std::min(w.retry_after, decision.retry_after);
        w.reset = std::min(w.reset, decision.retry_after);
    }
    // Such a cost may be one that can never pass.
    if (cost > e.cost) conclude(limit, cost, decision);
    return decision;
}

void RefusedKeys::keep(const Limit& limit, std::string_view key, uint64_t cost, const Decision& decision, Decided decided) {
    if (key.size() > kLongestKey) return;
    if (keys_.size() >= kMax) {
        const Time now = decided.before;
        if (now < next_sweep_) return;
        next_sweep_ = now + kSweepEvery;
        std::erase_if(keys_, [&](const auto& e) { return e.second.until <= now; });
        // Full of keys that all wait: the newcomers ask the store, as without this.
        if (keys_.size() >= kMax) return;
    }
    const Duration wait = decision.never ? Duration(std::chrono::seconds(60)) : Duration(decision.retry_after);
    keys_.insert_or_assign(std::string(key), Entry{&limit, cost, decided.after + wait, decided.before + wait, decision});
}

void RefusedKeys::forget(std::string_view key) {
    if (const auto found = keys_.find(key); found != keys_.end()) keys_.erase(found);
}

}  // namespace portico::policy::rate_limit
