#include "io/sim/edge_stream.h"

namespace portico::io {

SimEdgeStream::SimEdgeStream(SimNetwork& net, SimBackend& backend, std::shared_ptr<SimSocket> socket)
    : SimStream(net, backend, std::move(socket)) {
    raise(false);
    if (socket_->readable()) raise(true);
}

SimEdgeStream::~SimEdgeStream() {
    if (gone_ != nullptr) *gone_ = true;
}

void SimEdgeStream::raise(bool readable) {
    const bool waiting = raised_in_ || raised_out_;
    (readable ? raised_in_ : raised_out_) = true;
    if (!waiting) complete([this] { on_events(); });
}

bool SimEdgeStream::start_read(StreamOp& op) {
    const bool next_turn = readable_ && turn_is_over();
    if (readable_ && !next_turn && try_read(op)) return true;
    reader_ = &op;
    waits_read_ = false;
    if (next_turn) go_on_next_turn();
    return false;
}

bool SimEdgeStream::turn_is_over() {
    if (net_.chance().one_in(net_.weather().over_one_in)) backend_.turn().end_early();
    return backend_.turn().over();
}

void SimEdgeStream::go_on_next_turn() {
    if (std::exchange(goes_on_, true)) return;
    complete([this] { go_on(); });
}

void SimEdgeStream::go_on() {
    goes_on_ = false;
    bool gone = false;
    gone_ = &gone;
    if (reader_ != nullptr && !waits_read_) resume_reader();
    if (gone) return;
    if (closed_ && reader_ == nullptr) look();
    if (gone) return;
    if (writer_ != nullptr && !waits_write_) resume_writer();
    if (!gone) gone_ = nullptr;
}

void SimEdgeStream::resume_reader() {
    StreamOp& op = *reader_;
    if (waits_read_) op.result.value = 1;
    else if (!try_read(op)) return;
    reader_ = nullptr;
    op.resume();
}

void SimEdgeStream::resume_writer() {
    StreamOp& op = *writer_;
    if (waits_write_) op.result.value = 1;
    else if (!try_write(op)) return;
    writer_ = nullptr;
    op.resume();
}

bool SimEdgeStream::try_read(StreamOp& op) {
    Buffer& into = *op.buffer;
    const bool fresh = !into.has_block();
    into.ensure(backend_.pool(), kSmallBuffer);
    const uint32_t room = op.room();
    const ssize_t n = socket_->receive(into.tail(), room);
    if (n > 0) {
        into.commit(static_cast<uint32_t>(n));
        // A short read has drained the socket; after the peer's end there is still that end to read.
        if (static_cast<uint32_t>(n) < room && !closed_ && !socket_->readable()) readable_ = false;
        op.result.value = static_cast<int32_t>(n);
        return true;
    }
    if (fresh) into.release();
    if (n == -EAGAIN) {
        readable_ = false;
        return false;
    }
    if (n < 0) error_ = static_cast<int>(-n);
    op.result.value = -error_;
    return true;
}

bool SimEdgeStream::start_write(StreamOp& op) {
    socket_->begin_write();
    written_ = 0;
    const bool next_turn = writable_ && turn_is_over();
    if (writable_ && !next_turn && try_write(op)) return true;
    writer_ = &op;
    waits_write_ = false;
    if (next_turn) go_on_next_turn();
    return false;
}

bool SimEdgeStream::try_write(StreamOp& op) {
    Buffer& from = *op.buffer;
    while (!from.empty()) {
        const ssize_t n = socket_->send(from.view());
        if (n == -EAGAIN) {
            writable_ = false;
            return false;
        }
        if (n < 0) {
            op.result.value = static_cast<int32_t>(n);
            return true;
        }
        from.consume(static_cast<uint32_t>(n));
        written_ += static_cast<uint32_t>(n);
    }
    op.result.value = static_cast<int32_t>(written_);
    return true;
}

bool SimEdgeStream::start_wait(StreamOp& op, bool readable) {
    if (readable ? socket_->readable() : socket_->writable()) {
        op.result.value = 1;
        return true;
    }
    (readable ? reader_ : writer_) = &op;
    (readable ? waits_read_ : waits_write_) = true;
    return false;
}

void SimEdgeStream::on_events() {
    const bool in = std::exchange(raised_in_, false), out = std::exchange(raised_out_, false);
    bool gone = false;
    gone_ = &gone;
    if (in) {
        closed_ |= socket_->ended();
        readable_ = true;
        if (reader_ != nullptr) {
            if (waits_read_ || !goes_on_) resume_reader();
        } else if (!closed_) {
            look();
        }
        if (gone) return;
        // The end may have come with the bytes that were just read.
        if (closed_ && reader_ == nullptr) look();
        if (gone) return;
    }
    if (out) {
        writable_ = true;
        if (writer_ != nullptr && (waits_write_ || !goes_on_)) resume_writer();
        if (gone) return;
    }
    gone_ = nullptr;
}

void SimEdgeStream::look() {
    if (watcher_ == nullptr) return;
    if (closed_ || (readable_ && socket_->there().empty() && socket_->ended())) return tell_closed();
    if (!readable_) return;
    if (!socket_->there().empty()) watcher_->on_unasked_bytes();
    else readable_ = false;
}

bool SimEdgeStream::quiet(bool now) {
    if (error_ != 0) return false;
    if (!now && !readable_ && !raised_in_) return !closed_;
    if (socket_->readable()) return false;
    readable_ = false;
    return true;
}

bool SimEdgeStream::at_end() { return closed_ && socket_->there().empty(); }

void SimEdgeStream::tell_closed() {
    if (told_ || watcher_ == nullptr) return;
    told_ = true;
    char none;
    if (socket_->there().empty() && socket_->receive(&none, 1) == -ECONNRESET) error_ = ECONNRESET;
    watcher_->on_peer_closed(error_);
}

void SimEdgeStream::watch(StreamWatcher* watcher) {
    watcher_ = watcher;
    if (reader_ == nullptr) look();
}

void SimEdgeStream::interrupt(int error, Direction which) {
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

}  // namespace portico::io
