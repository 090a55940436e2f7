#include "config/lines.h"

#include <algorithm>

namespace portico::config {
namespace {

size_t break_at(std::string_view rest) {
    constexpr std::string_view kBreaks[] = {"\r\n", "\r", "\n", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
    for (const std::string_view b : kBreaks) {
        if (rest.starts_with(b)) return b.size();
    }
    return 0;
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view source) {
    std::vector<std::string_view> lines;
    size_t begin = 0;
    for (size_t at = source.find_first_of("\r\n\xC2\xE2"); at != std::string_view::npos; at = source.find_first_of("\r\n\xC2\xE2", at)) {
        const size_t size = break_at(source.substr(at));
        if (size > 0) {
            lines.push_back(source.substr(begin, at - begin));
            begin = at + size;
        }
        at += std::max<size_t>(size, 1);
    }
    lines.push_back(source.substr(begin));
    return lines;
}

}  // namespace portico::config
