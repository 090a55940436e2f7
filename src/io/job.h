// Computing on a worker that may take longer than a turn of its loop has time for: decoding, parsing, edits, rendering. It runs on a
// stack of its own, so that it can be left wherever it says what it takes (base/meter.h), and is taken up in a later turn, behind
// everybody whose bytes came; the clients' hosts have turns one after the other (io/turn_budget.h). What ends within the turn never
// left it.
//
//     const auto jobs_end = co_await jobs.run(host, &holder, allowance, due, [&] { out = decode(body); });
//
// The function is an ordinary one: it may not wait for anything else. Destroyed while it runs, a job is told at its next step, and ends
// before the destructor does. One thread.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>

#include "base/held.h"
#include "base/meter.h"
#include "io/fiber_stack.h"
#include "io/timer.h"
#include "io/turn_budget.h"

namespace portico::io {

// What one client's request, or anything else that asks for computing, may still spend, in steps.
using Allowance = uint64_t;

class Jobs {
  public:
    // So many may be left in the middle; the others wait before they begin.
    static constexpr size_t kMost = 128;

    // `loop` and `budget` outlive it.
    Jobs(Loop& loop, TurnBudget& budget) : loop_(loop), budget_(budget), stacks_(kMost) {}

    enum class End : uint8_t {
        whole,
        exhausted,  // the allowance was spent: what was made is worth nothing
        no_memory,  // it would have held more than its worker may: likewise
        late,       // it was due before it had its turns: likewise
    };

    template <typename F>
    class Run;
    // @param host of the client, IpAddress::of_host()  @param holder for whom memory is taken; nullptr: for nobody
    // @param allowance what is spent is taken from it  @param due until when it may wait for its turns; kNever: as long as it takes
    // @requires `holder`, `allowance` and all that `f` names live until it is over
    template <typename F>
    Run<F> run(const IpAddress& host, Holder* holder, Allowance& allowance, Time due, F f) {
        return Run<F>(*this, host, holder, allowance, due, std::move(f));
    }
    // Those that have begun and are not over.
    size_t begun() const { return stacks_.in_use(); }
    // For the simulation, whose bodies are small: how many steps lie between two looks at the time.
    void look_after(uint64_t steps) { steps_a_look_ = steps; }

  private:
    friend class Job;

    // For what is too short to be measured: on the high side.
    static constexpr Duration kAStep = std::chrono::nanoseconds(10);

    Loop& loop_;
    TurnBudget& budget_;
    FiberStacks stacks_;
    uint64_t steps_a_look_ = 4096;
};

class Job : private Meter, private TurnBudget::Waiter, private Timer {
  public:
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h);
    Jobs::End await_resume() const { return end_as_; }

  protected:
    Job(Jobs& jobs, const IpAddress& host, Holder* holder, Allowance& allowance, Time due)
        : Waiter(host, TurnBudget::Kind::fresh), jobs_(jobs), holder_(holder), allowance_(allowance), due_(due) {}
    ~Job() override = default;
    // Told to end at its next step, it ends. To be called by the destructor of whoever has the function.
    void abandon();

  private:
    virtual void compute() = 0;
    bool more(uint64_t steps) override;
    void end_without_memory() override;
    void on_turn(Time end) override;
    // It is due, and waits for a turn.
    void on_timer() override;
    // Runs until its time is over, or waits for a stack.
    void go_on();

    Jobs& jobs_;
    Holder* const holder_;
    Allowance& allowance_;
    const Time due_;
    std::unique_ptr<FiberStack> stack_;  // once it has begun
    std::coroutine_handle<> waiter_;
    // Of the time that it has now. What is short never asks the clock.
    std::optional<Time> began_, end_;
    uint64_t given_ = 0;  // steps, at the last look
    bool over_ = false;
    Jobs::End end_as_ = Jobs::End::whole;
    bool abandoned_ = false;
};

template <typename F>
class [[nodiscard]] Jobs::Run final : public Job {
  public:
    Run(Jobs& jobs, const IpAddress& host, Holder* holder, Allowance& allowance, Time due, F f)
        : Job(jobs, host, holder, allowance, due), f_(std::move(f)) {}
    ~Run() override { abandon(); }

  private:
    void compute() override { f_(); }
    F f_;
};

}  // namespace portico::io
