// A simulated stream that hears of its socket as over epoll: by edges, after which it tries at once. Private to io/sim.
#pragma once

#include "io/sim/stream.h"

namespace portico::io {

class SimEdgeStream final : public SimStream {
  public:
    SimEdgeStream(SimNetwork& net, SimBackend& backend, std::shared_ptr<SimSocket> socket);
    ~SimEdgeStream() override;

    void interrupt(int error, Direction which) override;
    bool quiet(bool now) override;
    bool at_end() override;
    void watch(StreamWatcher* watcher) override;
    bool start_wait(StreamOp& op, bool readable) override;

  protected:
    bool start_read(StreamOp& op) override;
    bool start_write(StreamOp& op) override;
    void abandon_read() override { reader_ = nullptr; }
    void abandon_write() override { writer_ = interrupted_write_ = nullptr; }

  private:
    void on_came() override { raise(true); }
    void on_room() override { raise(false); }
    void raise(bool readable);
    void on_events();
    bool turn_is_over();
    void go_on_next_turn();
    void go_on();
    void resume_reader();
    void resume_writer();
    bool try_read(StreamOp& op);
    bool try_write(StreamOp& op);
    void look();
    void tell_closed();

    StreamOp* reader_ = nullptr;
    StreamOp* writer_ = nullptr;
    StreamOp* interrupted_write_ = nullptr;  // about to be told so
    StreamWatcher* watcher_ = nullptr;
    bool* gone_ = nullptr;  // set to true by the destructor
    uint32_t written_ = 0;  // of the pending write
    int error_ = 0;
    bool raised_in_ = false, raised_out_ = false;  // edges of which the loop is to hear
    bool readable_ = true, writable_ = true;       // believed, until a call says otherwise
    bool closed_ = false, told_ = false;
    bool waits_read_ = false, waits_write_ = false;
    bool goes_on_ = false;  // in the next turn, with what it left to it
};

}  // namespace portico::io
