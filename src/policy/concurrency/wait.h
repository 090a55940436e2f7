// A request's wait for its place: ended by whoever leaves (on any worker), by its own time, or by its client, who is gone.
// Lives in the frame of the coroutine that waits; one worker's.
#pragma once

#include <coroutine>
#include <memory>

#include "io/loop.h"
#include "policy/concurrency/in_flight.h"

namespace portico::policy::concurrency {

// co_await it: true with a place, which then is the caller's to leave; false when there was none in time.
class Wait final : private InFlight::Waiter, private io::Timer {
  public:
    Wait(io::Loop& loop, InFlight& table, std::string_view key, uint32_t room, Time until)
        : loop_(loop), table_(table), until_(until), word_(std::make_shared<Word>(Word{this})), turn_(table.enter_or_wait(key, room, *this)) {}
    ~Wait() override {
        word_->wait = nullptr;
        if (turn_ == InFlight::Turn::refused || settled_) return;
        if (turn_ == InFlight::Turn::placed || !table_.withdraw(*this)) table_.leave(entry());
    }

    // There is neither a place nor room in the line.
    bool is_refused() const { return turn_ == InFlight::Turn::refused; }
    InFlight::Entry* place() const { return entry(); }

    bool await_ready() const { return turn_ != InFlight::Turn::waits; }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        set(loop_.timers(), until_);
    }
    bool await_resume() {
        settled_ = true;
        return turn_ == InFlight::Turn::placed;
    }

  private:
    // What travels from the other worker: it may arrive after this is gone.
    struct Word {
        Wait* wait;  // only the waiter's own thread looks at it
    };

    void on_place() override {
        loop_.post([word = word_] {
            if (word->wait != nullptr) word->wait->end(InFlight::Turn::placed);
        });
    }
    void on_timer() override {
        if (table_.withdraw(*this)) end(InFlight::Turn::refused);
        // Else the word is on its way.
    }
    void end(InFlight::Turn turn) {
        turn_ = turn;
        cancel();
        waiter_.resume();
    }

    io::Loop& loop_;
    InFlight& table_;
    Time until_;
    std::shared_ptr<Word> word_;
    std::coroutine_handle<> waiter_;
    bool settled_ = false;
    InFlight::Turn turn_;  // last: from then on another worker may call
};

}  // namespace portico::policy::concurrency
