#include "io/sim/ring_stream.h"

#include <algorithm>
#include <cstring>

namespace portico::io {
namespace {

constexpr size_t kProvided = 8 * 1024;
// Provided buffers that may wait unread before the receive is taken back.
constexpr size_t kMaxWaiting = 4;

bool wants_bulk(const StreamOp& op) { return op.buffer->capacity() >= kLargeBuffer; }

}  // namespace

SimRingStream::~SimRingStream() {
    if (gone_ != nullptr) *gone_ = true;
}

// The kernel's side: what is submitted works until it completes, and the loop hears of it in a later turn.

void SimRingStream::on_came() {
    if (many_.working) receive_many();
    if (one_.working) receive_one();
    if (poll_in_.working && socket_->readable()) {
        poll_in_.working = false;
        complete([this] { on_poll_in(); });
    }
}

void SimRingStream::receive_many() {
    char bytes[kProvided];
    for (;;) {
        const ssize_t n = socket_->receive(bytes, sizeof bytes);
        if (n == -EAGAIN) return;
        if (n <= 0) {
            many_.working = false;
            ++undelivered_;
            return complete([this, n] { on_many({}, static_cast<int>(n), true, false); });
        }
        ++undelivered_;
        complete([this, got = std::string(bytes, static_cast<size_t>(n)), drained = !socket_->readable()] { on_many(got, 1, false, drained); });
    }
}

void SimRingStream::receive_one() {
    if (!socket_->readable()) return;
    std::string bytes(one_room_, '\0');
    const ssize_t n = socket_->receive(bytes.data(), bytes.size());
    bytes.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
    one_.working = false;
    ++undelivered_;
    complete([this, n, got = std::move(bytes), drained = !socket_->readable()] { on_one(got, static_cast<int>(n), drained); });
}

void SimRingStream::on_room() {
    if (send_.working) push();
    if (poll_out_.working && socket_->writable()) {
        poll_out_.working = false;
        complete([this] { on_poll_out(); });
    }
}

// As with MSG_WAITALL: all of it, or what there is until it fails.
void SimRingStream::push() {
    while (!sending_.empty()) {
        const ssize_t n = socket_->send(sending_);
        if (n == -EAGAIN) return;
        if (n < 0) return end_push(pushed_ > 0 ? static_cast<ssize_t>(pushed_) : n);
        sending_.remove_prefix(static_cast<size_t>(n));
        pushed_ += static_cast<size_t>(n);
    }
    end_push(static_cast<ssize_t>(pushed_));
}

void SimRingStream::end_push(ssize_t result) {
    send_.working = false;
    sending_ = {};
    complete([this, result] { on_send(result); });
}

// The loop's side, as UringStream has it.

void SimRingStream::arm_many() {
    many_ = {.armed = true, .working = false};
    starved_ = false;
    armed_in_ = backend_.round();
    submit([this] {
        if (!many_.armed) return;
        if (net_.chance().one_in(net_.weather().starve_one_in)) return ++undelivered_, complete([this] { on_many({}, -ENOBUFS, true, false); });
        many_.working = true;
        receive_many();
    });
}

void SimRingStream::cancel_many() {
    submit([this] {
        if (!many_.working) return;
        many_.working = false;
        ++undelivered_;
        complete([this] { on_many({}, -ECANCELED, true, false); });
    });
}

void SimRingStream::arm_one(const StreamOp& op) {
    one_ = {.armed = true, .working = false};
    one_room_ = op.room();
    submit([this] {
        one_.working = one_.armed;
        if (one_.working) receive_one();
    });
}

void SimRingStream::arm_poll(bool in) {
    (in ? poll_in_ : poll_out_) = {.armed = true, .working = false};
    submit([this, in] {
        (in ? poll_in_ : poll_out_).working = true;
        in ? on_came() : on_room();
    });
}

void SimRingStream::arm_send(std::string_view bytes) {
    send_ = {.armed = true, .working = false};
    sending_ = bytes;
    pushed_ = 0;
    submit([this] {
        send_.working = true;
        push();
    });
}

bool SimRingStream::take(StreamOp& op) {
    if (!held_.empty()) {
        Buffer& into = *op.buffer;
        into.ensure(backend_.pool(), kSmallBuffer);
        uint32_t total = 0;
        while (!held_.empty() && into.room() > 0 && total < op.max) {
            const uint32_t n = into.append(std::string_view(held_.front()).substr(0, op.max - total));
            total += n;
            held_.front().erase(0, n);
            if (!held_.front().empty()) break;
            held_.pop_front();
        }
        if (held_.empty() && !eof_ && error_ == 0 && !many_.armed && !starved_ && !wants_bulk(op) && watcher_ != nullptr) arm_many();
        op.result.value = static_cast<int32_t>(total);
        return true;
    }
    if (error_ == 0 && !eof_) return false;
    op.result.value = -error_;
    return true;
}

void SimRingStream::arm_reader() {
    if (waits_read_) {
        if (one_.armed) return;
        if (many_.armed) cancel_many();
        else if (!poll_in_.armed) arm_poll(true);
    } else if (wants_bulk(*reader_)) {
        if (many_.armed) cancel_many();
        else if (!one_.armed) arm_one(*reader_);
    } else if (starved_ && !one_.armed) {
        reader_->buffer->ensure(backend_.pool(), kSmallBuffer);
        starved_ = false;
        arm_one(*reader_);
    } else if (!many_.armed && !one_.armed) {
        arm_many();
    }
}

bool SimRingStream::start_read(StreamOp& op) {
    if (take(op) || (wants_bulk(op) && try_bulk(op))) return true;
    reader_ = &op;
    waits_read_ = false;
    arm_reader();
    return false;
}

bool SimRingStream::try_bulk(StreamOp& op) {
    if (many_.armed || one_.armed) return false;
    const ssize_t n = socket_->receive(op.buffer->tail(), op.room());
    if (n == -EAGAIN) return false;
    if (n > 0) op.buffer->commit(static_cast<uint32_t>(n));
    if (n > 0 && !socket_->readable()) drained_in_ = backend_.round();
    if (n == 0) eof_ = true;
    if (n < 0) error_ = static_cast<int>(-n);
    op.result.value = static_cast<int32_t>(n);
    return true;
}

bool SimRingStream::start_wait(StreamOp& op, bool readable) {
    if (!readable) {
        writer_ = &op;
        waits_write_ = true;
        if (!poll_out_.armed) arm_poll(false);
        return false;
    }
    if (!held_.empty()) {
        op.result.value = -EBUSY;  // bytes are here already: read them first
        return true;
    }
    if (error_ != 0 || eof_) {
        op.result.value = error_ != 0 ? -error_ : 1;
        return true;
    }
    reader_ = &op;
    waits_read_ = true;
    arm_reader();
    return false;
}

bool SimRingStream::start_write(StreamOp& op) {
    socket_->begin_write();
    writer_ = &op;
    waits_write_ = false;
    sent_ = 0;
    send_left_ = op.buffer->size();
    arm_send(op.buffer->view());
    return false;
}

void SimRingStream::abandon_read() { give_up_read(false); }

// @param keep_bytes the owner of the buffer goes on
void SimRingStream::give_up_read(bool keep_bytes) {
    StreamOp* op = std::exchange(reader_, nullptr);
    if (op == nullptr || !one_.armed || one_given_up_) return;
    if (!keep_bytes) op->buffer->release();
    one_given_up_ = true;
    submit([this] {
        if (!one_.working) return;
        one_.working = false;
        ++undelivered_;
        complete([this] { on_one({}, -ECANCELED, false); });
    });
}

void SimRingStream::abandon_write() {
    interrupted_write_ = nullptr;
    StreamOp* op = std::exchange(writer_, nullptr);
    if (op == nullptr || !send_.armed) return;
    orphan_ = std::move(*op->buffer);
    submit([this] {
        if (!send_.working) return;
        end_push(pushed_ > 0 ? static_cast<ssize_t>(pushed_) : -ECANCELED);
        // Nobody may count on what it holds.
        if (orphan_.has_block()) std::memset(orphan_.data(), 0xdd, orphan_.size());
    });
}

void SimRingStream::on_many(std::string bytes, int result, bool last, bool drained) {
    --undelivered_;
    if (last) many_.armed = false;
    if (drained) drained_in_ = backend_.round();
    if (result > 0) held_.push_back(std::move(bytes));
    else if (result == 0) eof_ = true;
    else if (result == -ENOBUFS) starved_ = true;
    else if (result != -ECANCELED) error_ = -result;
    deliver();
}

void SimRingStream::deliver() {
    if (reader_ != nullptr) {
        StreamOp& op = *reader_;
        if (waits_read_) {
            if (held_.empty() && !eof_ && error_ == 0) return arm_reader();
            reader_ = nullptr;
            op.finish(held_.empty() ? 1 : -EBUSY);
        } else if (take(op)) {
            reader_ = nullptr;
            op.resume();
        } else {
            arm_reader();
        }
        return;
    }
    if (eof_ || error_ != 0) return tell_closed();
    if (!held_.empty()) {
        if (held_.size() >= kMaxWaiting) cancel_many();
        if (watcher_ != nullptr) watcher_->on_unasked_bytes();
    } else if (!many_.armed && watcher_ != nullptr) {
        if (!starved_) arm_many();
        else if (!poll_in_.armed) arm_poll(true);
    }
}

void SimRingStream::look() {
    if (!socket_->readable()) return arm_poll(true);
    if (!socket_->there().empty()) return watcher_->on_unasked_bytes();
    char none;
    const ssize_t n = socket_->receive(&none, 1);
    if (n == 0) eof_ = true;
    else error_ = static_cast<int>(-n);
    tell_closed();
}

void SimRingStream::on_one(const std::string& bytes, int result, bool drained) {
    --undelivered_;
    one_.armed = false;
    if (result == 0) eof_ = true;
    if (result < 0 && result != -ECANCELED) error_ = -result;
    if (std::exchange(one_given_up_, false)) {
        if (result > 0) held_.push_front(bytes);
        return deliver();
    }
    StreamOp* op = std::exchange(reader_, nullptr);
    if (op == nullptr) return;
    if (drained) drained_in_ = backend_.round();
    if (result > 0) op->buffer->append(bytes);
    if (result > 0 && !wants_bulk(*op) && watcher_ != nullptr && !many_.armed) arm_many();
    op->finish(result);
}

void SimRingStream::on_poll_in() {
    poll_in_.armed = false;
    if (reader_ == nullptr && starved_ && watcher_ != nullptr) return look();
    if (reader_ == nullptr || !waits_read_) return;
    if (many_.armed || one_.armed) return;
    std::exchange(reader_, nullptr)->finish(1);
}

void SimRingStream::on_poll_out() {
    poll_out_.armed = false;
    // The waiter may have been interrupted, and a write begun.
    if (!waits_write_) return;
    if (StreamOp* op = std::exchange(writer_, nullptr)) op->finish(1);
}

void SimRingStream::on_send(ssize_t result) {
    send_.armed = false;
    if (writer_ == nullptr) return orphan_.release();
    StreamOp& op = *writer_;
    if (result > 0) {
        const auto n = static_cast<uint32_t>(result);
        op.buffer->consume(n);
        sent_ += n;
        send_left_ -= n;
        if (send_left_ > 0) return arm_send(op.buffer->view());
    }
    writer_ = nullptr;
    op.finish(result < 0 ? static_cast<int32_t>(result) : static_cast<int32_t>(sent_));
}

void SimRingStream::interrupt(int error, Direction which) {
    bool gone = false;
    bool* outer = std::exchange(gone_, &gone);
    StreamOp* reader = which != Direction::write ? reader_ : nullptr;
    StreamOp* writer = which != Direction::read ? writer_ : nullptr;
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

void SimRingStream::watch(StreamWatcher* watcher) {
    watcher_ = watcher;
    if (watcher == nullptr) return;
    if (!held_.empty()) watcher->on_unasked_bytes();
    if (eof_ || error_ != 0) tell_closed();
    else if (!many_.armed && reader_ == nullptr && held_.size() < kMaxWaiting) arm_many();
}

bool SimRingStream::quiet(bool now) {
    if (!held_.empty() || undelivered_ > 0 || one_.armed || eof_ || error_ != 0) return false;
    // An armed receive has told of everything that had come when this round's completions were taken.
    const uint64_t round = backend_.round();
    if (!now && (drained_in_ == round || (many_.armed && armed_in_ < round))) return true;
    return !socket_->readable();
}

bool SimRingStream::at_end() { return held_.empty() && !one_.armed && (eof_ || error_ != 0); }

void SimRingStream::tell_closed() {
    if (told_ || watcher_ == nullptr) return;
    told_ = true;
    watcher_->on_peer_closed(error_);
}

}  // namespace portico::io
