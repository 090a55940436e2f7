// TLS over any other Stream, either side: what is read and written here is plain text, what passes below is encrypted. Keeps
// stream.h's contract. TlsClient makes the client's; a server's differs by the SSL object only. One thread.
//
// It holds ciphertext only while it is on its way: a connection at rest has OpenSSL's own state and no block.
//
// An end in order is the peer's close_notify; a connection that ends without one was cut, perhaps by somebody else, and reads
// as ECONNRESET. A broken rule of TLS, or the peer's alert, is EPROTO, with its words in failure().
#pragma once

#include <memory>
#include <string>

#include "io/loop.h"
#include "io/stream.h"
#include "io/task.h"

struct ssl_st;

namespace portico::io {

class TlsStream final : public Stream, private StreamOp::Sink, private StreamWatcher, private Deferred {
  public:
    // @param ssl taken over: its settings and its side (connect or accept) are set, nothing was sent
    // @param keep what the SSL object's own callbacks point at
    TlsStream(Loop& loop, std::unique_ptr<Stream> plain, ssl_st* ssl, std::shared_ptr<void> keep = nullptr);
    // Says close_notify where everything was written and no abort was asked for; without waiting for room.
    ~TlsStream() override;

    // The peer's refusal, or ours, in words.
    struct HandshakeEnd {
        int error = 0;  // errno: ETIMEDOUT, EPROTO, ECONNRESET …
        std::string what;
    };
    // Must be awaited to its end before anything is read or written.
    Task<HandshakeEnd> handshake(Time deadline);

    void interrupt(int error, Direction which) override;
    bool quiet(bool now) override;
    bool at_end() override;
    void watch(StreamWatcher* watcher) override;
    void shutdown_write() override;
    void abort_on_close() override;
    SocketAddress peer() const override { return plain_->peer(); }
    SocketAddress local() const override { return plain_->local(); }
    int look_fd() const override { return plain_->look_fd(); }
    std::string_view failure() const override { return failure_; }

    ssl_st* ssl() { return ssl_; }

    // OpenSSL takes ciphertext from here and leaves it here. @returns bytes moved, 0: none now
    uint32_t take_received(char* into, uint32_t size);
    uint32_t put_to_send(const char* from, uint32_t size);

  protected:
    bool start_read(StreamOp& op) override;
    bool start_write(StreamOp& op) override;
    void abandon_read() override;
    void abandon_write() override;

  private:
    static constexpr int kOpen = 1;  // of an end: none yet; 0 is the end in order, below it -errno

    void on_op_done(StreamOp& op) override;
    void on_peer_closed(int error) override;
    void on_deferred() override { advance(); }

    void advance();
    bool decrypt(StreamOp& op);
    void encrypt(StreamOp& op);
    bool write_on(StreamOp& op);
    void flush();
    void look();
    int peek();
    void tell_closed();
    void close_sending();
    bool fetch(bool bulk);
    void note_fetched();
    void note_sent();
    void judge(int result);
    void settle_end();
    bool unread() const;

    Loop& loop_;
    std::unique_ptr<Stream> plain_;
    ssl_st* ssl_;
    std::shared_ptr<void> keep_;
    Buffer in_;       // received, still to be decrypted
    Buffer out_;      // encrypted, still to be sent
    Buffer sending_;  // belongs to the write below
    StreamOp below_read_, below_write_;
    StreamOp* reader_ = nullptr;
    StreamOp* writer_ = nullptr;
    StreamOp* finished_write_ = nullptr;  // about to be told so
    StreamWatcher* watcher_ = nullptr;
    bool* gone_ = nullptr;  // set to true by the destructor
    std::string failure_;
    uint32_t written_ = 0;  // by the pending write
    uint32_t chatter_ = 0;  // bytes received since the last plain one
    int below_end_ = kOpen;  // of the stream below
    int end_ = kOpen;        // of reading here
    int write_error_ = 0;
    bool fetching_ = false;
    bool below_writing_ = false;
    bool write_waits_read_ = false;  // OpenSSL wants the rest of a message first
    bool wants_close_ = false, said_close_ = false, closed_sending_ = false;
    bool told_ = false;
    bool abort_ = false;
    bool lost_write_ = false;  // given up before all of it had left: nothing may look whole
};

}  // namespace portico::io
