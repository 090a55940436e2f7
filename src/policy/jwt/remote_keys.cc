#include "policy/jwt/remote_keys.h"

#include <algorithm>

namespace portico::policy::jwt {
namespace {

constexpr size_t kMaxUnknown = 1024;
// Not for long: whoever names a key just before it is published must not keep it out.
constexpr Duration kUnknownFor = std::chrono::seconds(60);
constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLastRetry = std::chrono::seconds(60);
constexpr Duration kLastRetryWithout = std::chrono::seconds(5);

}  // namespace

std::shared_ptr<const KeySet> RemoteKeys::current() const {
    const std::lock_guard lock(mutex_);
    return keys_;
}

bool RemoteKeys::fetching() const {
    const std::lock_guard lock(mutex_);
    return fetching_;
}

bool RemoteKeys::begin_due_fetch(Time now) {
    const std::lock_guard lock(mutex_);
    if (fetching_ || now < due_) return false;
    fetching_ = true;
    looked_for_.clear();
    return true;
}

bool RemoteKeys::begin_fetch_for(std::string_view key_id, Time now) {
    const std::lock_guard lock(mutex_);
    if (fetching_ || now < may_fetch_at_ || keys_ == nullptr) return false;
    if (const auto known = unknown_.find(std::string(key_id)); known != unknown_.end()) {
        if (now < known->second) return false;
        unknown_.erase(known);
    }
    fetching_ = true;
    looked_for_ = key_id;
    may_fetch_at_ = now + timing_.cooldown;
    return true;
}

bool RemoteKeys::end_fetch(KeySet keys, Duration fresh_for, Time now) {
    std::unique_lock lock(mutex_);
    ++counts_.fetches;
    const bool found = std::ranges::any_of(keys.keys(), [&](const auto& k) { return k->id() == looked_for_; });
    if (!looked_for_.empty() && !found) {
        if (unknown_.size() >= kMaxUnknown) unknown_.clear();
        unknown_[looked_for_] = now + kUnknownFor;
    }
    keys_ = std::make_shared<const KeySet>(std::move(keys));
    fetched_at_ = now;
    retry_ = kFirstRetry;
    // A little before the answer goes stale, so that no request ever finds it so.
    due_ = now + fresh_for - fresh_for / 10;
    generation_.fetch_add(1, std::memory_order_release);
    const bool again = std::exchange(failed_, false);
    end(lock);
    return again;
}

void RemoteKeys::fail_fetch(Time now) {
    std::unique_lock lock(mutex_);
    ++counts_.fetches;
    ++counts_.failures;
    failed_ = true;
    due_ = now + retry_;
    // Without any keys the route is closed: the issuer's return is looked for more often.
    retry_ = std::min(retry_ * 2, keys_ == nullptr ? kLastRetryWithout : kLastRetry);
    // Old keys serve on while the issuer is down (stale-if-error), up to a bound of the configuration: a last try is made then.
    if (keys_ != nullptr && timing_.stale != kForever) {
        const Time bound = *fetched_at_ + timing_.stale;
        if (now >= bound) {
            keys_ = nullptr;
            generation_.fetch_add(1, std::memory_order_release);
        } else {
            due_ = std::min(due_, bound);
        }
    }
    end(lock);
}

void RemoteKeys::abandon_fetch() {
    std::unique_lock lock(mutex_);
    due_ = Time{};
    may_fetch_at_ = Time{};
    end(lock);
}

void RemoteKeys::end(std::unique_lock<std::mutex>& lock) {
    fetching_ = false;
    looked_for_.clear();
    const auto waiting = std::exchange(waiting_, {});
    lock.unlock();
    for (const auto& wake : waiting) wake();
}

Time RemoteKeys::due() const {
    const std::lock_guard lock(mutex_);
    return due_;
}

bool RemoteKeys::await_end(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    if (!fetching_) return false;
    waiting_.push_back(std::move(wake));
    return true;
}

RemoteKeys::Counts RemoteKeys::counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
}

std::optional<Time> RemoteKeys::fetched_at() const {
    const std::lock_guard lock(mutex_);
    return fetched_at_;
}

}  // namespace portico::policy::jwt
