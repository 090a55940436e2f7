// I-Regexp (RFC 9485) for JSONPath's match() and search(): read strictly, translated to RE2, run there in linear time.
// For json/path/path*.cc only.
//
// Decided: `^` and `$` outside a class are the beginning and the end of the text, as RFC 9485 §5's translations and the
// compliance suite have it. A class that is only `^` is refused.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace portico::json::detail {

struct RegexError {
    size_t offset = 0;        // bytes of the expression
    std::string_view what;    // such as "a group is not closed"
    bool too_large = false;   // it is an I-Regexp, but needs more memory than one may have
};

// Thread-safe.
class PathRegex {
  public:
    static constexpr size_t kMaxSize = 4096;         // bytes of an expression
    static constexpr size_t kMaxMemory = 1 << 20;    // bytes of its program and of its automata
    // Of one that a document holds: its program alone. Compiling it, as running it, is not left in the middle, and takes longer the larger it is.
    static constexpr size_t kMaxMemoryOfDocument = 128 << 10;
    static constexpr unsigned kMaxNesting = 100;
    static constexpr unsigned kMaxRepeat = 1000;     // RE2's own

    enum class Origin : uint8_t { configuration, document };
    // @spec RFC 9485 §4
    static std::expected<std::unique_ptr<PathRegex>, RegexError> compile(std::string_view expression, Origin origin = Origin::configuration);
    ~PathRegex();

    // Instructions of its program: what compiling it has cost, and what each byte of a text may.
    size_t size() const;
    // Whether the whole of `text` matches; whether a part of it does.
    bool matches(std::string_view text) const;
    bool found_in(std::string_view text) const;

  private:
    explicit PathRegex(std::unique_ptr<re2::RE2> compiled);
    std::unique_ptr<re2::RE2> compiled_;
};

// @returns RE2's spelling of an I-Regexp, without anchors
std::expected<std::string, RegexError> translate_regex(std::string_view expression);

}  // namespace portico::json::detail
