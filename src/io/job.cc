#include "io/job.h"

#include <utility>

namespace portico::io {

bool Job::await_ready() {
    TurnBudget& budget = jobs_.budget_;
    if (!budget.open()) return false;
    // One by one: to assign one to the other would read whole what was only just written in parts.
    began_.reset();
    end_.reset();
    const Allowance before = allowance_;
    go_on();
    budget.count(began_ ? jobs_.loop_.precise_now() - *began_ : static_cast<int64_t>(before - allowance_) * Jobs::kAStep);
    return over_;
}

void Job::await_suspend(std::coroutine_handle<> h) {
    waiter_ = h;
    jobs_.budget_.join(*this);
    set(jobs_.loop_.timers(), due_);
}

void Job::on_turn(Time end) {
    end_ = end;
    go_on();
    if (!over_) return jobs_.budget_.join(*this);
    cancel();
    waiter_.resume();
}

void Job::on_timer() {
    leave_line();
    end_as_ = Jobs::End::late;
    const Time began = jobs_.loop_.precise_now();
    abandon();
    jobs_.budget_.count(jobs_.loop_.precise_now() - began);
    waiter_.resume();
}

void Job::go_on() {
    if (stack_ == nullptr) {
        stack_ = jobs_.stacks_.take();
        if (stack_ == nullptr) {
            // Where others have one, it waits for that; where nobody has, there is none to be had.
            over_ = jobs_.stacks_.in_use() == 0;
            if (over_) end_as_ = Jobs::End::no_memory;
            return;
        }
        stack_->begin([](void* job) { static_cast<Job*>(job)->compute(); }, this);
        has_begun();
        left_ = given_ = std::min(jobs_.steps_a_look_, allowance_);
    }
    Meter* const outer = current_;
    current_ = this;
    {
        const Holder::Current held_for(holder_);
        over_ = stack_->resume();
    }
    current_ = outer;
    if (!over_) return;
    jobs_.stacks_.give_back(std::move(stack_));
    // Other jobs may have spent from the same since.
    if (end_as_ == Jobs::End::whole) allowance_ -= std::min(allowance_, given_ - left_);
}

// Called on the job's own stack.
bool Job::more(uint64_t steps) {
    if (abandoned_ || end_as_ != Jobs::End::whole) return false;
    const uint64_t spent = given_ - left_ + steps;
    given_ = left_ = 0;
    if (spent > allowance_) {
        allowance_ = 0;
        end_as_ = Jobs::End::exhausted;
        return false;
    }
    allowance_ -= spent;
    const Time now = jobs_.loop_.precise_now();
    if (!end_) {
        began_ = now - static_cast<int64_t>(spent) * Jobs::kAStep;
        end_ = *began_ + jobs_.budget_.left();
    }
    if (jobs_.loop_.turn_time().over() || now >= *end_) stack_->leave();
    if (abandoned_) return false;
    left_ = given_ = std::min(jobs_.steps_a_look_, allowance_);
    return true;
}

void Job::end_without_memory() {
    if (end_as_ == Jobs::End::whole) end_as_ = Jobs::End::no_memory;
    left_ = given_ = 0;
}

void Job::abandon() {
    if (stack_ == nullptr) return;
    abandoned_ = true;
    left_ = given_ = 0;
    go_on();
}

}  // namespace portico::io
