// Calls something again and again until it is destroyed; never by the call itself. Control thread.
#pragma once

#include <functional>
#include <utility>

#include "io/loop.h"

namespace portico::server {

class Ticker final : private io::Timer {
  public:
    Ticker(io::Loop& loop, Duration every, std::function<void()> what) : loop_(loop), every_(every), what_(std::move(what)) {
        set(loop_.timers(), loop_.now() + every_);
    }

  private:
    void on_timer() override {
        set(loop_.timers(), loop_.now() + every_);
        what_();
    }
    io::Loop& loop_;
    Duration every_;
    std::function<void()> what_;
};

}  // namespace portico::server
