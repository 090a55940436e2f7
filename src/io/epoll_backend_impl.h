// The epoll backend's class. Private to src/io.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <memory>

#include "io/backend.h"
#include "io/epoll_stream.h"

namespace portico::io {

class EpollBackend final : public Backend {
  public:
    EpollBackend(int epoll_fd, int wake_fd);
    ~EpollBackend() override;

    const char* name() const override { return "epoll"; }
    void wait(Duration wait) override;
    void dispatch() override;
    void wake() override;
    bool start_connect(ConnectOp& op) override;
    void abandon_connect(ConnectOp& op) override;
    void interrupt_connect(ConnectOp& op, int error) override;
    std::unique_ptr<Stream> adopt(int fd, const SocketAddress& peer) override;
    std::unique_ptr<Acceptor> listen(int fd, Acceptor::Sink& sink) override;
    std::unique_ptr<FdWatch> watch(int fd, bool readable, bool writable, FdWatch::Sink& sink) override;

    // @returns 0, or errno where the kernel has no watch or memory left
    int control(int operation, int fd, uint32_t events, EpollHandler* handler);
    // `handler` is being destroyed: events of this turn that still point at it are dropped.
    void forget(EpollHandler* handler);
    BufferPool& buffers() { return *buffers_; }
    // False where more may have happened than one look could tell.
    bool told_all() const { return told_all_; }
    // Counts the looks at the kernel, one a turn.
    uint64_t round() const { return round_; }
    Turn& turn() { return *turn_; }
    // `stream` goes on in the next turn, which comes at once.
    void go_on_next_turn(EpollStream& stream) {
        if (!stream.goes_on_later()) going_on_.push_back(stream);
    }

  private:
    // However long the others took, so many of those that wait for their next turn are served in each.
    static constexpr uint32_t kAtLeast = 4;
    void go_on();

    int epoll_fd_;
    int wake_fd_;
    int count_ = 0;
    int at_ = 0;
    bool told_all_ = true;
    uint64_t round_ = 0;
    IntrusiveList<EpollStream, EpollBackend> going_on_;  // the longest-waiting first
    std::array<epoll_event, 256> events_{};
};

}  // namespace portico::io
