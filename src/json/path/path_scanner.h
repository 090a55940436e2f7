// The words of a JSONPath: blanks, strings, integers, numbers, names. For json/path/path_parser*.cc only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "json/path/path.h"

namespace portico::json::detail {

// Where the text is read, and the first thing found wrong with it. What reads a word gives false once something is wrong.
class PathScanner {
  public:
    // Keeps a copy of `text`, which is UTF-8.
    explicit PathScanner(std::string_view text) : text_(text) {}

    size_t at() const { return at_; }
    bool at_end() const { return at_ == text_.size(); }
    void go_back(size_t at) { at_ = at; }
    // NUL behind the end; NUL itself may stand nowhere in a query.
    char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    bool take(std::string_view word);
    void skip_blanks();

    // The name of a `.name`. @returns "" where none stands here
    std::string_view take_shorthand();
    // A function's name or `true`, `false`, `null`. @returns "" where none stands here
    std::string_view take_word();
    // The name of a root, likewise.
    std::string_view take_root_name();

    // A string with its quotes, decoded.
    bool read_string(std::string& decoded);
    // An index: -(2^53-1) to 2^53-1.
    bool read_integer(int64_t& n);
    bool read_number(std::string_view& number);

    // @returns false, always
    bool fail(std::string what) { return fail_at(at_, std::move(what)); }
    bool fail_at(size_t offset, std::string what);
    // Says that `what` was expected here.
    bool expected(std::string_view what);
    const PathError& error() const { return error_; }

  private:
    bool read_escape(char quote, std::string& decoded);
    bool read_digits(std::string_view after);

    std::string text_;
    size_t at_ = 0;
    PathError error_;
};

// Whether `name` may follow a dot (RFC 9535 §2.5.1.1, member-name-shorthand).
bool is_shorthand(std::string_view name);

}  // namespace portico::json::detail
