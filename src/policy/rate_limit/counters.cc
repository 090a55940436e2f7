#include "policy/rate_limit/counters.h"

#include <algorithm>
#include <cmath>

namespace portico::policy::rate_limit {
namespace {

using Wide = __int128;

int64_t ceil_div(Wide a, Wide b) {
    return static_cast<int64_t>((a + b - 1) / b);
}

// Where a window that holds `now` begins.
int64_t boundary(int64_t now, int64_t length) {
    return now - now % length;
}

}  // namespace

void FixedWindow::settle(const Window& w, int64_t now) {
    const int64_t length = w.length.count();
    if (length_ == length && now < start_ + length && now >= start_ - length - kClockSlack) return;
    if (now >= start_ + length_) count_ = 0;
    length_ = length;
    start_ = boundary(now, length);
}

uint64_t SlidingCounter::slope() const {
    return static_cast<uint64_t>(
        ceil_div(static_cast<Wide>(previous_) * (length_ - elapsed_), std::max<int64_t>(length_, 1)));
}

void SlidingCounter::settle(const Window& w, int64_t now) {
    const int64_t length = w.length.count();
    if (length_ != length || now < start_ - length - kClockSlack) {
        // Nothing is left of it two windows after its start, whichever length those had.
        elapsed_ = std::clamp<int64_t>(now - start_, 0, length_);
        const bool over = now >= start_ + length_;
        if (over && now < start_ + 2 * length_) {
            previous_ = current_;
            current_ = 0;
            elapsed_ = now - start_ - length_;
        } else if (over) {
            previous_ = current_ = 0;
        }
        current_ = add_count(current_, slope());
        previous_ = 0;
        length_ = length;
        start_ = boundary(now, length);
    } else if (now >= start_ + length) {
        previous_ = now < start_ + 2 * length ? current_ : 0;
        current_ = 0;
        start_ = boundary(now, length);
    }
    elapsed_ = std::max<int64_t>(now - start_, 0);
}

int64_t SlidingCounter::until(const Window&, uint64_t target, int64_t now) const {
    if (used() <= target) return 0;
    // How far into a window ceil(count · rest/length) falls to `most`.
    const auto falls = [this](uint64_t count, uint64_t most) {
        return length_ - static_cast<int64_t>(static_cast<Wide>(most) * length_ / count);
    };
    if (current_ <= target) return start_ + falls(previous_, target - current_) - now;
    return start_ + length_ + falls(current_, target) - now;
}

TokenBucket TokenBucket::of_used(const Window& w, uint64_t used, int64_t now, int64_t most) {
    TokenBucket b(now, 0, 0, w.quota, w.length.count());
    b.add(used);
    if (b.debt_ >= most) {
        b.debt_ = most;
        b.part_ = 0;
    }
    return b;
}

void TokenBucket::add(uint64_t units) {
    if (quota_ == 0) return;
    const Wide parts = static_cast<Wide>(units) * length_ + part_;
    debt_ += static_cast<int64_t>(parts / quota_);
    part_ = static_cast<uint32_t>(parts % quota_);
}

void TokenBucket::settle(const Window& w, int64_t now) {
    const int64_t length = w.length.count();
    if (now > seen_) {
        const bool left = debt_ >= now - seen_;
        debt_ = left ? debt_ - (now - seen_) : 0;
        if (!left) part_ = 0;
        seen_ = now;
    } else if (seen_ - now > length + kClockSlack) {
        seen_ = now;
    }
    if (w.quota == 0 || (quota_ == w.quota && length_ == length)) return;
    if (quota_ != 0 && (debt_ > 0 || part_ > 0)) {
        // In doubles, operation for operation as the script does. Rounded up, but not for a double's own error.
        const double debt = static_cast<double>(debt_ + (part_ > 0 ? 1 : 0));
        const double to = static_cast<double>(length) * quota_;
        const double from = static_cast<double>(length_) * static_cast<double>(w.quota);
        debt_ = static_cast<int64_t>(std::min(std::ceil(debt * (to / from) * (1 - 0x1p-50)), 4e15));
    }
    part_ = 0;
    quota_ = static_cast<uint32_t>(w.quota);
    length_ = length;
}

uint64_t TokenBucket::used() const {
    if (length_ == 0) return 0;
    return static_cast<uint64_t>(ceil_div(static_cast<Wide>(debt_) * quota_ + part_, length_));
}

int64_t TokenBucket::until(const Window& w, uint64_t target, int64_t now) const {
    if (w.quota == 0 || used() <= target) return 0;
    const Wide parts = static_cast<Wide>(debt_) * quota_ + part_ - static_cast<Wide>(target) * length_;
    return ceil_div(parts, quota_) + (seen_ - now);
}

void TokenBucket::charge(const Window& w, uint64_t cost, int64_t) {
    const uint64_t capacity = w.capacity(Algorithm::token_bucket);
    const uint64_t taken = used();
    if (taken + cost <= capacity) return add(cost);
    if (taken <= capacity) *this = of_used(w, capacity, seen_);
}

}  // namespace portico::policy::rate_limit
