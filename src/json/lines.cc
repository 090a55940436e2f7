#include "json/lines.h"

#include "base/meter.h"

namespace portico::json {

void LineSplitter::give(std::string_view part, bool last) {
    rest_ = part;
    last_ = last;
}

bool LineSplitter::accept(std::string_view& line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() <= max_line_) return !line.empty();
    too_long_ = true;
    return false;
}

std::optional<std::string_view> LineSplitter::next() {
    if (held_given_) {
        held_.clear();
        held_given_ = false;
    }
    while (!too_long_) {
        auto line = cut();
        if (!line) return std::nullopt;
        if (accept(*line)) {
            ++count_;
            return line;
        }
        if (held_given_) held_.clear();
        held_given_ = false;
        // A part may be nothing but empty lines.
        if (!Meter::spend(1)) return std::nullopt;
    }
    return std::nullopt;
}

// Everything up to the next LF, or up to the end; what is not complete yet is held.
std::optional<std::string_view> LineSplitter::cut() {
    const size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    const bool is_whole = end != std::string_view::npos || (last_ && !(line.empty() && held_.empty()));
    if (is_whole && held_.empty()) return line;
    // One more for a CR. What is longer is not held.
    if (held_.size() + line.size() > max_line_ + 1) {
        too_long_ = true;
        return std::nullopt;
    }
    held_ += line;
    if (!is_whole) return std::nullopt;
    held_given_ = true;
    return held_;
}

}  // namespace portico::json
