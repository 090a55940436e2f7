#include "json/plan/plan_output.h"

#include <algorithm>

#include "base/meter.h"
#include "json/writer.h"

namespace portico::json::detail {

// Bytes from which on it is counted among what its worker holds.
constexpr size_t kCounted = size_t{64} << 10;

bool PlanOutput::grow(size_t wanted) {
    const size_t written = size();
    if (wanted > max_ - std::min(max_, written)) {
        full_ = true;
        return false;
    }
    const size_t capacity = std::min(max_, std::max({written + wanted, 2 * written, size_t{512}}));
    if (capacity >= kCounted && !held_.set(capacity)) {
        Meter::out_of_memory();
        full_ = true;
        return false;
    }
    open(before_ + capacity);
    return true;
}

void PlanOutput::put_string(std::string_view utf8) {
    escaped_.clear();
    append_string(escaped_, utf8);
    put(escaped_);
}

}  // namespace portico::json::detail
