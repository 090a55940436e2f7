#include "io/uring_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "io/socket.h"
#include "io/uring_backend_impl.h"

namespace portico::io {

UringStream::UringStream(UringBackend& backend, int fd, const SocketAddress& peer)
    : socket_(new UringSocket(backend, fd)), peer_(peer) {
    socket_->owner = this;
}

UringStream::~UringStream() {
    if (gone_ != nullptr) *gone_ = true;
    UringSocket& s = *socket_;
    s.owner = nullptr;
    s.reader = s.writer = nullptr;
    s.drop_waiting();
    if (abort_) reset_on_close(s.fd);
    if (s.in_flight > 0) {
        // What is cancelled holds the file: the peer would not see the end before the last operation is gone. Where it is to
        // see a reset, it has to wait for that: shutting down would show it an end in order first.
        if (!abort_) ::shutdown(s.fd, SHUT_RDWR);
        s.backend.cancel_all_of(s.fd);
    }
    release_if_over(s);
}

void UringStream::release_if_over(UringSocket& s) {
    if (s.owner != nullptr || s.in_flight > 0) return;
    s.drop_waiting();
    s.close();
    delete &s;
}

bool UringStream::start_wait(StreamOp& op, bool readable) {
    UringSocket& s = *socket_;
    if (!readable) {
        s.writer = &op;
        s.waits_write = true;
        if (!s.poll_out_armed) s.arm_poll(POLLOUT, UringTag::poll_out);
        return false;
    }
    if (s.has_bytes()) {
        op.result.value = -EBUSY;  // bytes are here already: read them first
        return true;
    }
    if (s.error != 0 || s.eof) {
        op.result.value = s.error != 0 ? -s.error : 1;
        return true;
    }
    s.reader = &op;
    s.waits_read = true;
    arm_reader(s);
    return false;
}

void UringStream::abandon_write() {
    UringSocket& s = *socket_;
    interrupted_write_ = nullptr;
    StreamOp* op = std::exchange(s.writer, nullptr);
    if (op == nullptr || !s.send_armed) return;
    s.give_up().write = std::move(*op->buffer);
    s.backend.cancel(UringBackend::data_of(&s, UringTag::send));
}

bool UringStream::start_write(StreamOp& op) {
    UringSocket& s = *socket_;
    s.writer = &op;
    s.waits_write = false;
    s.sent = 0;
    s.send_left = op.buffer->size();
    s.arm_send(op.buffer->data(), s.send_left);
    return false;
}

void UringStream::complete(UringSocket& s, UringTag tag, int result, uint32_t flags) {
    switch (tag) {
        case UringTag::receive_many: on_many(s, result, flags); break;
        case UringTag::receive_one: on_one(s, result); break;
        case UringTag::send: on_send(s, result); break;
        case UringTag::poll_in: on_poll_in(s, result); break;
        case UringTag::poll_out: {
            s.poll_out_armed = false;
            s.count_out();
            if (s.owner == nullptr) return release_if_over(s);
            // The waiter may have been interrupted, and a write begun.
            if (!s.waits_write) break;
            if (StreamOp* op = std::exchange(s.writer, nullptr)) op->finish(result < 0 ? result : 1);
            break;
        }
        case UringTag::none:
        case UringTag::target: break;
    }
}

void UringStream::on_send(UringSocket& s, int result) {
    s.send_armed = false;
    s.count_out();
    if (s.writer == nullptr && s.given_up != nullptr) s.given_up->write.release();
    if (s.owner == nullptr) return release_if_over(s);
    if (s.writer == nullptr) return;
    StreamOp& op = *s.writer;
    if (result > 0) {
        const auto n = static_cast<uint32_t>(result);
        op.buffer->consume(n);
        s.sent += n;
        s.send_left -= n;
        if (s.send_left > 0) return s.arm_send(op.buffer->data(), s.send_left);
    }
    if (result == -ECONNRESET) s.reset = true;
    s.writer = nullptr;
    op.finish(result < 0 ? result : static_cast<int32_t>(s.sent));
}

void UringStream::interrupt(int error, Direction which) {
    bool gone = false;
    bool* outer = std::exchange(gone_, &gone);
    StreamOp* reader = which != Direction::write ? socket_->reader : nullptr;
    StreamOp* writer = which != Direction::read ? socket_->writer : nullptr;
    if (reader != nullptr) give_up_read(true);
    if (writer != nullptr) abandon_write();
    interrupted_write_ = writer;
    if (reader != nullptr) reader->finish(-error);
    // Whoever was resumed may have destroyed the writer, or begun another write that is none of this interruption's.
    if (!gone) {
        if (StreamOp* op = std::exchange(interrupted_write_, nullptr)) op->finish(-error);
    }
    if (!gone) gone_ = outer;
    else if (outer != nullptr) *outer = true;
}

void UringStream::watch(StreamWatcher* watcher) {
    watcher_ = watcher;
    if (watcher == nullptr) return;
    UringSocket& s = *socket_;
    if (s.has_bytes()) watcher->on_unasked_bytes();
    if (s.eof || s.error != 0) tell_closed();
    else if (!s.many_armed && s.reader == nullptr && s.waiting < kMaxWaiting) s.arm_many();
}

void UringStream::tell_closed() {
    if (told_ || watcher_ == nullptr) return;
    told_ = true;
    watcher_->on_peer_closed(socket_->error);
}

void UringStream::shutdown_write() { ::shutdown(socket_->fd, SHUT_WR); }

SocketAddress UringStream::peer() const { return peer_; }
SocketAddress UringStream::local() const { return local_address(socket_->fd); }

}  // namespace portico::io
