#include "json/plan/plan_output.h"

#include <algorithm>

#include "base/meter.h"
#include "json/writer.h"

namespace portico::json::detail {

// Bytes from which on it is counted among what its worker holds.
constexpr size_t kCounted = size_t{64} << 10;

// From here on what is written already is taken to its larger place in parts: each page that is
// touched for the first time takes its time.
constexpr size_t kLarge = size_t{1} << 20;
constexpr size_t kPart = size_t{256} << 10;

// @returns false where the computing ends in between
bool PlanOutput::move_to(size_t capacity) {
    const auto written = static_cast<size_t>(at_ - out_.data());
    std::string larger;
    larger.resize_and_overwrite(capacity, [](char*, size_t size) { return size; });
    for (size_t at = 0; at < written; at += kPart) {
        std::memcpy(larger.data() + at, out_.data() + at, std::min(kPart, written - at));
        if (!Meter::look()) return false;
    }
    out_.swap(larger);
    at_ = out_.data() + written;
    end_ = out_.data() + std::min(out_.size(), before_ + max_);
    return true;
}

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
    if (written < kLarge) open(before_ + capacity);
    else if (!move_to(before_ + capacity)) full_ = true;
    return !full_;
}

void PlanOutput::put_string(std::string_view utf8) {
    escaped_.clear();
    append_string(escaped_, utf8);
    put(escaped_);
}

}  // namespace portico::json::detail
