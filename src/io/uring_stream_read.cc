// The receiving half of a UringStream: what has come, who waits for it, and what is armed to bring more.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/uring_backend_impl.h"
#include "io/uring_stream.h"

namespace portico::io {
namespace {

// Straight into the reader's own block, rather than by way of provided buffers.
bool wants_bulk(const StreamOp& op) { return op.buffer->capacity() >= kLargeBuffer; }

}  // namespace

uint32_t UringStream::take_late(UringSocket& s, StreamOp& op) {
    Buffer& late = s.given_up->late;
    const uint32_t n = std::min(late.size(), op.room());
    op.buffer->append({late.data(), n});
    late.consume(n);
    if (late.empty()) late.release();
    return n;
}

uint32_t UringStream::take_provided(UringSocket& s, StreamOp& op) {
    Buffer& into = *op.buffer;
    ProvidedBuffers& provided = s.backend.provided();
    uint32_t total = 0;
    while (s.first != ProvidedBuffers::kNone && into.room() > 0 && total < op.max) {
        const uint16_t id = s.first;
        const uint32_t left = provided.size(id) - s.offset;
        const uint32_t n = std::min({left, into.room(), op.max - total});
        std::memcpy(into.tail(), provided.data(id) + s.offset, n);
        into.commit(n);
        total += n;
        if (n < left) {
            s.offset = static_cast<uint16_t>(s.offset + n);
            break;
        }
        s.offset = 0;
        s.first = provided.next(id);
        --s.waiting;
        provided.give_back(id);
    }
    if (s.first == ProvidedBuffers::kNone) {
        s.last = ProvidedBuffers::kNone;
        // The receive ended with these bytes: whoever watches still wants to know of the peer's end.
        const bool open = !s.eof && s.error == 0;
        if (open && !wants_bulk(op) && s.owner->watcher_ != nullptr) s.arm_watch();
    }
    return total;
}

bool UringStream::take(UringSocket& s, StreamOp& op) {
    if (s.has_bytes()) {
        op.buffer->ensure(s.backend.buffers(), kSmallBuffer);
        const uint32_t n = s.has_late_bytes() ? take_late(s, op) : take_provided(s, op);
        s.backend.turn().count(n);
        op.result.value = static_cast<int32_t>(n);
        return true;
    }
    if (s.error != 0) {
        op.result.value = -s.error;
        return true;
    }
    if (s.eof) {
        op.result.value = 0;
        return true;
    }
    return false;
}

// Arms whatever brings the pending reader forward.
void UringStream::arm_reader(UringSocket& s) {
    if (s.waits_read) {
        // What a receive that was given up may still bring comes before what is in the socket.
        if (s.one_armed) return;
        if (s.many_armed) s.cancel_many();
        else if (!s.poll_in_armed) s.arm_poll(POLLIN | POLLRDHUP, UringTag::poll_in);
    } else if (wants_bulk(*s.reader)) {
        if (s.many_armed) s.cancel_many();
        else if (!s.one_armed) s.arm_one(*s.reader);
    } else if (s.starved && !s.one_armed) {
        s.reader->buffer->ensure(s.backend.buffers(), kSmallBuffer);
        s.starved = false;
        s.arm_one(*s.reader);
    } else if (!s.many_armed && !s.one_armed) {
        s.arm_many();
    }
    // A cancelled multishot still has to say its last word; on_many() arms again.
}

bool UringStream::start_read(StreamOp& op) {
    UringSocket& s = *socket_;
    if (take(s, op) || (wants_bulk(op) && try_bulk(s, op))) return true;
    s.reader = &op;
    s.waits_read = false;
    arm_reader(s);
    return false;
}

// A bulk read takes what has gathered at once: an armed receive would come back with the first segment, and a body would pass
// in small pieces (an upload of 1 MiB cost a third more).
bool UringStream::try_bulk(UringSocket& s, StreamOp& op) {
    if (s.many_armed || s.one_armed || s.backend.turn().over()) return false;
    const uint32_t room = s.backend.turn().most_bytes(op.room());
    const ssize_t n = ::recv(s.fd, op.buffer->tail(), room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n > 0) {
        if (static_cast<uint32_t>(n) < room) s.drained_in = s.backend.round();
        op.buffer->commit(static_cast<uint32_t>(n));
        s.backend.turn().count(static_cast<uint64_t>(n));
    }
    if (n == 0) s.end();
    if (n < 0) s.error = errno;
    op.result.value = n > 0 ? static_cast<int32_t>(n) : -s.error;
    return true;
}

void UringStream::abandon_read() { give_up_read(false); }

// @param keep_bytes the owner of the buffer goes on: what it held before is still in it
void UringStream::give_up_read(bool keep_bytes) {
    UringSocket& s = *socket_;
    StreamOp* op = std::exchange(s.reader, nullptr);
    if (op == nullptr || !s.one_armed || s.has_late()) return;
    Buffer& late = s.give_up().late;
    late = std::move(*op->buffer);
    if (keep_bytes && !late.empty()) {
        op->buffer->ensure(s.backend.buffers(), late.capacity(), late.headroom());
        op->buffer->append(late.view());
    }
    late.clear(s.one_at);
    s.backend.cancel(UringBackend::data_of(&s, UringTag::receive_one));
}

void UringStream::on_many(UringSocket& s, int result, uint32_t flags) {
    const bool last = (flags & IORING_CQE_F_MORE) == 0;
    --s.undelivered;
    if (last) {
        s.many_armed = false;
        s.count_out();
    }
    if (result > 0) {
        const auto id = static_cast<uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
        ProvidedBuffers& provided = s.backend.provided();
        provided.taken(id, static_cast<uint32_t>(result));
        if (s.owner == nullptr) {
            provided.give_back(id);
        } else {
            if (s.last == ProvidedBuffers::kNone) s.first = id;
            else provided.next(s.last) = id;
            s.last = id;
            ++s.waiting;
            const bool drained = static_cast<uint32_t>(result) < ProvidedBuffers::kSize && (flags & IORING_CQE_F_SOCK_NONEMPTY) == 0;
            if (drained) s.drained_in = s.backend.round();
            else s.armed_in = s.backend.round();  // it has more to tell
        }
    } else if (result == 0) {
        s.end();
    } else if (result == -ENOBUFS) {
        s.starved = true;
        s.backend.provided().ran_out();
    } else if (result != -ECANCELED) {
        s.error = -result;
    }
    if (s.owner == nullptr) return release_if_over(s);
    deliver(s);
}

void UringStream::deliver(UringSocket& s) {
    if (s.reader != nullptr) {
        StreamOp& op = *s.reader;
        if (s.waits_read) {
            if (s.has_bytes() || s.eof || s.error != 0) {
                s.reader = nullptr;
                op.finish(s.has_bytes() ? -EBUSY : 1);
            } else {
                arm_reader(s);
            }
        } else if (take(s, op)) {
            s.reader = nullptr;
            op.resume();
        } else {
            arm_reader(s);
        }
        return;
    }
    UringStream& stream = *s.owner;
    if (s.eof || s.error != 0) return stream.tell_closed();
    if (s.has_bytes()) {
        if (s.waiting >= kMaxWaiting) s.cancel_many();
        if (stream.watcher_ != nullptr) stream.watcher_->on_unasked_bytes();
    } else if (stream.watcher_ != nullptr) {
        s.arm_watch();
    }
}

// A stream is watched, but no provided buffer was left for its receive: what there is to tell is found by a look.
void UringStream::look(UringSocket& s) {
    char byte;
    const ssize_t n = ::recv(s.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return s.arm_poll(POLLIN | POLLRDHUP, UringTag::poll_in);
    if (n > 0) return s.owner->watcher_->on_unasked_bytes();
    if (n == 0) s.end();
    else s.error = errno;
    s.owner->tell_closed();
}

void UringStream::on_one(UringSocket& s, int result) {
    s.one_armed = false;
    --s.undelivered;
    s.count_out();
    if (s.owner == nullptr) {
        if (s.given_up != nullptr) s.given_up->late.release();
        return release_if_over(s);
    }
    if (result == 0) s.end();
    if (result < 0 && result != -ECANCELED) s.error = -result;
    if (s.has_late()) {
        // It was given up, perhaps too late.
        if (result > 0) s.given_up->late.commit(static_cast<uint32_t>(result));
        else s.given_up->late.release();
        return deliver(s);
    }
    StreamOp* op = std::exchange(s.reader, nullptr);
    if (op == nullptr) return;
    if (result > 0) {
        if (static_cast<uint32_t>(result) < s.one_room) s.drained_in = s.backend.round();
        op->buffer->commit(static_cast<uint32_t>(result));
        s.backend.turn().count(static_cast<uint64_t>(result));
    }
    // It stood in for the armed receive, which had found no buffer: whoever watches still wants to know of the peer's end.
    if (result > 0 && !wants_bulk(*op) && s.owner->watcher_ != nullptr && !s.many_armed) s.arm_many();
    op->finish(result == 0 ? -s.error : result);
}

void UringStream::on_poll_in(UringSocket& s, int result) {
    s.poll_in_armed = false;
    s.count_out();
    if (s.owner == nullptr) return release_if_over(s);
    if (s.reader == nullptr && s.starved && s.owner->watcher_ != nullptr) return look(s);
    if (s.reader == nullptr || !s.waits_read) return;
    // One of an earlier wait. As long as a receive may still bring bytes, those come first: its last word goes on from there.
    if (s.many_armed || s.one_armed) return;
    StreamOp* op = std::exchange(s.reader, nullptr);
    op->finish(result < 0 ? result : 1);
}

bool UringStream::quiet(bool now) {
    UringSocket& s = *socket_;
    if (s.has_bytes() || s.undelivered > 0 || s.one_armed || s.eof || s.error != 0) return false;
    // An armed receive has told of everything that had come when this round's completions were taken.
    const uint64_t round = s.backend.round();
    if (!now && (s.drained_in == round || (s.backend.told_all() && s.many_armed && s.armed_in < round))) return true;
    char byte;
    return ::recv(s.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}

bool UringStream::at_end() {
    const UringSocket& s = *socket_;
    return !s.has_bytes() && !s.one_armed && (s.eof || s.error != 0);
}

}  // namespace portico::io
