// What computing over outside data takes, said by the computing itself, step by step. Whoever runs it decides what that means: a worker
// runs it as a job (io/job.h), which gives the thread to others where a turn's time is over, and is ended where its request has had its
// share. Where nobody counts (at load, in tests) a step is free.
//
//     for (const Value value : list) {
//         if (!Meter::spend(1)) return stopped();
//         …
//     }
//
// One thread at a time: the meter belongs to the thread that computes.
#pragma once

#include <algorithm>
#include <cstdint>

namespace portico {

class Meter {
  public:
    // A step is about 5 to 20 ns: a value looked at, a comparison, or so many bytes read or written once.
    static constexpr uint64_t kBytesAStep = 64;
    static constexpr uint64_t steps_of(uint64_t bytes) { return 1 + bytes / kBytesAStep; }

    // @returns false: nothing more may be spent, or nobody wants the result any more. The computing ends at once then, by whichever
    //   error it has; all further calls give false
    static bool spend(uint64_t steps) {
        Meter* const m = current_;
        if (m == nullptr) return true;
        if (steps < m->left_) {
            m->left_ -= steps;
            return true;
        }
        return m->more(steps);
    }

    // For what somebody else's code has done, whose time its bytes do not tell: whoever counts looks at the clock now.
    // @returns as spend()
    static bool look() { return current_ == nullptr || current_->more(0); }

    // The memory for it may not be taken (base/held.h): it ends as where nothing more may be spent.
    static void out_of_memory() {
        if (current_ != nullptr) current_->end_without_memory();
    }

  protected:
    ~Meter() = default;
    virtual void end_without_memory() {}
    // That many steps were taken, and there are not as many left_.
    virtual bool more(uint64_t steps) = 0;

    uint64_t left_ = 0;  // before more() is asked
    static inline constinit thread_local Meter* current_ = nullptr;
};

// A bound of one computing, counted in steps, which are told to the Meter now and then: a step costs a comparison.
class Steps {
  public:
    explicit Steps(uint64_t most) : given_(std::min(most, kSlice)), slice_(given_), beyond_(most - given_) {}
    Steps(const Steps&) = delete;
    Steps& operator=(const Steps&) = delete;
    ~Steps() { Meter::spend(given_ - slice_); }

    // @returns whether there were as many left; if not, none is left
    bool spend(uint64_t steps) {
        if (steps <= slice_) {
            slice_ -= steps;
            return true;
        }
        return more(steps);
    }
    // The same for what another bound has spent, which has told the Meter.
    bool spend_told(uint64_t steps) {
        if (steps > left()) return end();
        const uint64_t of_beyond = std::min(steps, beyond_);
        beyond_ -= of_beyond;
        slice_ -= steps - of_beyond;
        given_ -= steps - of_beyond;
        return true;
    }
    uint64_t left() const { return slice_ + beyond_; }
    // @returns false, always
    bool end() {
        given_ = slice_ = beyond_ = 0;
        return false;
    }

  private:
    static constexpr uint64_t kSlice = 1024;

    bool more(uint64_t steps) {
        if (steps > left()) return end();
        const uint64_t left_then = left() - steps;
        if (!Meter::spend(given_ - slice_ + steps)) return end();
        given_ = slice_ = std::min(left_then, kSlice);
        beyond_ = left_then - slice_;
        return true;
    }

    uint64_t given_;  // with the last slice
    uint64_t slice_;  // left of it
    uint64_t beyond_;
};

}  // namespace portico
