// What the process holds of strangers' data (base/held.h), as metrics. One object for the process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/held.h"
#include "observe/metrics.h"

namespace portico::server {

class HeldGauges {
  public:
    explicit HeldGauges(observe::Registry& registry) {
        for (uint8_t i = 0; i < static_cast<uint8_t>(Holding::count_); ++i) {
            const auto what = static_cast<Holding>(i);
            gauges_.push_back(std::make_shared<Gauge>(what));
            registry.ask("portico_memory_held_bytes", "What is held of clients' and services' data, by what it is.", {{"what", std::string(word_of(what))}}, gauges_.back());
        }
    }

  private:
    struct Gauge final : observe::Asked {
        explicit Gauge(Holding w) : what(w) {}
        std::optional<double> value() const override { return static_cast<double>(HeldMemory::total(what)); }
        Holding what;
    };
    std::vector<std::shared_ptr<const Gauge>> gauges_;
};

}  // namespace portico::server
