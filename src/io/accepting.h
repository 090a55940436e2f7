// A listening socket that gives a worker rest where there is nothing left to accept with: the kernel goes on telling of the connection
// that it could not hand over, and whoever tried again at once would do nothing else.
#pragma once

#include <memory>
#include <utility>

#include "io/loop.h"
#include "io/socket.h"

namespace portico::io {

class Accepting final : private Acceptor::Sink, private Timer {
  public:
    class Sink {
      public:
        virtual void on_accept(std::unique_ptr<Stream> stream) = 0;
        // No descriptor, or no memory, has been left for kPause, and a connection waits: something may be closed for it. It is tried again
        // after kPause. @param error ENFILE, EMFILE, ENOBUFS or ENOMEM
        virtual void on_nothing_left(int error) = 0;

      protected:
        ~Sink() = default;
    };
    static constexpr Duration kPause = std::chrono::milliseconds(20);

    // @param fd listening, non-blocking; owned from now on. `loop` and `sink` outlive it
    Accepting(Loop& loop, int fd, Sink& sink) : loop_(loop), fd_(fd), sink_(sink), acceptor_(loop.backend().listen(fd, *this)) {}

    // What has connected by now, before it goes.
    void take_all() { acceptor_->take_all(); }

  private:
    void on_accept(std::unique_ptr<Stream> stream) override {
        short_ = false;
        sink_.on_accept(std::move(stream));
    }
    // Who took the last descriptor has just come, and its request may be here: it gets a pause before it could be what is closed. An accept
    // that was only armed fails as well, with nobody behind it.
    void on_accept_error(int error) override {
        set(loop_.timers(), loop_.now() + kPause);
        if (std::exchange(short_, true) && is_readable(fd_)) sink_.on_nothing_left(error);
    }
    void on_timer() override { acceptor_->resume(); }

    Loop& loop_;
    const int fd_;
    Sink& sink_;
    bool short_ = false;  // nothing was left at the last try, and none has been taken since
    std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace portico::io
