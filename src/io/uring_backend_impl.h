// The io_uring backend's class. Private to src/io.
#pragma once

#include <liburing.h>

#include <memory>

#include "base/result.h"
#include "io/backend.h"
#include "io/uring_buffers.h"
#include "io/uring_files.h"
#include "io/uring_stream.h"

namespace portico::io {

// What a completion with UringTag::target points at: everything that is not a socket's read or write. Destroyed by the
// backend once detached and counted out.
class alignas(16) UringTarget {
  public:
    virtual ~UringTarget() = default;
    virtual void on_complete(int result, uint32_t flags) = 0;
};

class UringAlarm;

class UringBackend final : public Backend {
  public:
    static Result<std::unique_ptr<Backend>> make();
    UringBackend();
    ~UringBackend() override;

    const char* name() const override { return "io_uring"; }
    void wait(Duration wait) override;
    void dispatch() override;
    void wake() override;
    bool start_connect(ConnectOp& op) override;
    void abandon_connect(ConnectOp& op) override;
    void interrupt_connect(ConnectOp& op, int error) override;
    std::unique_ptr<Stream> adopt(int fd, const SocketAddress& peer) override;
    std::unique_ptr<Acceptor> listen(int fd, Acceptor::Sink& sink) override;
    std::unique_ptr<FdWatch> watch(int fd, bool readable, bool writable, FdWatch::Sink& sink) override;

    // A free submission entry, flushing the queue where it is full.
    io_uring_sqe* entry();
    static uint64_t data_of(const UringSocket* s, UringTag tag) {
        return reinterpret_cast<uint64_t>(s) | static_cast<uint64_t>(tag);
    }
    static uint64_t data_of(const UringTarget* t) {
        return reinterpret_cast<uint64_t>(t) | static_cast<uint64_t>(UringTag::target);
    }
    void cancel(uint64_t data);
    void cancel_all_of(int fd);

    // What an armed receive may bring before it is armed again: enough for many heads, and little of a body, which then comes
    // in large pieces or not at all through user space. Older kernels know no such bound and bring up to 256 KiB.
    static constexpr int kReceiveCap = 16 * 1024;
    void prepare_receive(io_uring_sqe* e, int fd) const;
    ProvidedBuffers& provided() { return provided_; }
    RegisteredFiles& files() { return files_; }
    BufferPool& buffers() { return *buffers_; }
    Turn& turn() { return *turn_; }
    // False where more may have happened than this round's completions tell of.
    bool told_all() const { return told_all_; }
    // Counts the times that completions were taken from the ring.
    uint64_t round() const { return round_; }
    // Operations that the kernel has not yet finished, over all sockets and targets.
    size_t in_flight = 0;

  private:
    Result<void> start();
    Result<void> probe();
    // @returns false where the kernel does not know such a receive
    Result<bool> probe_receive();

    // The kernel has more to tell than the ring shows: work that it has not run yet, or completions that found no place.
    bool holds_back() const;
    // Tells the sockets of receptions that dispatch() comes to later in this round.
    void announce(unsigned count);

    io_uring ring_{};
    uint64_t round_ = 1;
    bool told_all_ = true;
    bool ring_ready_ = false;
    bool receive_capped_ = false;
    std::unique_ptr<UringAlarm> alarm_;
    ProvidedBuffers provided_;
    RegisteredFiles files_;
    int wake_fd_ = -1;
    std::unique_ptr<FdWatch> wake_watch_;
};

}  // namespace portico::io
