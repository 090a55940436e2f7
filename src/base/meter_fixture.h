// A Meter for tests: counts what it is told, and allows so much.
#pragma once

#include "base/meter.h"

namespace portico {

class CountingMeter final : public Meter {
  public:
    explicit CountingMeter(uint64_t most = UINT64_MAX) : most_(most) { current_ = this; }
    ~CountingMeter() { current_ = nullptr; }
    uint64_t told = 0;
    uint64_t looks = 0;

  private:
    bool more(uint64_t steps) override {
        ++looks;
        return (told += steps) <= most_;
    }
    uint64_t most_;
};

}  // namespace portico
