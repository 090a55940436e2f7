// An end of a connection in an actor's hands, in the simulation or on a real socket. For tests only.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>

#include "io/sim/network.h"

namespace portico::server::model {

// Destroying it closes the connection in order (with a reset where bytes lie there unread).
class Wire {
  public:
    virtual ~Wire() = default;
    // @param together the bytes arrive at once with those before, as far as they are taken at all
    // @returns bytes, or -errno
    virtual ssize_t send(std::string_view bytes, bool together) = 0;
    // @returns bytes, 0 at the end, or -errno
    virtual ssize_t receive(char* into, size_t most) = 0;
    virtual void shut_down() = 0;
    virtual void reset() = 0;
    // Its buffer of what comes is full, from now on.
    virtual void take_no_more() {}
    // What had come to the other end when it began the write whose bytes stand at `offset` here; nothing where nobody can tell.
    virtual std::optional<io::SimSocket::Known> peer_knew(uint64_t) { return {}; }
};

class SimWire final : public Wire {
  public:
    explicit SimWire(std::unique_ptr<io::SimPeer> peer) : peer_(std::move(peer)) {}
    ssize_t send(std::string_view bytes, bool together) override { return peer_->send(bytes, together); }
    ssize_t receive(char* into, size_t most) override { return peer_->receive(into, most); }
    void shut_down() override { peer_->shut_down(); }
    void reset() override { peer_->reset(); }
    void take_no_more() override { peer_->take_no_more(); }
    std::optional<io::SimSocket::Known> peer_knew(uint64_t offset) override { return peer_->peer_knew(offset); }

  private:
    std::unique_ptr<io::SimPeer> peer_;
};

class SocketWire final : public Wire {
  public:
    explicit SocketWire(int fd) : fd_(fd) {}
    ~SocketWire() override { ::close(fd_); }
    SocketWire(const SocketWire&) = delete;
    SocketWire& operator=(const SocketWire&) = delete;
    ssize_t send(std::string_view bytes, bool) override { return result(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT)); }
    ssize_t receive(char* into, size_t most) override { return result(::recv(fd_, into, most, MSG_DONTWAIT)); }
    void shut_down() override { ::shutdown(fd_, SHUT_WR); }
    void reset() override {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        // The last descriptor of the connection: its number stays this object's.
        const int none = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ::dup2(none, fd_);
        ::close(none);
    }

  private:
    static ssize_t result(ssize_t n) { return n < 0 ? -errno : n; }
    int fd_;
};

}  // namespace portico::server::model
