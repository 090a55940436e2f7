#include "server/store_health.h"

namespace portico::server {

std::optional<std::string> StoreHealth::lost(const std::string& store, std::string_view why) {
    const std::lock_guard lock(mutex_);
    Lost& lost = lost_[store];
    lost.why = why;
    if (++lost.workers > 1) return std::nullopt;
    lost.said = why;
    return "store " + store + " is lost: " + lost.why;
}

StoreHealth::News StoreHealth::still_lost(const std::string& store, std::string_view why, Time now) {
    const std::lock_guard lock(mutex_);
    Lost& lost = lost_[store];
    lost.why = why;
    if (lost.said == why) return {};
    if (now < lost.from) return {std::nullopt, true, lost.from};
    lost.said = why;
    lost.from = now + kBetween;
    return {"store " + store + " is still lost: " + lost.why, false, {}};
}

std::optional<std::string> StoreHealth::found(const std::string& store) {
    const std::lock_guard lock(mutex_);
    const auto found = lost_.find(store);
    if (found == lost_.end() || --found->second.workers > 0) return std::nullopt;
    lost_.erase(found);
    return "store " + store + " is found again";
}

std::string StoreHealth::why(const std::string& store) const {
    const std::lock_guard lock(mutex_);
    const auto found = lost_.find(store);
    return found == lost_.end() ? std::string() : found->second.why;
}

}  // namespace portico::server
