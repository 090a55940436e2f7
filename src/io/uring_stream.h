// A TCP connection on the io_uring backend. Private to src/io.
//
// Two objects, because the kernel may outlive the owner: a UringStream is what its owner holds and destroys, a UringSocket
// is what completions point at. The socket goes (and the descriptor is closed) when its stream has gone and the last operation
// was counted out; blocks that an abandoned operation still uses wait there.
#pragma once

#include "io/backend.h"
#include "io/stream.h"
#include "io/uring_socket.h"

namespace portico::io {

class UringStream final : public Stream {
  public:
    UringStream(UringBackend& backend, int fd, const SocketAddress& peer);
    ~UringStream() override;

    void interrupt(int error, Direction which) override;
    bool quiet(bool now) override;
    bool at_end() override;
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
    // Provided buffers that may wait unread before the receive is taken back.
    static constexpr uint16_t kMaxWaiting = 4;

    void note_reset() override { socket_->reset = true; }
    static void release_if_over(UringSocket& s);
    static void deliver(UringSocket& s);
    static bool take(UringSocket& s, StreamOp& op);
    static uint32_t take_late(UringSocket& s, StreamOp& op);
    static uint32_t take_provided(UringSocket& s, StreamOp& op);
    static bool try_bulk(UringSocket& s, StreamOp& op);
    static void arm_reader(UringSocket& s);
    static void on_many(UringSocket& s, int result, uint32_t flags);
    static void on_one(UringSocket& s, int result);
    static void on_send(UringSocket& s, int result);
    static void on_poll_in(UringSocket& s, int result);
    static void look(UringSocket& s);
    void give_up_read(bool keep_bytes);
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
