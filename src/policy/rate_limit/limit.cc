#include "policy/rate_limit/limit.h"

#include <algorithm>

namespace portico::policy::rate_limit {
namespace {

constexpr std::string_view kNames[] = {"sliding_window", "sliding_counter", "token_bucket", "fixed_window"};

std::optional<std::string> flaw_in(const Window& w, Algorithm algorithm) {
    if (w.quota > kMaxQuota) return "a limit is at most " + std::to_string(kMaxQuota);
    if (w.length < kMinWindow) return "a window is at least 1ms";
    if (w.length > kMaxWindow) return "a window is at most 31d";
    if (w.burst == 0) return std::nullopt;
    if (algorithm != Algorithm::token_bucket) return "burst belongs to token_bucket";
    if (w.burst > kMaxQuota) return "a burst is at most " + std::to_string(kMaxQuota);
    if (w.quota == 0) return "a bucket with a limit of 0 never fills: leave burst out";
    const auto refill = static_cast<__int128>(w.burst) * w.length.count() / w.quota;
    if (refill > kMaxRefill.count()) return "an empty bucket of this burst takes more than 366d to fill";
    return std::nullopt;
}

}  // namespace

std::string_view name_of(Algorithm algorithm) {
    return kNames[static_cast<size_t>(algorithm)];
}

std::optional<Algorithm> algorithm_of(std::string_view name) {
    for (size_t i = 0; i < std::size(kNames); ++i) {
        if (kNames[i] == name) return static_cast<Algorithm>(i);
    }
    return std::nullopt;
}

std::optional<std::string> flaw_in(const Limit& limit) {
    if (limit.name.empty()) return "a limit needs a name";
    if (limit.windows.empty()) return "a limit needs a window";
    if (limit.windows.size() > kMaxWindows) return "a limit has at most " + std::to_string(kMaxWindows) + " windows";
    for (const Window& w : limit.windows) {
        if (auto flaw = flaw_in(w, limit.algorithm)) return flaw;
        const auto same = [&](const Window& other) { return other.length == w.length; };
        if (std::ranges::count_if(limit.windows, same) > 1)
            return "two windows of one length: the smaller limit is enough";
    }
    return std::nullopt;
}

uint64_t whole_seconds(Micros retry_after) {
    if (retry_after <= Micros::zero()) return 1;
    return static_cast<uint64_t>((retry_after.count() - 1) / 1'000'000 + 1);
}

void conclude(const Limit& limit, uint64_t cost, Decision& d) {
    d.never = false;
    d.decided = 0;
    d.retry_after = Micros::zero();
    for (uint8_t i = 0; i < d.count; ++i) {
        WindowOutcome& o = d.windows[i];
        if (!d.admitted && cost > limit.windows[i].capacity(limit.algorithm)) {
            d.never = true;
            o.retry_after = kNever;
        }
        const WindowOutcome& best = d.windows[d.decided];
        if (d.admitted) {
            // Compared as shares of the quota; neither product exceeds 1e18.
            if (o.remaining * best.quota < best.remaining * o.quota) d.decided = i;
        } else if (o.retry_after > best.retry_after) {
            d.decided = i;
        }
    }
    if (!d.admitted) d.retry_after = d.windows[d.decided].retry_after;
}

}  // namespace portico::policy::rate_limit
