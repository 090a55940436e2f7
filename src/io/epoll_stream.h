// A TCP connection on the epoll backend. Private to src/io.
#pragma once

#include "base/intrusive_list.h"
#include "io/backend.h"
#include "io/stream.h"

namespace portico::io {

class EpollBackend;

// What an epoll event points at.
class EpollHandler {
  public:
    virtual void on_events(uint32_t events) = 0;
    // Events that the kernel has told of in this round and that on_events() comes to later.
    uint32_t announced = 0;

  protected:
    ~EpollHandler() = default;
};

class EpollStream final : public Stream, public ListHook<EpollBackend>, private EpollHandler {
  public:
    // Takes over `fd`. @param registered an EpollHandler already stands for it
    EpollStream(EpollBackend& backend, BufferPool& buffers, int fd, const SocketAddress& peer, bool registered);
    ~EpollStream() override;

    void interrupt(int error, Direction which) override;
    bool quiet(bool now) override;
    bool at_end() override;
    void watch(StreamWatcher* watcher) override;
    void shutdown_write() override;
    void abort_on_close() override { abort_ = true; }
    SocketAddress peer() const override { return peer_; }
    SocketAddress local() const override;
    int splice_fd() const override { return fd_; }
    bool start_wait(StreamOp& op, bool readable) override;
    // What it left to a later turn, since the one in which it came had no more time.
    void go_on();
    bool goes_on_later() const { return static_cast<const ListHook<EpollBackend>&>(*this).linked(); }

  protected:
    bool start_read(StreamOp& op) override;
    bool start_write(StreamOp& op) override;
    void abandon_read() override { reader_ = nullptr; }
    void abandon_write() override { writer_ = interrupted_write_ = nullptr; }

  private:
    void on_events(uint32_t events) override;
    void note_reset() override { error_ = ECONNRESET; }
    bool try_read(StreamOp& op);
    bool try_write(StreamOp& op);
    void resume_reader();
    void resume_writer();
    void tell_closed();
    void look();

    EpollBackend& backend_;
    BufferPool& buffers_;
    StreamOp* reader_ = nullptr;
    StreamOp* writer_ = nullptr;
    StreamOp* interrupted_write_ = nullptr;  // about to be told so
    StreamWatcher* watcher_ = nullptr;
    bool* gone_ = nullptr;  // set to true by the destructor, for on_events
    SocketAddress peer_;
    int fd_;
    uint32_t written_ = 0;      // of the pending write
    int lost_;                  // errno: no events are to be had, nothing can be waited for; mostly 0
    int error_ = 0;             // the connection broke: every later read says so
    bool readable_ = true;      // believed, until a call says otherwise
    bool writable_ = true;
    bool closed_ = false;       // RDHUP, HUP or ERR was seen
    bool urgent_ = false;       // the peer sends urgent bytes: a read may be short before each
    bool told_ = false;
    bool abort_ = false;
    bool waits_read_ = false;   // reader_ waits for readiness only (splice)
    bool waits_write_ = false;
};

}  // namespace portico::io
