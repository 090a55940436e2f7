// A gate: one coroutine waits before it until somebody opens it. The waiter is known only while it waits: a coroutine that is
// destroyed before the gate has left it by then, so that opening never resumes one that is gone. One thread.
#pragma once

#include <coroutine>
#include <utility>

namespace portico::io {

class Gate {
  public:
    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    class Wait {
      public:
        explicit Wait(Gate& gate) : gate_(gate) {}
        Wait(const Wait&) = delete;
        ~Wait() {
            if (gate_.waiter_ == this) gate_.waiter_ = nullptr;
        }
        bool await_ready() const { return gate_.open_; }
        void await_suspend(std::coroutine_handle<> h) {
            handle_ = h;
            gate_.waiter_ = this;
        }
        void await_resume() const {}

      private:
        friend class Gate;
        Gate& gate_;
        std::coroutine_handle<> handle_;
    };

    // co_await gate.opened(): goes on at once where it is open. @requires nobody else waits
    Wait opened() { return Wait(*this); }
    bool waited_for() const { return waiter_ != nullptr; }
    // Resumes who waits, at once.
    void open() {
        open_ = true;
        if (Wait* waiter = std::exchange(waiter_, nullptr)) waiter->handle_.resume();
    }
    // @requires nobody waits
    void shut() { open_ = false; }

  private:
    Wait* waiter_ = nullptr;
    bool open_ = false;
};

}  // namespace portico::io
