#include "config/yaml_hints.h"

#include <span>

#include "base/text.h"
#include "config/concealed.h"
#include "config/lines.h"

namespace portico::config {
namespace {

std::string_view line_of(std::span<const std::string_view> lines, size_t number) { return number == 0 || number > lines.size() ? std::string_view{} : lines[number - 1]; }

struct Span {
    size_t begin, end;
};

// Longer ones nobody has typed, and the search below looks at each value to the end of its line.
constexpr size_t kLongestLine = 2048;

// The first unquoted value after ": " or "[" or ", " that holds a brace or a bracket as templates and JSONPaths do.
std::optional<Span> bare_template(std::string_view line) {
    for (size_t colon = line.find(": "); colon != std::string_view::npos; colon = line.find(": ", colon + 1)) {
        const size_t begin = line.find_first_not_of(' ', colon + 1);
        if (begin == std::string_view::npos) return std::nullopt;
        const char first = line[begin];
        if (first == '"' || first == '\'' || first == '[' || first == '&' || first == '*' || first == '|' || first == '>') continue;
        if (first == '{' && line.substr(begin).find(':') != std::string_view::npos) continue;  // a mapping in its own right
        int depth = 0;
        size_t end = begin;
        bool special = false;
        for (; end < line.size(); ++end) {
            const char c = line[end];
            if (c == '{' || c == '[') {
                ++depth;
                special = true;
            } else if (c == '}' || c == ']') {
                if (depth == 0) break;
                --depth;
            } else if (depth == 0 && (c == ',' || (c == ' ' && end + 1 < line.size() && (line[end + 1] == '#' || line[end + 1] == '}')))) {
                break;
            }
        }
        while (end > begin && line[end - 1] == ' ') --end;
        // {} and [] are what they say.
        if (end - begin == 2 && line[begin + 1] != '{') special = false;
        if (special && end > begin) return Span{begin, end};
    }
    return std::nullopt;
}

}  // namespace

bool line_begins_with_tab(std::string_view source, size_t line) {
    const std::string_view text = line_of(lines_of(source), line);
    const size_t first = text.find_first_not_of(' ');
    return first != std::string_view::npos && text[first] == '\t';
}

std::optional<SyntaxHint> hint_for_syntax(std::string_view source, size_t line, size_t context_line) {
    const std::vector<std::string_view> lines = lines_of(source);
    for (const size_t n : {line, context_line, line - 1}) {
        if (n == 0) continue;
        const std::string_view text = line_of(lines, n);
        if (text.size() > kLongestLine) continue;
        const auto span = bare_template(text);
        if (!span) continue;
        SyntaxHint r;
        r.mark.line = static_cast<uint32_t>(n);
        r.mark.column = static_cast<uint32_t>(span->begin + 1);
        r.mark.end_column = static_cast<uint32_t>(span->end + 1);
        const std::string fixed = std::string(text.substr(0, span->begin)) + '"' +
                                  std::string(text.substr(span->begin, span->end - span->begin)) + '"' +
                                  std::string(text.substr(span->end));
        const std::string_view shown[] = {fixed};
        r.hint = "put it in quotes: " + std::string(trim_ows(without_written_secrets(shown, 1)));
        return r;
    }
    return std::nullopt;
}

}  // namespace portico::config
