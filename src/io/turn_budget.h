// What a worker may spend, in one turn of its loop, on computing that strangers can ask for, such as the signatures of tokens.
// Who finds it spent stands in line and goes on in a later turn, so that everybody else is served in between. The clients' hosts have
// turns one after the other, each one's own in the order of coming: who asks a thousand times waits for himself. Nobody is sent away,
// and whoever is destroyed has left the line. It holds nothing but who waits.
//
//     if (budget.open()) { const auto spending = budget.spend(); compute(); }
//     else { co_await budget.wait(host); compute(); }
//
// The bound is a time and no number, since a signature takes from 15 µs to 1 ms by its kind and its key. It bounds when the last
// computing of a turn begins: a turn takes that much and one of them. One thread.
#pragma once

#include <array>
#include <coroutine>
#include <map>

#include "base/address.h"
#include "base/intrusive_list.h"
#include "io/loop.h"

namespace portico::io {

class TurnBudget final : private Deferred {
  public:
    // `loop` outlives it.
    TurnBudget(Loop& loop, Duration a_turn) : loop_(loop), a_turn_(a_turn) {}

    // Whether one who comes now may compute at once: nobody stands in line, or is being served from it, and there is time left in
    // this turn.
    bool open() const { return !serving_ && line_.empty() && spent() < a_turn_; }

    // Counts the time for which it lives. @requires open() was asked; not for those who wait()ed: theirs is counted
    class Spending {
      public:
        explicit Spending(TurnBudget& budget) : budget_(budget), began_(budget.loop_.precise_now()) {}
        ~Spending() { budget_.count_since(began_); }
        Spending(const Spending&) = delete;
        Spending& operator=(const Spending&) = delete;

      private:
        TurnBudget& budget_;
        Time began_;
    };
    Spending spend() { return Spending(*this); }
    // For who knows what he takes: what is left of this turn's time, and what was spent of it.
    Duration left() const { return a_turn_ - spent(); }
    void count(Duration time);

    // Who stands in line. Those of one host have turns by kind, and within a kind in the order of coming.
    enum class Kind : uint8_t {
        whole,  // what it does, it does in one turn
        fresh,  // may be left in the middle, and has not begun
        begun,
    };
    // Of one host no more begin than this before one has ended: what has begun holds memory, and ends later the more there are.
    static constexpr size_t kBegunAHost = 32;
    // With so many begun in all, each host may have one.
    static constexpr size_t kManyBegun = 96;

    class Waiter : public ListHook<TurnBudget> {
      public:
        Waiter(const IpAddress& host, Kind kind) : host_(host), kind_(kind) {}
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;

      protected:
        ~Waiter() { leave_line(); }
        void leave_line() {
            if (linked()) budget_->leave(*this);
        }
        // From its next join() on.
        void has_begun() { kind_ = Kind::begun; }

      private:
        friend class TurnBudget;
        // At the front, and no longer in line. @param end of the time that there is in this turn: who knows his own may come again
        virtual void on_turn(Time end) = 0;
        TurnBudget* budget_ = nullptr;  // in whose line
        IpAddress host_;
        Kind kind_;
    };
    void join(Waiter& one);

    // co_await budget.wait(host): goes on at the front of the line, outside of every call. All that is then done before the next wait
    // counts, so that many who find nothing left to compute do not make a turn long either.
    // @param host of the client, IpAddress::of_host()
    class Wait final : private Waiter {
      public:
        Wait(TurnBudget& budget, const IpAddress& host) : Waiter(host, Kind::whole), budget_(budget) {}
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> h) {
            waiter_ = h;
            budget_.join(*this);
        }
        void await_resume() const {}

      private:
        void on_turn(Time) override { waiter_.resume(); }
        TurnBudget& budget_;
        std::coroutine_handle<> waiter_;
    };
    Wait wait(const IpAddress& host) { return Wait(*this, host); }

  private:
    // Those of one host that wait.
    struct Share : ListHook<Share> {
        std::array<IntrusiveList<Waiter, TurnBudget>, 3> waits;  // by Kind
        std::array<size_t, 3> count{};
        size_t last = 0;  // the kind that had the last turn
        bool empty() const { return count[0] + count[1] + count[2] == 0; }
    };
    bool may_begin(const Share& share) const;
    void leave(Waiter& one);
    Waiter* next();
    void on_deferred() override;
    Duration spent() const { return turn_ == loop_.turns() ? spent_ : Duration::zero(); }
    void count_since(Time began);

    Loop& loop_;
    const Duration a_turn_;
    std::map<IpAddress, Share> shares_;  // none is empty
    IntrusiveList<Share, Share> line_;   // the same, by their turns
    size_t begun_ = 0;  // of all in line
    bool serving_ = false;  // one of the line goes on
    uint64_t turn_ = 0;     // in which spent_ was spent
    Duration spent_{};
};

}  // namespace portico::io
