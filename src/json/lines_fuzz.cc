// Properties of the line splitter: whole equals split; no line is empty, holds an LF or is longer than may be; and the lines, joined,
// are the text without its line ends. The first byte is the size of the pieces, the second the longest line.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "json/lines.h"

namespace {

using portico::json::LineSplitter;

struct Split {
    std::vector<std::string> lines;
    bool too_long = false;
    bool operator==(const Split&) const = default;
};

Split split(std::string_view text, size_t step, size_t max_line) {
    LineSplitter splitter(max_line);
    Split result;
    do {
        const std::string part(text.substr(0, step));
        text.remove_prefix(part.size());
        splitter.give(part, text.empty());
        while (const auto line = splitter.next()) {
            PORTICO_CHECK(!line->empty() && line->size() <= max_line && line->find('\n') == std::string_view::npos);
            result.lines.emplace_back(*line);
        }
    } while (!text.empty() && !splitter.is_too_long());
    result.too_long = splitter.is_too_long();
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2 || size > 4096) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
    const size_t max_line = data[1];
    const Split whole = split(text, SIZE_MAX, max_line);
    PORTICO_CHECK(whole == split(text, 1 + data[0] % 32, max_line));
    if (whole.too_long) return 0;
    std::string joined;
    for (const std::string& line : whole.lines) joined += line;
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool ends = text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] == '\n'));
        if (!ends) plain += text[i];
    }
    PORTICO_CHECK(joined == plain);
    return 0;
}
