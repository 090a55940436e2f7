#include "io/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "io/tls_words.h"

namespace portico::io {
namespace {

constexpr uint32_t kRecord = 16 * 1024;  // plain bytes of one record (RFC 8446 §5.1)
// What a record may be longer than its plain bytes, with a KeyUpdate or an alert in front of it.
constexpr uint32_t kRecordOverhead = 512;
// What a peer may send of tickets and the like without a byte of plain text: each costs time, and they would have no end.
constexpr uint32_t kMaxChatter = 256 * 1024;
// For what a handshake has to say or take in whose time was over before its turn came.
constexpr Duration kLateStep = std::chrono::milliseconds(20);

TlsStream& stream_of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    const uint32_t n = stream_of(bio).take_received(into, static_cast<uint32_t>(std::max(size, 0)));
    if (n > 0) return static_cast<int>(n);
    // Never "the end": whether the connection ended in order is judged by TlsStream.
    BIO_set_retry_read(bio);
    return -1;
}

int bio_write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const uint32_t n = stream_of(bio).put_to_send(from, static_cast<uint32_t>(std::max(size, 0)));
    if (n > 0) return static_cast<int>(n);
    BIO_set_retry_write(bio);
    return -1;
}

long bio_control(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }

// OpenSSL's way to the two buffers of a TlsStream; a memory BIO would copy once more and keep its memory.
const BIO_METHOD* buffers_method() {
    static const BIO_METHOD* const method = [] {
        BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "buffers");
        BIO_meth_set_read(m, bio_read);
        BIO_meth_set_write(m, bio_write);
        BIO_meth_set_ctrl(m, bio_control);
        return m;
    }();
    return method;
}

}  // namespace

