// When a loop has to wake though nothing has come: one timeout that stays with the kernel from wait to wait. A timeout given to
// each wait would be set and taken back whenever the loop sleeps: 5 % of what a request costs on an idle gateway. Private to
// src/io.
#pragma once

#include "io/uring_backend_impl.h"

namespace portico::io {

class UringAlarm final : public UringTarget {
  public:
    explicit UringAlarm(UringBackend& backend) : backend_(backend) {}

    // The next wait ends at `deadline` at the latest; an earlier deadline of before may end it early.
    void wake_by(Time deadline);

  private:
    void on_complete(int result, uint32_t flags) override;

    UringBackend& backend_;
    bool set_ = false;
    Time at_{};                // where it is set
    __kernel_timespec time_{}; // of at_; read by the kernel at the submission
};

}  // namespace portico::io
