#include "io/turn_budget.h"

namespace portico::io {

void TurnBudget::join(Waiter& one) {
    one.budget_ = this;
    Share& share = shares_[one.host_];
    const auto kind = static_cast<size_t>(one.kind_);
    share.waits[kind].push_back(one);
    ++share.count[kind];
    if (one.kind_ == Kind::begun) ++begun_;
    if (!share.linked()) line_.push_back(share);
    if (!linked()) loop_.defer_to_next(*this);
}

bool TurnBudget::may_begin(const Share& share) const {
    return share.count[static_cast<size_t>(Kind::begun)] < (begun_ < kManyBegun ? kBegunAHost : 1);
}

TurnBudget::Waiter* TurnBudget::next() {
    if (line_.empty()) return nullptr;
    Share& share = line_.front();
    size_t kind = share.last;
    do {
        kind = (kind + 1) % share.count.size();
    } while (share.count[kind] == 0 || (kind == static_cast<size_t>(Kind::fresh) && !may_begin(share)));
    share.last = kind;
    Waiter& first = share.waits[kind].front();
    line_.push_back(share);
    leave(first);
    return &first;
}

void TurnBudget::leave(Waiter& one) {
    one.unlink();
    const auto share = shares_.find(one.host_);
    --share->second.count[static_cast<size_t>(one.kind_)];
    if (one.kind_ == Kind::begun) --begun_;
    if (share->second.empty()) shares_.erase(share);
}

void TurnBudget::count_since(Time began) { count(loop_.precise_now() - began); }

void TurnBudget::count(Duration time) {
    loop_.turn_time().spent_at(Turn::kComputing, time);
    spent_ = spent() + time;
    turn_ = loop_.turns();
}

// After everybody whose bytes came had their turn. One goes on at least, however long it takes, for nobody else spends the time of
// a turn that begins with a line; one that forms when a turn's time is spent waits for the next.
void TurnBudget::on_deferred() {
    if (spent() < a_turn_) {
        const Time began = loop_.precise_now();
        const Time end = began + (a_turn_ - spent());
        serving_ = true;
        do {
            Waiter* const first = next();
            if (first == nullptr) break;
            first->on_turn(end);
        } while (loop_.precise_now() < end);
        serving_ = false;
        count_since(began);
    }
    if (!line_.empty() && !linked()) loop_.defer_to_next(*this);
}

}  // namespace portico::io
