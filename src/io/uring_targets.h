// The rare operations of the io_uring backend: connecting, accepting, watching foreign descriptors, waking. Private to src/io.
// Each is an owner's handle plus a UringTarget that stays until the kernel has said its last word.
#pragma once

#include <memory>

#include "io/uring_backend_impl.h"

namespace portico::io {

// A connect in flight. Deletes itself at its completion.
class UringConnecting final : public UringTarget {
  public:
    UringConnecting(UringBackend& backend, ConnectOp& op, int fd);
    void on_complete(int result, uint32_t flags) override;
    // Nobody waits any more: cancels, and closes the descriptor at the completion.
    void detach();

  private:
    ~UringConnecting() override;
    UringBackend& backend_;
    ConnectOp* op_;
    int fd_;
    sockaddr_storage* address_;
};

class UringAcceptor final : public Acceptor {
  public:
    UringAcceptor(UringBackend& backend, int fd, Sink& sink);
    ~UringAcceptor() override;
    void pause() override;
    void resume() override;
    void take_all() override;

  private:
    struct Target;
    Target* target_;
};

class UringWatch final : public FdWatch {
  public:
    UringWatch(UringBackend& backend, int fd, unsigned events, Sink& sink);
    ~UringWatch() override;

  private:
    struct Target;
    Target* target_;
};

// The backend's own eventfd.
class UringWake final : public FdWatch, private FdWatch::Sink {
  public:
    UringWake(UringBackend& backend, int fd);

  private:
    void on_fd_ready(int fd, bool readable, bool writable) override;
    UringWatch watch_;
};

}  // namespace portico::io
