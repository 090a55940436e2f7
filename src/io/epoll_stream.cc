#include "io/epoll_stream.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/epoll_backend_impl.h"
#include "io/socket.h"

namespace portico::io {
namespace {
constexpr uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
}

EpollStream::EpollStream(EpollBackend& backend, BufferPool& buffers, int fd, const SocketAddress& peer, bool registered)
    : backend_(backend), buffers_(buffers), peer_(peer), fd_(fd) {
    lost_ = backend_.control(registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd_, kEvents, this);
}

EpollStream::~EpollStream() {
    if (gone_ != nullptr) *gone_ = true;
    backend_.forget(this);
    if (abort_) reset_on_close(fd_);
    ::close(fd_);
}

bool EpollStream::start_read(StreamOp& op) {
    if (lost_ != 0) {
        op.result.value = -lost_;
        return true;
    }
    const bool next_turn = readable_ && backend_.turn().over();
    if (readable_ && !next_turn && try_read(op)) return true;
    reader_ = &op;
    waits_read_ = false;
    if (next_turn) backend_.go_on_next_turn(*this);
    return false;
}

void EpollStream::go_on() {
    bool gone = false;
    gone_ = &gone;
    if (reader_ != nullptr && !waits_read_) resume_reader();
    if (gone) return;
    if (closed_ && reader_ == nullptr) look();
    if (gone) return;
    if (writer_ != nullptr && !waits_write_) resume_writer();
    if (!gone) gone_ = nullptr;
}

void EpollStream::resume_reader() {
    StreamOp& op = *reader_;
    if (waits_read_) op.result.value = 1;
    else if (!try_read(op)) return;
    reader_ = nullptr;
    op.resume();
}

void EpollStream::resume_writer() {
    StreamOp& op = *writer_;
    if (waits_write_) op.result.value = 1;
    else if (!try_write(op)) return;
    writer_ = nullptr;
    op.resume();
}

bool EpollStream::try_read(StreamOp& op) {
    Buffer& into = *op.buffer;
    const bool fresh = !into.has_block();
    into.ensure(buffers_, kSmallBuffer);
    const uint32_t room = backend_.turn().most_bytes(op.room());
    ssize_t n;
    do n = ::recv(fd_, into.tail(), room, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        into.commit(static_cast<uint32_t>(n));
        op.result.value = static_cast<int32_t>(n);
        backend_.turn().count(static_cast<uint64_t>(n));
        // A short read has drained the socket. After the peer's end there is still that end to read.
        if (static_cast<uint32_t>(n) < room && !closed_ && !urgent_) readable_ = false;
        return true;
    }
    const int error = errno;
    if (fresh) into.release();
    if (n < 0 && error == EAGAIN) {
        readable_ = false;
        return false;
    }
    if (n < 0) error_ = error;
    op.result.value = -error_;
    return true;
}

bool EpollStream::start_write(StreamOp& op) {
    written_ = 0;
    if (lost_ != 0) {
        op.result.value = -lost_;
        return true;
    }
    const bool next_turn = writable_ && backend_.turn().over();
    if (writable_ && !next_turn && try_write(op)) return true;
    writer_ = &op;
    waits_write_ = false;
    if (next_turn) backend_.go_on_next_turn(*this);
    return false;
}

bool EpollStream::try_write(StreamOp& op) {
    Buffer& from = *op.buffer;
    while (!from.empty()) {
        const ssize_t n = ::send(fd_, from.data(), from.size(), MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) {
                writable_ = false;
                return false;
            }
            op.result.value = -errno;
            if (errno == ECONNRESET) note_reset();
            return true;
        }
        from.consume(static_cast<uint32_t>(n));
        written_ += static_cast<uint32_t>(n);
    }
    op.result.value = static_cast<int32_t>(written_);
    backend_.turn().count(written_);
    return true;
}

bool EpollStream::start_wait(StreamOp& op, bool readable) {
    // The kernel is asked: an edge that was used up says nothing of bytes that whoever moved some has left behind.
    pollfd look{fd_, static_cast<short>(readable ? POLLIN | POLLRDHUP : POLLOUT), 0};
    if (lost_ != 0 || ::poll(&look, 1, 0) > 0) {
        op.result.value = lost_ != 0 ? -lost_ : 1;
        return true;
    }
    if (readable) {
        reader_ = &op;
        waits_read_ = true;
    } else {
        writer_ = &op;
        waits_write_ = true;
    }
    return false;
}

void EpollStream::on_events(uint32_t events) {
    bool gone = false;
    gone_ = &gone;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) closed_ = true;
    if ((events & EPOLLPRI) != 0) urgent_ = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        readable_ = true;
        if (reader_ != nullptr) {
            if (waits_read_ || !goes_on_later()) resume_reader();
        } else if (!closed_) {
            look();
        }
        if (gone) return;
        // The end may have come with the bytes that were just read.
        if (closed_ && reader_ == nullptr) look();
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        writable_ = true;
        if (writer_ != nullptr && (waits_write_ || !goes_on_later())) resume_writer();
        if (gone) return;
    }
    gone_ = nullptr;
}

// Nobody reads, but somebody may watch: what is there to tell is found by a look.
void EpollStream::look() {
    if (watcher_ == nullptr) return;
    if (closed_) return tell_closed();
    if (!readable_) return;
    char byte;
    const ssize_t n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0) return watcher_->on_unasked_bytes();
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        readable_ = false;
        return;
    }
    if (n < 0) error_ = errno;
    tell_closed();
}

bool EpollStream::quiet(bool now) {
    if (lost_ != 0 || error_ != 0) return false;
    if ((announced & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) return false;
    // Bytes that this turn has told of may have been taken before their event was heard: the kernel knows.
    const bool may_have_bytes = readable_ || (announced & EPOLLIN) != 0;
    if (!now && !may_have_bytes && backend_.told_all()) return !closed_;
    char byte;
    const ssize_t n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n >= 0 || (errno != EAGAIN && errno != EINTR)) return false;
    readable_ = false;
    return true;
}

bool EpollStream::at_end() {
    if (lost_ != 0) return true;
    if (!closed_) return false;
    char byte;
    return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

void EpollStream::tell_closed() {
    if (told_ || watcher_ == nullptr) return;
    told_ = true;
    // Asking for it clears it: kept, so that a broken connection does not read as one that ended in order.
    if (const int error = pending_error(fd_)) error_ = error;
    watcher_->on_peer_closed(error_);
}

void EpollStream::watch(StreamWatcher* watcher) {
    watcher_ = watcher;
    // Its edge may have passed already: what came with the last read, but was not asked for, shows only at a look.
    if (reader_ == nullptr) look();
}

void EpollStream::interrupt(int error, Direction which) {
    bool gone = false;
    bool* outer = std::exchange(gone_, &gone);
    StreamOp* reader = which != Direction::write ? std::exchange(reader_, nullptr) : nullptr;
    interrupted_write_ = which != Direction::read ? std::exchange(writer_, nullptr) : nullptr;
    if (reader != nullptr) reader->finish(-error);
    // Whoever was resumed may have destroyed the writer, or begun another write that is none of this interruption's.
    if (!gone) {
        if (StreamOp* op = std::exchange(interrupted_write_, nullptr)) op->finish(-error);
    }
    if (!gone) gone_ = outer;
    else if (outer != nullptr) *outer = true;
}

void EpollStream::shutdown_write() { ::shutdown(fd_, SHUT_WR); }

SocketAddress EpollStream::local() const { return local_address(fd_); }

}  // namespace portico::io
