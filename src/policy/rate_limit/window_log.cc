#include "policy/rate_limit/window_log.h"

#include <algorithm>

namespace portico::policy::rate_limit {

int64_t log_quantum(int64_t window) {
    return std::max(std::min<int64_t>(1000, window / 16), window / 65'536);
}

void WindowLog::settle(const Window& w, int64_t now) {
    const int64_t length = w.length.count();
    if (size_ == 0) return;
    if (now >= newest_ + length) return clear();
    if (now < newest_ - length - kClockSlack) return restamp(total_, now);
    uint32_t gone = 0;
    while (stamp(gone) + length <= now) total_ -= static_cast<uint32_t>(count(gone++));
    head_ = (head_ + gone) & (capacity_ - 1);
    size_ -= gone;
    if (gone > 0 && capacity_ > 16 && size_ < capacity_ / 4) resize(capacity_ / 2);
}

int64_t WindowLog::until(const Window& w, uint64_t target, int64_t now) const {
    uint64_t left = total_;
    if (left <= target) return 0;
    size_t i = 0;
    for (left -= count(0); left > target; left -= count(i)) ++i;
    return stamp(i) + w.length.count() - now;
}

void WindowLog::charge(const Window& w, uint64_t cost, int64_t now) {
    cost = std::min(cost, kMaxCount - total_);
    if (cost == 0) return;
    const int64_t at = size_ == 0 ? now : std::max(now, newest_);
    const int64_t span = size_ == 0 ? 0 : at - newest_ + span_;
    if (size_ > 0 && span < log_quantum(w.length.count()) && count(size_ - 1) + cost <= kMaxEntry) {
        entry(size_ - 1) = pack(at, count(size_ - 1) + cost);
        newest_ = at;
        span_ = static_cast<uint32_t>(span);
        total_ += static_cast<uint32_t>(cost);
        return;
    }
    push(at, cost);
}

void WindowLog::push(int64_t at, uint64_t units) {
    newest_ = at;
    span_ = 0;
    total_ += static_cast<uint32_t>(units);
    while (units > 0) {
        if (size_ == capacity_) resize(capacity_ == 0 ? 2 : capacity_ * 2);
        const uint64_t part = std::min(units, kMaxEntry);
        entry(size_++) = pack(at, part);
        units -= part;
    }
}

void WindowLog::restamp(uint64_t units, int64_t at) {
    clear();
    if (units > 0) push(at, std::min(units, kMaxCount));
}

void WindowLog::coarsen() {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < size_; ++i) {
        const bool joined = i + 1 < size_ && count(i) + count(i + 1) <= kMaxEntry;
        entry(kept++) = joined ? entry(i + 1) + count(i) : entry(i);
        if (joined) ++i;
    }
    size_ = kept;
    while (capacity_ > 2 && size_ <= capacity_ / 2) resize(capacity_ / 2);
}

void WindowLog::clear() {
    // A small ring is kept for the next request.
    if (capacity_ > 16) {
        ring_.reset();
        capacity_ = 0;
    }
    head_ = size_ = total_ = span_ = 0;
}

void WindowLog::resize(size_t capacity) {
    auto ring = std::make_unique_for_overwrite<uint64_t[]>(capacity);
    for (uint32_t i = 0; i < size_; ++i) ring[i] = entry(i);
    ring_ = std::move(ring);
    capacity_ = static_cast<uint32_t>(capacity);
    head_ = 0;
}

}  // namespace portico::policy::rate_limit
