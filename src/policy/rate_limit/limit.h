// What a rate limit is, and what it decided: plain data that configuration, counters and answers share. The counters
// stand in memory_table.h (one process) and redis_script.h (many); both fill the same Decision. Pure: no clock, no I/O,
// no threads.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace portico::policy::rate_limit {

// Durations and instants of limits. An instant counts from a zero of the caller's choice, the same for all calls on one
// store: the machine's monotonic clock in memory, the epoch in Redis.
using Micros = std::chrono::microseconds;

inline Micros micros_of(Time t) {
    return std::chrono::duration_cast<Micros>(t.time_since_epoch());
}

inline constexpr size_t kMaxWindows = 6;
inline constexpr uint64_t kMaxQuota = 1'000'000'000;
inline constexpr Micros kMinWindow = std::chrono::milliseconds(1);
inline constexpr Micros kMaxWindow = std::chrono::days(31);
// How long an empty token bucket may take to fill.
inline constexpr Micros kMaxRefill = std::chrono::days(366);
// A retry_after of a request that can never pass.
inline constexpr Micros kNever = Micros::max();

enum class Algorithm : uint8_t {
    sliding_window,   // exact log: never more than the quota in any window, wherever it begins
    sliding_counter,  // two counters and a slope between them: a few bytes a key, approximate
    token_bucket,     // GCRA: steady refill, bursts up to `burst`
    fixed_window,     // one counter from boundary to boundary: up to twice the quota around one
};

// "sliding_window", …
std::string_view name_of(Algorithm algorithm);
// @returns none for a text that names no algorithm
std::optional<Algorithm> algorithm_of(std::string_view name);

struct Window {
    uint64_t quota = 0;  // units a window; 0 refuses everything that costs
    Micros length{};
    uint64_t burst = 0;  // token_bucket: what a full bucket holds; 0 means `quota`

    // The most that may be used at once; a cost above it can never pass.
    uint64_t capacity(Algorithm a) const { return a == Algorithm::token_bucket && burst != 0 ? burst : quota; }
    bool operator==(const Window&) const = default;
};

// A limit is known by its name: all Limit objects of one name share the counts of a client, whatever their numbers.
// That is how a reload and a quota that depends on the client's plan keep the usage. With another algorithm a count
// begins anew.
struct Limit {
    std::string name;
    Algorithm algorithm = Algorithm::sliding_window;
    std::vector<Window> windows;  // all must admit; then all are charged, else none
    bool charge_refused = false;  // refused requests count too, except those that can never pass
};

// What is wrong with the numbers, as a sentence for the author of the configuration; none if the limit can be used.
std::optional<std::string> flaw_in(const Limit& limit);

struct WindowOutcome {
    uint64_t quota = 0;
    uint64_t remaining = 0;  // units that could still pass now, after this request
    Micros length{};
    Micros retry_after{};  // until this window would let the refused cost pass; zero where it would now, kNever
    Micros reset{};        // until more than `remaining` is available; zero: all of it is
};

struct Decision {
    bool admitted = false;
    bool never = false;  // the cost is above the capacity of a window: refused now and always
    uint8_t decided =
        0;              // the window that refused (the one that takes longest), or the one that is nearest to refusing
    uint8_t count = 0;  // of `windows`
    Micros retry_after{};  // until a request of this cost really passes, if nothing else is charged. Zero exactly when
                           // admitted
    std::array<WindowOutcome, kMaxWindows> windows{};

    std::span<const WindowOutcome> outcomes() const { return {windows.data(), count}; }
    const WindowOutcome& deciding() const { return windows[decided]; }
};

// Whole seconds for Retry-After, rounded up, never 0.
uint64_t whole_seconds(Micros retry_after);

// Fills `decided`, `never` and `retry_after` from the windows' outcomes and `admitted`.
void conclude(const Limit& limit, uint64_t cost, Decision& decision);

}  // namespace portico::policy::rate_limit
