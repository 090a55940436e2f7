// How fast a client's body comes, over the time in which the gateway waits for nothing else (`limits.min_rate`): a client that sends a
// byte now and then would otherwise hold a connection to a service for as long as it likes. Time in which the service does not take
// what is there, or in which nobody reads, does not count, so that the fault is the client's own. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/clock.h"

namespace portico::gateway {

class BodyPace {
  public:
    // Over any so long a wait in all it has to bring its rate.
    static constexpr Duration kSpan = std::chrono::seconds(60);

    // @param bytes_per_second 0: any pace will do
    void set_rate(uint64_t bytes_per_second) {
        least_ = bytes_per_second * kSeconds;
        too_slow_ = false;
    }
    // Whoever waits has waited for so long. What comes then belongs to the end of it.
    void waited(Duration time) {
        if (least_ == 0 || time <= Duration::zero()) return;
        // Nearly every body is there within a second: only a slower one has its seconds told apart.
        if (waited_ + time >= kSecond && seconds_ == nullptr) begin_seconds();
        waited_ += time;
        if (seconds_ != nullptr) go_on_to(static_cast<uint64_t>(waited_ / kSecond));
    }
    void came(uint64_t bytes) {
        if (seconds_ == nullptr) before_ += bytes;
        else in_span_ += bytes, seconds_->bytes[at_ % kSeconds] += bytes;
    }
    // How much longer a wait that brings nothing may take until too_slow() is worth asking; kForever at any pace.
    Duration patience() const;
    // When a wait that begins now and may take until `other` ends in any case.
    Time until(Time now, Time other) const {
        const Duration most = patience();
        return most == kForever || other - now < most ? other : now + most;
    }
    // Whether there was a span that brought less than the rate, its seconds counted from the first wait on.
    bool too_slow() const { return too_slow_; }

  private:
    static constexpr Duration kSecond = std::chrono::seconds(1);
    static constexpr uint64_t kSeconds = 60;
    struct Seconds {
        std::array<uint64_t, kSeconds> bytes{};  // of the last ones that were waited, each in its place
    };

    void begin_seconds();
    void go_on_to(uint64_t second);

    uint64_t least_ = 0;   // bytes in kSpan
    Duration waited_{};    // in all
    uint64_t before_ = 0;  // bytes that came before its seconds were told apart
    uint64_t at_ = 0;      // the second of the wait that goes on
    uint64_t in_span_ = 0;  // bytes of the present second and the 59 before it
    bool too_slow_ = false;
    std::unique_ptr<Seconds> seconds_;
};

}  // namespace portico::gateway
