// What an evaluation of a JSONPath has left to spend, and why it ended early. For json/path/path*.cc only.
#pragma once

#include <cstdint>
#include <optional>

#include "base/held.h"
#include "base/meter.h"
#include "json/path/path.h"

namespace portico::json::detail {

class PathEffort {
  public:
    explicit PathEffort(const PathBounds& bounds) : bounds_(bounds), steps_(bounds.max_steps) {}

    // @returns whether there was as much left
    bool spend(uint64_t steps) {
        return steps_.spend(steps) || end(PathStop::too_many_steps);
    }
    // So many bytes are about to be taken, which `held` counts; what is small is not counted.
    bool hold(Held& held, size_t bytes) {
        constexpr size_t kCounted = size_t{64} << 10;
        if (bytes < kCounted || held.set(bytes)) return true;
        Meter::out_of_memory();
        return end(PathStop::too_many_steps);
    }
    bool goes_down_to(size_t depth) { return depth <= bounds_.max_depth || end(PathStop::too_deep); }
    bool has_room_for(size_t nodes) { return nodes <= bounds_.max_nodes || end(PathStop::too_many_nodes); }
    // @returns false, always
    bool end(PathStop why) {
        if (!stop_) stop_ = why;
        return steps_.end();
    }
    uint64_t spent() const { return bounds_.max_steps - steps_.left(); }
    bool ended() const { return stop_.has_value(); }
    std::optional<PathStop> stop() const { return stop_; }

  private:
    const PathBounds& bounds_;
    Steps steps_;
    std::optional<PathStop> stop_;
};

}  // namespace portico::json::detail
