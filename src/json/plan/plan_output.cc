#include "json/plan/plan_output.h"

#include <algorithm>

#include "json/writer.h"

namespace portico::json::detail {

bool PlanOutput::grow(size_t wanted) {
    const size_t written = size();
    if (wanted > max_ - std::min(max_, written)) {
        full_ = true;
        return false;
    }
    open(before_ + std::min(max_, std::max({written + wanted, 2 * written, size_t{512}})));
    return true;
}

void PlanOutput::put_string(std::string_view utf8) {
    escaped_.clear();
    append_string(escaped_, utf8);
    put(escaped_);
}

}  // namespace portico::json::detail
