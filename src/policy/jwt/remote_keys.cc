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

RemoteKeys::Held RemoteKeys::held() const {
    const std::lock_guard lock(mutex_);
    return {keys_, generation_.load(std::memory_order_relaxed)};
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

bool RemoteKeys::begin_fetch_again(Time now) {
    const std::lock_guard lock(mutex_);
    if (fetching_ || now < may_fetch_at_ || keys_ == nullptr) return false;
    fetching_ = true;
    looked_for_.clear();
    may_fetch_at_ = now + timing_.cooldown;
    return true;
}

void RemoteKeys::rest() {
    const std::lock_guard lock(mutex_);
    may_fetch_at_ = Time::max();
}

Duration RemoteKeys::cooling(Time now) const {
    const std::lock_guard lock(mutex_);
    return std::max(may_fetch_at_ - now, Duration::zero());
}

RemoteKeys::Fetched RemoteKeys::end_fetch(KeySet keys, Duration fresh_for, Time now) {
    std::unique_lock lock(mutex_);
    ++counts_.fetches;
    const bool found = std::ranges::any_of(keys.keys(), [&](const auto& k) { return k->id() == looked_for_; });
    if (!looked_for_.empty() && !found) {
        if (unknown_.size() >= kMaxUnknown) unknown_.clear();
        unknown_[looked_for_] = now + kUnknownFor;
    }
    retry_ = kFirstRetry;
    why_.clear();
    Fetched fetched = std::exchange(failed_, false) ? Fetched::taken_again : Fetched::taken;
    if (!keys.empty()) doubted_at_ = std::nullopt;
    else fetched = without_keys(now);
    if (fetched != Fetched::doubted) take(std::move(keys), now);
    // A little before the answer goes stale, so that no request ever finds it so; and where keys may serve for less, early enough for
    // several tries.
    due_ = fetched == Fetched::doubted ? *doubted_at_ + kFirstRetry : now + std::min(fresh_for - fresh_for / 10, timing_.stale / 2);
    end(lock);
    return fetched;
}

// A slip of the issuer's must not close its routes, and an issuer that takes its keys back must be heard: it is asked again, a while
// later whoever causes fetches meanwhile.
RemoteKeys::Fetched RemoteKeys::without_keys(Time now) {
    if (!doubted_at_) doubted_at_ = now;
    if (now < *doubted_at_ + kFirstRetry) return Fetched::doubted;
    return keys_ != nullptr && keys_->empty() ? Fetched::still_withdrawn : Fetched::withdrawn;
}

void RemoteKeys::take(KeySet keys, Time now) {
    keys_ = std::make_shared<const KeySet>(std::move(keys));
    fetched_at_ = now;
    const Time until = timing_.stale >= Time::max() - now ? Time::max() : now + timing_.stale;
    serve_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
}

void RemoteKeys::let_go(Time now) {
    const std::lock_guard lock(mutex_);
    if (now >= Time(Duration(serve_until_.load(std::memory_order_relaxed)))) let_go_locked();
}

void RemoteKeys::let_go_locked() {
    keys_ = nullptr;
    serve_until_.store(Time::max().time_since_epoch().count(), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
}

std::string RemoteKeys::trouble() const {
    const std::lock_guard lock(mutex_);
    return why_;
}

void RemoteKeys::fail_fetch(Time now, std::string why) {
    std::unique_lock lock(mutex_);
    why_ = std::move(why);
    ++counts_.fetches;
    ++counts_.failures;
    failed_ = true;
    due_ = now + retry_;
    // Without any keys the route is closed: the issuer's return is looked for more often.
    retry_ = std::min(retry_ * 2, keys_ == nullptr ? kLastRetryWithout : kLastRetry);
    // Old keys serve on while the issuer is down (stale-if-error), up to a bound of the configuration: a last try is made then.
    const Time bound(Duration(serve_until_.load(std::memory_order_relaxed)));
    if (now >= bound) let_go_locked();
    else due_ = std::min(due_, bound);
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
    for (const auto& [ticket, wake] : waiting) wake();
}

Time RemoteKeys::due() const {
    const std::lock_guard lock(mutex_);
    return due_;
}

uint64_t RemoteKeys::await_end(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    if (!fetching_) return 0;
    waiting_.emplace(++last_ticket_, std::move(wake));
    return last_ticket_;
}

void RemoteKeys::leave(uint64_t ticket) {
    const std::lock_guard lock(mutex_);
    waiting_.erase(ticket);
}

size_t RemoteKeys::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}

std::vector<PassedOverKey> RemoteKeys::note_passed_over(const std::vector<PassedOverKey>& keys, std::vector<std::shared_ptr<const observe::Asked>> shown) {
    const std::lock_guard lock(mutex_);
    std::vector<PassedOverKey> fresh;
    const auto was_said = [&](const PassedOverKey& key) {
        return std::ranges::any_of(passed_over_, [&](const PassedOverKey& k) { return k.name() == key.name() && k.why == key.why; });
    };
    std::ranges::copy_if(keys, std::back_inserter(fresh), [&](const PassedOverKey& key) { return !was_said(key); });
    passed_over_ = keys;
    shown_ = std::move(shown);
    return fresh;
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
