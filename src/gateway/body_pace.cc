#include "gateway/body_pace.h"

#include <utility>

namespace portico::gateway {

void BodyPace::begin_seconds() {
    seconds_ = std::make_unique<Seconds>();
    seconds_->bytes[0] = in_span_ = before_;
}

// A span ends with each second that is over; then its oldest second leaves its place to the new one.
void BodyPace::go_on_to(uint64_t second) {
    for (; at_ < second && !too_slow_; ++at_) {
        too_slow_ = at_ + 1 >= kSeconds && in_span_ < least_;
        uint64_t& place = seconds_->bytes[(at_ + 1) % kSeconds];
        in_span_ -= std::exchange(place, 0);
    }
}

Duration BodyPace::patience() const {
    if (least_ == 0) return kForever;
    if (seconds_ == nullptr) return kSpan - waited_;
    // Which span will be the first to hold too little? Each further one has lost a second.
    uint64_t left = in_span_;
    Duration when = kSecond * static_cast<int64_t>(at_ + 1) - waited_;
    for (uint64_t end = at_ + 1;; ++end, when += kSecond) {
        if (end >= kSeconds && left < least_) return when;
        left -= seconds_->bytes[end % kSeconds];
        if (end == at_ + kSeconds) return when;
    }
}

}  // namespace portico::gateway
