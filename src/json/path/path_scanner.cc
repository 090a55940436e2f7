#include "json/path/path_scanner.h"

#include <array>

#include "base/text.h"
#include "json/escape.h"

namespace portico::json::detail {
namespace {

constexpr int64_t kMaxInteger = (int64_t{1} << 53) - 1;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_letter(char c) {
    return is_lower(ascii_lower(c));
}
bool begins_name(char c) {
    return is_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

bool is_shorthand(std::string_view name) {
    if (name.empty() || !begins_name(name.front())) return false;
    for (const char c : name) {
        if (!begins_name(c) && !is_digit(c)) return false;
    }
    return true;
}

bool PathScanner::fail_at(size_t offset, std::string what) {
    if (error_.what.empty()) error_ = {offset, std::move(what)};
    return false;
}

bool PathScanner::expected(std::string_view what) {
    std::string text = at_end() ? "it ends early: expected " : "expected ";
    text += what;
    if (!at_end()) text += " here";
    return fail(std::move(text));
}

bool PathScanner::take(std::string_view word) {
    if (std::string_view(text_).substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
}

void PathScanner::skip_blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
}

std::string_view PathScanner::take_shorthand() {
    const size_t begin = at_;
    if (begins_name(peek())) {
        while (begins_name(peek()) || is_digit(peek())) ++at_;
    }
    return std::string_view(text_).substr(begin, at_ - begin);
}

std::string_view PathScanner::take_word() {
    const size_t begin = at_;
    if (is_lower(peek())) {
        while (is_lower(peek()) || is_digit(peek()) || peek() == '_') ++at_;
    }
    return std::string_view(text_).substr(begin, at_ - begin);
}

std::string_view PathScanner::take_root_name() {
    const size_t begin = at_;
    if (is_letter(peek()) || peek() == '_') {
        while (is_letter(peek()) || is_digit(peek()) || peek() == '_') ++at_;
    }
    return std::string_view(text_).substr(begin, at_ - begin);
}

bool PathScanner::read_string(std::string& decoded) {
    const char quote = peek();
    const size_t begin = at_++;
    decoded.clear();
    while (true) {
        if (at_end()) return fail_at(begin, "this string is not closed");
        const char c = peek();
        if (c == quote) break;
        if (static_cast<unsigned char>(c) < 0x20) {
            return fail("a control character in a string is written as an escape, such as \\n or \\u0000");
        }
        if (c == '\\') {
            if (!read_escape(quote, decoded)) return false;
            continue;
        }
        decoded += c;
        ++at_;
    }
    ++at_;
    return true;
}

bool PathScanner::read_escape(char quote, std::string& decoded) {
    const char c = peek(1);
    if (c == quote) {
        decoded += quote;
        at_ += 2;
        return true;
    }
    if (c == '"' || c == '\'') return fail(std::string("\\") + c + " stands only in a string within such quotes");
    std::array<char, 4> bytes;
    const Escape escape = decode_escape(text_.data() + at_ + 1, bytes.data(), LoneSurrogates::refuse);
    if (escape.size == 0) {
        if (escape.reason == ParseError::Reason::lone_surrogate) return fail("this escape names half of a surrogate pair");
        return fail("there is no such escape: a backslash itself is written \\\\");
    }
    decoded.append(bytes.data(), escape.size);
    at_ = static_cast<size_t>(escape.end - text_.data());
    return true;
}

bool PathScanner::read_integer(int64_t& n) {
    const size_t begin = at_;
    const bool negative = take("-");
    if (!is_digit(peek())) return expected("a digit");
    if (peek() == '0' && is_digit(peek(1))) return fail_at(begin, "a number has no zeros in front");
    n = 0;
    for (; is_digit(peek()); ++at_) {
        n = n * 10 + (peek() - '0');
        if (n > kMaxInteger) return fail_at(begin, "an index lies within 9007199254740991 (2^53 - 1) on either side of zero");
    }
    if (negative && n == 0) return fail_at(begin, "-0 is no index");
    if (negative) n = -n;
    return true;
}

bool PathScanner::read_digits(std::string_view after) {
    if (!is_digit(peek())) return expected("a digit behind " + std::string(after));
    while (is_digit(peek())) ++at_;
    return true;
}

bool PathScanner::read_number(std::string_view& number) {
    const size_t begin = at_;
    take("-");
    if (peek() == '0' && is_digit(peek(1))) return fail_at(begin, "a number has no zeros in front");
    if (!read_digits("the sign")) return false;
    if (take(".") && !read_digits("the point")) return false;
    if (take("e") || take("E")) {
        if (!take("+")) take("-");
        if (!read_digits("the e of the exponent")) return false;
    }
    number = std::string_view(text_).substr(begin, at_ - begin);
    return true;
}

}  // namespace portico::json::detail
