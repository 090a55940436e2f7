// A TCP connection on the io_uring backend. Private to src/io.
//
// Two objects, because the kernel may outlive the owner: a UringStream is what its owner holds and destroys, a UringSocket
// is what completions point at. The socket goes (and the descriptor is closed) when its stream has gone and the last operation
// was counted out; blocks that an abandoned operation still uses wait there.
#pragma once

#include <cstdint>

#include "io/backend.h"
#include "io/stream.h"

namespace portico::io {

class UringBackend;
class UringStream;

// Low bits of a completion's user_data: which operation of the target it is.
enum class UringTag : uint8_t { none, receive_many, receive_one, send, poll_in, poll_out, target };

struct alignas(16) UringSocket {
    explicit UringSocket(UringBackend& b, int descriptor) : backend(b), fd(descriptor) {}

    UringBackend& backend;
    UringStream* owner = nullptr;
    StreamOp* reader = nullptr;
    StreamOp* writer = nullptr;
    Buffer orphan_read;   // of an abandoned receive_one
    Buffer orphan_write;  // of an abandoned send
    int fd;
    int error = 0;             // the stream broke: every later read says so
    uint32_t send_left = 0;    // of the pending write
    uint32_t sent = 0;
    uint16_t in_flight = 0;
    // Provided buffers that came while nobody read: a chain through UringBackend::next_.
    uint16_t first = kNoBuffer, last = kNoBuffer, waiting = 0;
    uint16_t offset = 0;  // already taken from the first
    bool many_armed = false, one_armed = false, send_armed = false, poll_in_armed = false, poll_out_armed = false;
    bool many_cancelled = false;
    bool eof = false;
    bool waits_read = false;  // the reader waits for readiness only (splice)
    bool starved = false;     // the receive ended because the provided buffers ran out

    static constexpr uint16_t kNoBuffer = 0xffff;
};

class UringStream final : public Stream {
  public:
    UringStream(UringBackend& backend, int fd, const SocketAddress& peer);
    ~UringStream() override;

    void interrupt(int error) override;
    void watch(StreamWatcher* watcher) override;
    void shutdown_write() override;
    void abort_on_close() override { abort_ = true; }
    SocketAddress peer() const override;
    SocketAddress local() const override;
    int splice_fd() const override { return socket_->fd; }
    bool start_wait(StreamOp& op, bool readable) override;

    // A completion of one of the socket's operations.
    static void complete(UringSocket& s, UringTag tag, int result, uint32_t flags);

  protected:
    bool start_read(StreamOp& op) override;
    bool start_write(StreamOp& op) override;
    void abandon_read() override;
    void abandon_write() override;

  private:
    static void release_if_over(UringSocket& s);
    static void deliver(UringSocket& s);
    static bool take(UringSocket& s, StreamOp& op);
    static bool try_bulk(UringSocket& s, StreamOp& op);
    static void arm_reader(UringSocket& s);
    static void on_many(UringSocket& s, int result, uint32_t flags);
    static void on_one(UringSocket& s, int result);
    static void on_send(UringSocket& s, int result);
    static void on_poll_in(UringSocket& s, int result);
    void tell_closed();

    UringSocket* socket_;
    StreamWatcher* watcher_ = nullptr;
    StreamOp* interrupted_write_ = nullptr;  // about to be told so
    bool* gone_ = nullptr;  // set to true by the destructor, for interrupt
    SocketAddress peer_;
    bool abort_ = false;
    bool told_ = false;
};

}  // namespace portico::io
