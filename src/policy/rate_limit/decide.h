// One decision over the windows of a limit: all admit and all are charged, or none. Pure; the states are any of
// counters.h or WindowLog.
#pragma once

#include <algorithm>

#include "policy/rate_limit/limit.h"

namespace portico::policy::rate_limit {

// Whether a cost fits beside what is used.
inline bool fits(uint64_t used, uint64_t cost, uint64_t capacity) {
    return cost == 0 || used + cost <= capacity;
}

// A window's outcome from its state, after the charge if there was one. `refused` is the cost that did not pass, 0 if
// it did.
template <class State>
WindowOutcome outcome_of(const State& state, const Window& w, Algorithm algorithm, uint64_t refused, int64_t now) {
    const uint64_t capacity = w.capacity(algorithm);
    const uint64_t used = state.used();
    WindowOutcome o{.quota = w.quota, .remaining = capacity - std::min(used, capacity), .length = w.length};
    if (refused > 0 && refused <= capacity) o.retry_after = Micros(state.until(w, capacity - refused, now));
    // Above the capacity, nothing more is available before usage has come down below it.
    if (used > 0 && capacity > 0) o.reset = Micros(state.until(w, std::min(used, capacity) - 1, now));
    return o;
}

// `state(i)` is the state of window i.
template <class States>
Decision decide(const Limit& limit, States&& state, uint64_t cost, int64_t now) {
    Decision d;
    d.count = static_cast<uint8_t>(limit.windows.size());
    d.admitted = true;
    bool possible = true;
    for (size_t i = 0; i < d.count; ++i) {
        const Window& w = limit.windows[i];
        const uint64_t capacity = w.capacity(limit.algorithm);
        state(i).settle(w, now);
        possible = possible && cost <= capacity;
        d.admitted = d.admitted && fits(state(i).used(), cost, capacity);
    }
    const bool charged = cost > 0 && (d.admitted || (limit.charge_refused && possible));
    for (size_t i = 0; i < d.count; ++i) {
        const Window& w = limit.windows[i];
        if (charged) state(i).charge(w, cost, now);
        d.windows[i] = outcome_of(state(i), w, limit.algorithm, d.admitted ? 0 : cost, now);
    }
    conclude(limit, cost, d);
    return d;
}

}  // namespace portico::policy::rate_limit