TlsStream::TlsStream(Loop& loop, std::unique_ptr<Stream> plain, SSL* ssl, std::shared_ptr<void> keep)
    : loop_(loop), plain_(std::move(plain)), ssl_(ssl), keep_(std::move(keep)) {
    BIO* bio = BIO_new(buffers_method());
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_mode(ssl_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    below_read_.sink = below_write_.sink = this;
    below_read_.buffer = &in_;
    below_write_.buffer = &sending_;
}

TlsStream::~TlsStream() {
    if (gone_ != nullptr) *gone_ = true;
    const bool in_order = !abort_ && !lost_write_ && SSL_is_init_finished(ssl_) && !below_writing_ && out_.empty() && write_error_ == 0;
    if (in_order && !said_close_ && plain_->look_fd() >= 0) {
        ERR_clear_error();
        SSL_shutdown(ssl_);
        // Nobody is left who could wait for room: what does not fit now is not said.
        if (!out_.empty()) std::ignore = ::send(plain_->look_fd(), out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (fetching_) abandon_read_of(*plain_);
    if (below_writing_) abandon_write_of(*plain_);
    // The session may serve again, however this connection ended.
    SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl_);
}

uint32_t TlsStream::take_received(char* into, uint32_t size) {
    const uint32_t n = std::min(size, in_.size());
    if (n == 0) return 0;
    std::memcpy(into, in_.data(), n);
    in_.consume(n);
    if (in_.empty()) in_.release();
    chatter_ += n;
    // Perhaps what a write waits for: it is tried again. Only where something was taken, since all else would be tried for ever.
    if (write_waits_read_) loop_.defer(*this);
    return n;
}

uint32_t TlsStream::put_to_send(const char* from, uint32_t size) {
    out_.ensure(loop_.buffers(), kSmallBuffer);
    return out_.append({from, size});
}

Task<TlsStream::HandshakeEnd> TlsStream::handshake(Time deadline) {
    StreamDeadline timer(plain_.get());
    timer.set_at(loop_.timers(), deadline);
    bool late = false;
    for (;;) {
        // Keys and signatures take half a millisecond: a hundred services that answer at once have turns one after the other.
        co_await loop_.turn_of_one();
        // Where it came in between, it has interrupted nothing. What the peer has sent in time counts, and nothing is waited for any more.
        if (loop_.now() >= deadline) {
            if (std::exchange(late, true)) co_return HandshakeEnd{ETIMEDOUT, std::strerror(ETIMEDOUT)};
            timer.set_at(loop_.timers(), loop_.now() + kLateStep);
        }
        ERR_clear_error();
        const int result = SSL_do_handshake(ssl_);
        const int why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
        const bool failed = why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
        HandshakeEnd end;
        if (failed) end = {EPROTO, describe_tls_failure()};
        if (!out_.empty()) {
            // Of a failure, the alert that tells the peer why.
            sending_ = std::move(out_);
            const IoResult sent = co_await plain_->write(sending_);
            sending_.release();
            if (!sent.ok() && !failed) end = {sent.error(), std::strerror(sent.error())};
        }
        if (why == SSL_ERROR_NONE || end.error != 0) co_return end;
        if (why == SSL_ERROR_WANT_WRITE) continue;
        const IoResult got = co_await plain_->read(in_);
        if (got.eof()) co_return HandshakeEnd{ECONNRESET, "it closed the connection during the handshake"};
        if (!got.ok()) co_return HandshakeEnd{got.error(), std::strerror(got.error())};
    }
}

// True where something that was received may still become plain text.
bool TlsStream::unread() const { return !in_.empty() || SSL_has_pending(ssl_) == 1; }

// What a failed call of OpenSSL's means for reading.
void TlsStream::judge(int result) {
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ:
            if (chatter_ <= kMaxChatter) break;
            end_ = -EPROTO;
            failure_ = "it sends much of TLS's own and nothing else";
            break;
        case SSL_ERROR_WANT_WRITE: break;
        case SSL_ERROR_ZERO_RETURN: end_ = 0; break;
        default:
            end_ = -EPROTO;
            failure_ = describe_tls_failure();
    }
}

// Once nothing is left to decrypt, the end of the stream below is this one's.
void TlsStream::settle_end() {
    if (end_ != kOpen || below_end_ == kOpen || !in_.empty()) return;
    end_ = below_end_ == 0 ? -ECONNRESET : below_end_;
    if (below_end_ == 0) failure_ = "the connection was cut: it ended without TLS's own end";
}

// Plain text for a read, as much as is here. @returns true when the read is over
bool TlsStream::decrypt(StreamOp& op) {
    if (end_ == kOpen && unread()) {
        Buffer& into = *op.buffer;
        const bool fresh = !into.has_block();
        into.ensure(loop_.buffers(), kSmallBuffer);
        uint32_t total = 0;
        while (total < op.max && into.room() > 0) {
            ERR_clear_error();
            const int n = SSL_read(ssl_, into.tail(), static_cast<int>(std::min(op.max - total, into.room())));
            if (n <= 0) {
                judge(n);
                break;
            }
            into.commit(static_cast<uint32_t>(n));
            total += static_cast<uint32_t>(n);
            chatter_ = 0;
        }
        flush();
        if (total > 0) {
            op.result.value = static_cast<int32_t>(total);
            return true;
        }
        if (fresh) into.release();
    }
    settle_end();
    if (end_ == kOpen) return false;
    op.result.value = end_;
    return true;
}

// Asks for more ciphertext. @returns true when there is something new at once
bool TlsStream::fetch(bool bulk) {
    if (fetching_ || !in_.empty() || below_end_ != kOpen) return false;
    if (bulk) in_.ensure(loop_.buffers(), kLargeBuffer);
    fetching_ = true;
    if (!start_read_of(*plain_, below_read_)) return false;
    note_fetched();
    return true;
}

void TlsStream::note_fetched() {
    fetching_ = false;
    if (below_read_.result.value > 0) return;
    below_end_ = below_read_.result.value;
    in_.release();
}

bool TlsStream::start_read(StreamOp& op) {
    do {
        if (decrypt(op)) return true;
    } while (fetch(op.buffer->capacity() >= kLargeBuffer));
    reader_ = &op;
    return false;
}

void TlsStream::note_sent() {
    below_writing_ = false;
    sending_.release();
    if (below_write_.result.value < 0) write_error_ = -below_write_.result.value;
}

// Sends on what is encrypted, unless a write is under way below.
void TlsStream::flush() {
    while (!below_writing_ && write_error_ == 0 && !out_.empty()) {
        sending_ = std::move(out_);
        below_writing_ = true;
        if (!start_write_of(*plain_, below_write_)) return;
        note_sent();
    }
}

// Encrypts as much of a write as there is room for whole records: OpenSSL never keeps half of one that was begun.
void TlsStream::encrypt(StreamOp& op) {
    Buffer& from = *op.buffer;
    write_waits_read_ = false;
    while (!from.empty()) {
        out_.ensure(loop_.buffers(), from.size() > kSmallBuffer - kRecordOverhead ? kLargeBuffer : kSmallBuffer);
        if (!out_.empty() && out_.room() < std::min(from.size(), kRecord) + kRecordOverhead) return;
        const uint32_t size = std::min({from.size(), kRecord, out_.room() - kRecordOverhead});
        ERR_clear_error();
        const int n = SSL_write(ssl_, from.data(), static_cast<int>(size));
        if (n > 0) {
            from.consume(static_cast<uint32_t>(n));
            written_ += static_cast<uint32_t>(n);
            continue;
        }
        switch (SSL_get_error(ssl_, n)) {
            case SSL_ERROR_WANT_WRITE: return;
            case SSL_ERROR_WANT_READ:
                // The first half of a message between the records is here: the rest comes first.
                if (fetch(false)) continue;
                if (below_end_ != kOpen) write_error_ = ECONNRESET;
                else write_waits_read_ = true;
                return;
            default:
                write_error_ = EPROTO;
                // Where reading has failed before, its words are the better ones.
                if (end_ == kOpen) failure_ = describe_tls_failure();
                return;
        }
    }
}

// @returns true when the write is over: everything has left, or nothing will any more
bool TlsStream::write_on(StreamOp& op) {
    for (;;) {
        if (write_error_ != 0) {
            op.result.value = -write_error_;
            return true;
        }
        if (below_writing_) return false;
        encrypt(op);
        if (out_.empty() && write_error_ == 0) {
            out_.release();
            if (!op.buffer->empty()) return false;
            op.result.value = static_cast<int32_t>(written_);
            return true;
        }
        flush();
    }
}

bool TlsStream::start_write(StreamOp& op) {
    written_ = 0;
    if (closed_sending_ || said_close_) {
        op.result.value = -EPIPE;
        return true;
    }
    if (write_on(op)) return true;
    writer_ = &op;
    return false;
}

void TlsStream::on_op_done(StreamOp& op) {
    if (&op == &below_read_) note_fetched();
    else note_sent();
    advance();
}

// Everything that may go on goes on; then those whose operation is over are told, last, because they may destroy this.
void TlsStream::advance() {
    StreamOp* finished_read = nullptr;
    flush();
    if (reader_ != nullptr) {
        do {
            if (decrypt(*reader_)) finished_read = std::exchange(reader_, nullptr);
        } while (reader_ != nullptr && fetch(reader_->buffer->capacity() >= kLargeBuffer));
    }
    if (writer_ != nullptr && write_on(*writer_)) finished_write_ = std::exchange(writer_, nullptr);
    if (wants_close_) close_sending();
    bool gone = false;
    bool* outer = std::exchange(gone_, &gone);
    if (finished_read != nullptr) finished_read->resume();
    else if (reader_ == nullptr && watcher_ != nullptr) look();
    if (!gone) {
        if (StreamOp* op = std::exchange(finished_write_, nullptr)) op->resume();
    }
    if (!gone) gone_ = outer;
    else if (outer != nullptr) *outer = true;
}

void TlsStream::abandon_read() { reader_ = nullptr; }

void TlsStream::abandon_write() {
    lost_write_ |= writer_ != nullptr;
    writer_ = finished_write_ = nullptr;
}

void TlsStream::shutdown_write() {
    wants_close_ = true;
    close_sending();
}

void TlsStream::close_sending() {
    if (closed_sending_ || writer_ != nullptr || below_writing_ || !out_.empty()) return;
    if (!said_close_) {
        said_close_ = true;
        ERR_clear_error();
        SSL_shutdown(ssl_);
        flush();
        if (below_writing_) return;
    }
    closed_sending_ = true;
    plain_->shutdown_write();
}

void TlsStream::abort_on_close() {
    abort_ = true;
    plain_->abort_on_close();
}

}  // namespace portico::io
