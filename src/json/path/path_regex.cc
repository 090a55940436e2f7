#include "json/path/path_regex.h"

#include <re2/re2.h>

#include <algorithm>

#include "json/path/path_utf8.h"

namespace portico::json::detail {
namespace {

re2::RE2::Options options_of(size_t memory) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(static_cast<int64_t>(memory));
    return options;
}

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

}  // namespace

PathRegex::PathRegex(std::unique_ptr<re2::RE2> compiled) : compiled_(std::move(compiled)) {}
PathRegex::~PathRegex() = default;

std::expected<std::unique_ptr<PathRegex>, RegexError> PathRegex::compile(std::string_view expression, Origin origin) {
    if (expression.size() > kMaxSize) return std::unexpected(RegexError{kMaxSize, "it is longer than 4096 bytes", true});
    const auto translated = translate_regex(expression);
    if (!translated) return std::unexpected(translated.error());
    // RE2 has one bound for a program and for what runs it, which needs the more: what is too large is found by compiling it twice.
    const bool fits = origin == Origin::configuration || re2::RE2(*translated, options_of(kMaxMemoryOfDocument)).ok();
    if (!fits) return std::unexpected(RegexError{0, "it needs too much memory", true});
    auto compiled = std::make_unique<re2::RE2>(*translated, options_of(kMaxMemory));
    // What is translated is right: only its size may be refused.
    if (!compiled->ok()) return std::unexpected(RegexError{0, "it needs too much memory", true});
    return std::unique_ptr<PathRegex>(new PathRegex(std::move(compiled)));
}

size_t PathRegex::size() const { return static_cast<size_t>(std::max(compiled_->ProgramSize(), 0)); }

bool PathRegex::matches(std::string_view text) const {
    return re2::RE2::FullMatch(piece(text), *compiled_);
}

bool PathRegex::found_in(std::string_view text) const {
    return re2::RE2::PartialMatch(piece(text), *compiled_);
}

}  // namespace portico::json::detail
