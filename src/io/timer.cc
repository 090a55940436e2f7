#include "io/timer.h"

#include <algorithm>
#include <bit>

namespace portico::io {

void Timer::set(TimerWheel& wheel, Time deadline) {
    deadline_ = deadline;
    if (deadline == kNever) return;
    const uint64_t tick = wheel.tick_of(deadline);
    if (linked() && placed_ <= tick) return;  // it comes up early and is placed again then
    unlink();
    wheel.place(*this, tick);
}

uint64_t TimerWheel::tick_of(Time t) const {
    if (t <= origin_) return 0;
    // Rounded up: a timer never fires early.
    return static_cast<uint64_t>((t - origin_ + kTick - Duration(1)) / kTick);
}

void TimerWheel::place(Timer& timer, uint64_t tick) {
    // What is due already waits for the next tick, so that a timer set from on_timer cannot loop within one advance.
    tick = std::max(tick, now_ + 1);
    constexpr uint64_t kSpan = uint64_t{1} << (kBits * kLevels);
    if (tick - now_ >= kSpan) tick = now_ + kSpan - 1;
    timer.placed_ = tick;
    // The level is that of the highest digit in which `tick` differs from now.
    const unsigned level = (63u - static_cast<unsigned>(std::countl_zero(tick ^ now_))) / kBits;
    const unsigned l = std::min(level, kLevels - 1);
    const unsigned slot = (tick >> (kBits * l)) & (kSlots - 1);
    slots_[l][slot].push_back(timer);
    filled_[l] |= uint64_t{1} << slot;
}

void TimerWheel::cascade(unsigned level) {
    const unsigned slot = (now_ >> (kBits * level)) & (kSlots - 1);
    if (slot == 0 && level + 1 < kLevels) cascade(level + 1);
    if ((filled_[level] >> slot & 1) == 0) return;
    filled_[level] &= ~(uint64_t{1} << slot);
    Slot due;
    due.splice_back(slots_[level][slot]);
    while (Timer* t = due.pop_front()) {
        if (t->armed()) {
            // Its digit of this level is now's: it belongs below, or is due in this very tick.
            const uint64_t tick = std::max(tick_of(t->deadline_), now_);
            if (tick == now_) {
                t->placed_ = tick;
                slots_[0][tick & (kSlots - 1)].push_back(*t);
                filled_[0] |= uint64_t{1} << (tick & (kSlots - 1));
            } else {
                place(*t, tick);
            }
        }
    }
}

bool TimerWheel::fire_due(Turn::Share* share) {
    while (!due_.empty()) {
        if (share != nullptr && !share->is_left()) return false;
        Timer* const t = due_.pop_front();
        if (!t->armed()) continue;
        if (tick_of(t->deadline_) > now_) {
            place(*t, tick_of(t->deadline_));
            continue;
        }
        t->deadline_ = Timer::kNever;
        t->on_timer();
    }
    return true;
}

void TimerWheel::advance(Time now, Turn::Share* share) {
    const uint64_t target = now <= origin_ ? 0 : static_cast<uint64_t>((now - origin_) / kTick);
    while (fire_due(share) && now_ < target) {
        // Whatever lies before the next slot that may hold a timer is stepped over at once.
        now_ = std::min(next_tick(), target);
        const unsigned slot = now_ & (kSlots - 1);
        if (slot == 0) cascade(1);
        if ((filled_[0] >> slot & 1) == 0) continue;
        filled_[0] &= ~(uint64_t{1} << slot);
        due_.splice_back(slots_[0][slot]);
    }
}

uint64_t TimerWheel::next_tick() const {
    for (unsigned level = 0; level < kLevels; ++level) {
        if (filled_[level] == 0) continue;
        const unsigned at = (now_ >> (kBits * level)) & (kSlots - 1);
        // Slots behind `at` of this level were emptied; a set bit ahead is the nearest. At level 0 this is exact.
        const uint64_t ahead = at + 1 < kSlots ? filled_[level] >> (at + 1) << (at + 1) : 0;
        const uint64_t base = now_ >> (kBits * (level + 1)) << (kBits * (level + 1));
        if (ahead != 0) return base + (static_cast<uint64_t>(std::countr_zero(ahead)) << (kBits * level));
        // Only of the last level the slots behind are used: they are the next round's.
        if (level + 1 < kLevels) continue;
        const auto slot = static_cast<uint64_t>(std::countr_zero(filled_[level]));
        return base + ((kSlots + slot) << (kBits * level));
    }
    return UINT64_MAX;
}

Time TimerWheel::next() const {
    if (!due_.empty()) return origin_;
    const uint64_t tick = next_tick();
    return tick == UINT64_MAX ? Timer::kNever : origin_ + kTick * static_cast<int64_t>(tick);
}

}  // namespace portico::io
