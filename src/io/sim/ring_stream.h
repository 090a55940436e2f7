// A simulated stream that hears of its socket as over io_uring: operations are submitted, and complete in a later turn. Private to
// io/sim.
#pragma once

#include <deque>
#include <string>

#include "io/sim/stream.h"

namespace portico::io {

class SimRingStream final : public SimStream {
  public:
    using SimStream::SimStream;
    ~SimRingStream() override;

    void interrupt(int error, Direction which) override;
    bool quiet(bool now) override;
    bool at_end() override;
    void watch(StreamWatcher* watcher) override;
    bool start_wait(StreamOp& op, bool readable) override;

  protected:
    bool start_read(StreamOp& op) override;
    bool start_write(StreamOp& op) override;
    void abandon_read() override;
    void abandon_write() override;

  private:
    // An operation, from the loop's side and from the kernel's.
    struct Armed {
        bool armed = false;   // until the loop has heard of its end
        bool working = false; // in the kernel
    };
    // The kernel's side.
    void on_came() override;
    void on_room() override;
    void receive_many();
    void receive_one();
    void push();
    void end_push(ssize_t result);
    // The loop's.
    void arm_many();
    void cancel_many();
    void arm_one(const StreamOp& op);
    void arm_poll(bool in);
    void arm_reader();
    void arm_send(std::string_view bytes);
    void on_many(std::string bytes, int result, bool last, bool drained);
    void on_one(const std::string& bytes, int result, bool drained);
    void on_poll_in();
    void on_poll_out();
    void on_send(ssize_t result);
    void deliver();
    void look();
    bool take(StreamOp& op);
    void give_up_read(bool keep_bytes);
    bool try_bulk(StreamOp& op);
    void tell_closed();

    StreamWatcher* watcher_ = nullptr;
    StreamOp* reader_ = nullptr;
    StreamOp* writer_ = nullptr;
    StreamOp* interrupted_write_ = nullptr;  // about to be told so
    bool* gone_ = nullptr;                   // set to true by the destructor
    std::deque<std::string> held_;           // came while nobody read
    Armed many_, one_, poll_in_, poll_out_, send_;
    uint32_t one_room_ = 0;
    bool one_given_up_ = false;  // what it brings is the next read's
    uint32_t undelivered_ = 0;   // receptions of which the loop has not heard
    uint64_t armed_in_ = 0, drained_in_ = 0;  // rounds: in which the receive was armed; a reception left the socket empty
    std::string_view sending_;  // what the kernel has not taken yet; of the writer's buffer, or of orphan_
    Buffer orphan_;
    size_t pushed_ = 0;  // by the operation under way
    uint32_t sent_ = 0, send_left_ = 0;  // of the pending write
    int error_ = 0;
    bool eof_ = false, told_ = false, starved_ = false;
    bool waits_read_ = false, waits_write_ = false;
};

}  // namespace portico::io
