#include "io/turn_budget.h"

namespace portico::io {

void TurnBudget::join(Wait& one) {
    line_.push_back(one);
    if (!linked()) loop_.defer_to_next(*this);
}

void TurnBudget::count_since(Time began) {
    spent_ = spent() + (loop_.precise_now() - began);
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
            Wait* const first = line_.pop_front();
            if (first == nullptr) break;
            first->waiter_.resume();
        } while (loop_.precise_now() < end);
        serving_ = false;
        count_since(began);
    }
    if (!line_.empty() && !linked()) loop_.defer_to_next(*this);
}

}  // namespace portico::io
