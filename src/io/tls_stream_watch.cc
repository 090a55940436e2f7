// What a TlsStream knows of its peer while nobody reads, and how what is pending on it is interrupted.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "io/tls_stream.h"

namespace portico::io {

// The streams below are left alone: what they were asked for stays good for the next operation here.
void TlsStream::interrupt(int error, Direction which) {
    bool gone = false;
    bool* outer = std::exchange(gone_, &gone);
    StreamOp* reader = which != Direction::write ? std::exchange(reader_, nullptr) : nullptr;
    finished_write_ = which != Direction::read ? std::exchange(writer_, nullptr) : nullptr;
    if (finished_write_ != nullptr) {
        lost_write_ = true;
        finished_write_->result.value = -error;
    }
    if (reader != nullptr) reader->finish(-error);
    if (!gone) {
        if (StreamOp* op = std::exchange(finished_write_, nullptr)) op->resume();
    }
    if (!gone) gone_ = outer;
    else if (outer != nullptr) *outer = true;
}

// What has come below may be a ticket as well as bytes out of turn: it is read as far as it is here, and counts as not quiet
// where that does not tell.
bool TlsStream::quiet(bool now) {
    do {
        if (end_ == kOpen && unread()) {
            if (peek() > 0) return false;
            flush();
        }
        settle_end();
        if (end_ != kOpen) return false;
    } while (!plain_->quiet(now) && fetch(false));
    return below_end_ == kOpen && !unread() && plain_->quiet(now);
}

// @returns > 0 where plain text is here; it stays where it is
int TlsStream::peek() {
    char byte;
    ERR_clear_error();
    const int n = SSL_peek(ssl_, &byte, 1);
    if (n <= 0) judge(n);
    return n;
}

bool TlsStream::at_end() { return !unread() && (end_ != kOpen || below_end_ != kOpen || plain_->at_end()); }

void TlsStream::watch(StreamWatcher* watcher) {
    watcher_ = watcher;
    if (watcher_ != nullptr && reader_ == nullptr) look();
}

// Nobody reads, but somebody watches: what has come is looked at without taking it. Tickets and key updates are taken.
void TlsStream::look() {
    do {
        if (end_ == kOpen && unread()) {
            const int n = peek();
            flush();
            if (n > 0) {
                // The bytes stay where they are; the end behind them shows below.
                plain_->watch(this);
                return watcher_->on_unasked_bytes();
            }
        }
        settle_end();
        if (end_ != kOpen) return tell_closed();
    } while (fetch(false));
}

void TlsStream::tell_closed() {
    if (told_ || watcher_ == nullptr) return;
    told_ = true;
    watcher_->on_peer_closed(-end_);
}

void TlsStream::on_peer_closed(int error) {
    if (told_ || watcher_ == nullptr || reader_ != nullptr) return;
    told_ = true;
    watcher_->on_peer_closed(error);
}

}  // namespace portico::io
