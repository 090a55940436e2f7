// What the two kinds of simulated streams share: a socket, and the descriptors that a caller may ask for. Private to io/sim.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "io/sim/backend.h"

namespace portico::io {

class SimStream : public Stream, protected SimSocket::User {
  public:
    SimStream(SimNetwork& net, SimBackend& backend, std::shared_ptr<SimSocket> socket);
    ~SimStream() override;
    SimStream(const SimStream&) = delete;
    SimStream& operator=(const SimStream&) = delete;

    void shutdown_write() override { socket_->shut_down(); }
    void abort_on_close() override { abort_ = true; }
    SocketAddress peer() const override { return socket_->remote(); }
    SocketAddress local() const override { return socket_->local(); }
    // A number that stands for no descriptor: bytes pass by splice_to() and splice_from().
    int splice_fd() const override;
    ssize_t splice_to(int pipe, size_t most) override;
    ssize_t splice_from(int pipe, size_t most, bool more) override;
    // A real descriptor, made for this, of which a look says what one at the socket would.
    int look_fd() const override;

  protected:
    // Runs `f` in the loop's next turn, unless the stream is gone by then.
    template <class F>
    void complete(F f) {
        ready_->push_back([self = self_, f = std::move(f)] {
            if (*self) f();
        });
    }
    // The same outside of the loop's code, where the kernel works: in any order with what others submit, but in its own among these.
    template <class F>
    void submit(F f) {
        submitted_.emplace_back(std::move(f));
        net_.later({}, [this, self = self_] {
            if (!*self) return;
            const std::function<void()> first = std::move(submitted_.front());
            submitted_.pop_front();
            first();
        });
    }

    SimNetwork& net_;
    SimBackend& backend_;
    std::shared_ptr<SimSocket> socket_;

  private:
    std::shared_ptr<SimBackend::Ready> ready_;
    std::shared_ptr<bool> self_ = std::make_shared<bool>(true);
    std::deque<std::function<void()>> submitted_;
    bool abort_ = false;
    mutable int look_near_ = -1, look_far_ = -1;
    mutable bool look_has_byte_ = false;
};

}  // namespace portico::io
