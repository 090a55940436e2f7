#include "io/sim/stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace portico::io {

SimStream::SimStream(SimNetwork& net, SimBackend& backend, std::shared_ptr<SimSocket> socket)
    : net_(net), backend_(backend), socket_(std::move(socket)), ready_(backend.ready()) {
    socket_->set_user(this);
}

SimStream::~SimStream() {
    *self_ = false;
    socket_->close(abort_);
    if (look_near_ >= 0) ::close(look_near_);
    if (look_far_ >= 0) ::close(look_far_);
}

int SimStream::splice_fd() const { return net_.weather().seed == 0 ? -1 : 1 << 20; }

ssize_t SimStream::splice_to(int pipe, size_t most) {
    const std::string_view there = socket_->there();
    if (there.empty()) {
        char none;
        const ssize_t end = socket_->receive(&none, 1);
        if (end > 0) return ::write(pipe, &none, 1);
        if (end < 0) errno = static_cast<int>(-end);
        return end < 0 ? -1 : 0;
    }
    const ssize_t n = ::write(pipe, there.data(), std::min({most, there.size(), net_.weather().most_spliced}));
    std::string moved(static_cast<size_t>(std::max<ssize_t>(n, 0)), '\0');
    // A receive may bring less than it could.
    for (size_t at = 0; at < moved.size();) at += static_cast<size_t>(socket_->receive(moved.data() + at, moved.size() - at));
    return n;
}

ssize_t SimStream::splice_from(int pipe, size_t most, bool) {
    const size_t room = socket_->writable() ? std::max<size_t>(socket_->room(), 1) : 0;
    if (room == 0) {
        errno = EAGAIN;
        return -1;
    }
    std::string bytes(std::min({most, room, net_.weather().most_spliced}), '\0');
    const ssize_t n = ::read(pipe, bytes.data(), bytes.size());
    if (n <= 0) return n;
    bytes.resize(static_cast<size_t>(n));
    if (const ssize_t sent = socket_->send(bytes, true); sent < 0) {
        errno = static_cast<int>(-sent);
        return -1;
    }
    return n;
}

int SimStream::look_fd() const {
    if (look_near_ < 0) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -1;
        look_near_ = ends[0];
        look_far_ = ends[1];
    }
    char byte = 0;
    const bool has = !socket_->there().empty();
    if (has && !look_has_byte_) look_has_byte_ = ::send(look_far_, &byte, 1, MSG_NOSIGNAL) == 1;
    if (!has && look_has_byte_) look_has_byte_ = ::recv(look_near_, &byte, 1, 0) != 1;
    if (!has && socket_->ended() && look_far_ >= 0) {
        ::close(look_far_);
        look_far_ = -1;
    }
    return look_near_;
}

}  // namespace portico::io
