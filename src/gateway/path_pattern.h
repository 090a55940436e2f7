// A route's path: fixed segments, `{p}`, `{p:pattern}`, and `**` at its end (LANGUAGE.md §2). Parsed once at load.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/arena.h"

namespace re2 {
class RE2;
}

namespace portico::gateway {

struct PathSegment {
    enum class Kind : uint8_t { fixed, pattern, parameter } kind = Kind::fixed;
    std::string text;                        // fixed: in normal form
    std::string name;                        // of the parameter
    std::string regex;                       // pattern: RE2, tested on the whole decoded segment
    std::shared_ptr<const re2::RE2> matcher;
};

// Expressions that were compiled already, by their text: tables of thousands of routes repeat a few.
using CompiledPatterns = std::unordered_map<std::string, std::shared_ptr<const re2::RE2>>;

class PathPattern {
  public:
    // @param compiled where there may be equal expressions; nullptr: nowhere
    // @returns none with what is wrong in `fault` (and perhaps a correction in `hint`)
    static std::optional<PathPattern> parse(std::string_view text, std::string& fault, std::string& hint,
                                            CompiledPatterns* compiled = nullptr);

    const std::string& text() const { return text_; }
    const std::vector<PathSegment>& segments() const { return segments_; }
    bool open() const { return open_; }  // ends in /**
    // The ranks of its segments and its end: equal shapes have equal rank and, if the fixed texts agree, may overlap.
    const std::string& shape() const { return shape_; }
    // Whether a fixed segment holds an encoded `/ \ ; ? #` or a raw `;`, which takes a route with `encoded: allow`.
    bool holds_separator() const;
    // Slow and plain: for explanations and tests. The route table must agree with it.
    bool matches(std::string_view normal_path) const;

  private:
    std::string text_;
    std::vector<PathSegment> segments_;
    bool open_ = false;
    std::string shape_;
};

// Calls f(segment) for what stands between the slashes of a normal path; "/a/" has the segments "a" and "".
template <class F>
void for_each_segment(std::string_view path, F&& f) {
    for (size_t at = 1; at <= path.size();) {
        size_t end = path.find('/', at);
        if (end == std::string_view::npos) end = path.size();
        f(path.substr(at, end - at));
        at = end + 1;
    }
}

// Whether a pattern's expression holds for a segment as it stands in a normal path.
bool segment_matches(const re2::RE2& matcher, std::string_view encoded);

}  // namespace portico::gateway
