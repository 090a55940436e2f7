// A socket of the simulated network, as its kernel knows it: what has come and lies there unread, what is on its way, and how the
// other end left. SimStream makes a Stream of one; a test's own peers use one as it is (SimPeer). Private to io/sim, but for SimPeer.
#pragma once

#include <sys/types.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"

namespace portico::io {

class SimNetwork;

class SimSocket final : public std::enable_shared_from_this<SimSocket> {
  public:
    // Whoever is told when something came or left, from inside of the kernel: it may only take note.
    class User {
      public:
        virtual void on_came() = 0;  // bytes, or the peer's end
        virtual void on_room() = 0;  // what is sent may be more

      protected:
        ~User() = default;
    };
    SimSocket(SimNetwork& net, const SocketAddress& local, const SocketAddress& remote, size_t capacity)
        : net_(net), local_(local), remote_(remote), capacity_(capacity) {}
    static void join(const std::shared_ptr<SimSocket>& a, const std::shared_ptr<SimSocket>& b);
    // What lay at the other end when it began a write.
    struct Known {
        uint64_t at = 0;     // where the write's first byte stands among all that it sent
        uint64_t came = 0;   // bytes that had come to it by then, read or not
        bool ended = false;  // and the end of this side
    };

    void set_user(User* user) { user_ = user; }
    const SocketAddress& local() const { return local_; }
    const SocketAddress& remote() const { return remote_; }

    // @returns bytes, 0 at the end, -EAGAIN, -ECONNRESET
    ssize_t receive(char* into, size_t most);
    // What receive() would bring first; empty when it would say something else.
    std::string_view there() const { return there_; }
    // True where receive() would not say -EAGAIN.
    bool readable() const { return !there_.empty() || end_there_ || reset_there_; }
    bool ended() const { return end_there_ || reset_there_; }
    // @param together the bytes arrive at once, with those that were sent before
    // @returns bytes, which may be fewer; -EAGAIN, -EPIPE
    ssize_t send(std::string_view bytes, bool together = false);
    size_t room() const;
    bool writable() const;
    // A write begins, whose bytes are sent then or later.
    void begin_write();
    // What the peer knew when it began the write whose bytes stand at `offset` here. Asked with offsets that grow.
    std::optional<Known> peer_knew(uint64_t offset);
    void shut_down();
    // What is here, or on its way, is all that it has room for, until some of that is read.
    void take_no_more() { capacity_ = std::min(capacity_, there_.size() + flying_.size()); }
    // @param abort the peer sees a reset; it does so as well where bytes lie here unread
    void close(bool abort);

  private:
    void depart();
    void arrive();
    void break_off();

    SimNetwork& net_;
    std::weak_ptr<SimSocket> peer_;
    User* user_ = nullptr;
    SocketAddress local_, remote_;
    // Towards this socket.
    size_t capacity_;
    std::string there_;
    std::string flying_;
    std::deque<Known> writes_;  // the peer's
    uint64_t came_ = 0, flown_ = 0;  // bytes, in all: that arrived, that were sent
    size_t together_ = 0;  // so many of the flying bytes arrive at once
    bool moving_ = false;  // something is on its way, and a moment is set at which it arrives
    bool end_sent_ = false, end_there_ = false;
    bool reset_sent_ = false, reset_there_ = false;
    bool closed_ = false;  // this end
};

// An end of a connection in the hands of a test: it reads and writes when it pleases, and waits for nothing.
class SimPeer {
  public:
    explicit SimPeer(std::shared_ptr<SimSocket> socket) : socket_(std::move(socket)) {}
    ~SimPeer() { socket_->close(false); }
    SimPeer(const SimPeer&) = delete;
    SimPeer& operator=(const SimPeer&) = delete;

    ssize_t receive(char* into, size_t most) { return socket_->receive(into, most); }
    ssize_t send(std::string_view bytes, bool together = false) { return socket_->send(bytes, together); }
    void shut_down() { socket_->shut_down(); }
    void reset() { socket_->close(true); }
    void take_no_more() { socket_->take_no_more(); }
    std::optional<SimSocket::Known> peer_knew(uint64_t offset) { return socket_->peer_knew(offset); }
    const SocketAddress& local() const { return socket_->local(); }
    const SocketAddress& remote() const { return socket_->remote(); }

  private:
    std::shared_ptr<SimSocket> socket_;
};

}  // namespace portico::io
