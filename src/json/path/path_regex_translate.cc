// I-Regexp read by its grammar (RFC 9485 §4) and written as RE2 reads it: every character by its number where RE2 could mean
// something by it, `.` as everything but CR and LF, groups that capture nothing.
#include <re2/re2.h>

#include <array>
#include <charconv>
#include <cstring>

#include "json/path/path_regex.h"
#include "json/path/path_utf8.h"

namespace portico::json::detail {
namespace {

constexpr std::array<std::string_view, 36> kCategories = {
    "L",  "Ll", "Lm", "Lo", "Lt", "Lu", "M",  "Mc", "Me", "Mn", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Pe",
    "Pf", "Pi", "Po", "Ps", "Z",  "Zl", "Zp", "Zs", "S",  "Sc", "Sk", "Sm", "So", "C",  "Cc", "Cf", "Cn", "Co"};
// RE2's C lacks the characters that are not assigned, and it has no Cn.
constexpr std::string_view kNotOther = R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Z})";
constexpr std::string_view kAssigned = R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Z}\p{Cc}\p{Cf}\p{Co})";

constexpr uint32_t kLastCode = 0x10FFFF;

void append_code(std::string& out, uint32_t code) {
    char digits[8];
    out += "\\x{";
    out.append(digits, std::to_chars(digits, digits + sizeof digits, code, 16).ptr);
    out += '}';
}

uint32_t decode(std::string_view character) {
    const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(character[i])); };
    switch (character.size()) {
        case 1: return byte(0);
        case 2: return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
        case 3: return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
        default: return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    }
}

std::string encode(uint32_t code) {
    const auto tail = [&](unsigned shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) return {static_cast<char>(code)};
    if (code < 0x800) return {static_cast<char>(0xC0 | (code >> 6)), tail(0)};
    if (code < 0x10000) return {static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0)};
    return {static_cast<char>(0xF0 | (code >> 18)), tail(12), tail(6), tail(0)};
}

// The ranges of Cn, for use inside a class, as RE2's own tables have it: whatever is in no category that it knows. Asked in
// blocks, most of which are of one kind.
std::string find_unassigned() {
    const re2::RE2 assigned("[" + std::string(kAssigned) + "]*");
    const re2::RE2 not_assigned("[^" + std::string(kAssigned) + "]*");
    std::string ranges;
    bool open = false;
    const auto go_on = [&](uint32_t code, bool in_range) {
        if (in_range == open) return;
        open = in_range;
        append_code(ranges, in_range ? code : code - 1);
        if (in_range) ranges += '-';
    };
    constexpr uint32_t kBlock = 128;
    for (uint32_t block = 0; block <= kLastCode; block += kBlock) {
        const bool surrogates = block >= 0xD800 && block <= 0xDFFF;
        std::string text;
        for (uint32_t code = block; code < block + kBlock; ++code) text += encode(code);
        if (surrogates || re2::RE2::FullMatch(text, assigned)) {
            go_on(block, false);
        } else if (re2::RE2::FullMatch(text, not_assigned)) {
            go_on(block, true);
        } else {
            for (uint32_t code = block; code < block + kBlock; ++code) go_on(code, re2::RE2::FullMatch(encode(code), not_assigned));
        }
    }
    go_on(kLastCode + 1, false);
    return ranges;
}

const std::string& unassigned() {
    static const std::string ranges = find_unassigned();
    return ranges;
}

class Translator {
  public:
    explicit Translator(std::string_view text) : text_(text) {}

    std::expected<std::string, RegexError> translate() {
        if (read_branches() && at_ < text_.size()) fail("a ) closes nothing: a bracket itself is written \\)");
        if (!error_.what.empty()) return std::unexpected(error_);
        return std::move(out_);
    }

  private:
    char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    bool at_end() const { return at_ == text_.size(); }
    bool take(char c) {
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool fail(std::string_view what, bool too_large = false) {
        if (error_.what.empty()) error_ = {at_, what, too_large};
        return false;
    }
    std::string_view take_character() {
        const std::string_view character = text_.substr(at_, utf8_size(text_[at_]));
        at_ += character.size();
        return character;
    }

    bool read_branches();
    bool read_piece();
    bool read_atom();
    bool read_quantifier();
    bool read_count(unsigned& count);
    bool read_single_escape(uint32_t& code);
    bool read_category(bool in_class);
    bool read_class();
    bool read_class_item();
    bool read_class_character(uint32_t& code);
    void put(std::string_view character);

    std::string_view text_;
    size_t at_ = 0;
    std::string out_;
    unsigned nesting_ = 0;
    RegexError error_;
};

void Translator::put(std::string_view character) {
    const char c = character.front();
    const bool plain = character.size() > 1 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (plain) {
        out_ += character;
    } else {
        append_code(out_, static_cast<unsigned char>(c));
    }
}

bool Translator::read_branches() {
    if (++nesting_ > PathRegex::kMaxNesting) return fail("too many groups stand inside each other", true);
    while (!at_end() && peek() != ')') {
        if (take('|')) {
            out_ += '|';
        } else if (!read_piece()) {
            return false;
        }
    }
    --nesting_;
    return true;
}

bool Translator::read_piece() {
    return read_atom() && read_quantifier();
}

bool Translator::read_atom() {
    const char c = peek();
    switch (c) {
        case '(':
            ++at_;
            if (peek() == '?') return fail("groups have no options here: (?…) is not in it");
            out_ += "(?:";
            if (!read_branches()) return false;
            if (!take(')')) return fail("a group is not closed");
            out_ += ')';
            return true;
        case '[': return read_class();
        case '.':
            ++at_;
            out_ += R"([^\n\r])";
            return true;
        case '^':
        case '$':
            ++at_;
            out_ += c == '^' ? R"((?:\A))" : R"((?:\z))";
            return true;
        case '\\': {
            if (peek(1) == 'p' || peek(1) == 'P') return read_category(false);
            uint32_t code = 0;
            if (!read_single_escape(code)) return false;
            append_code(out_, code);
            return true;
        }
        case '*':
        case '+':
        case '?': return fail("there is nothing to repeat here: the character itself is written with a backslash");
        case ']':
        case '{':
        case '}': return fail("a bracket that opens or closes nothing is written with a backslash");
        default: put(take_character()); return true;
    }
}

bool Translator::read_quantifier() {
    if (at_end()) return true;
    const char c = peek();
    if (c == '*' || c == '+' || c == '?') {
        ++at_;
        out_ += c;
        return true;
    }
    if (!take('{')) return true;
    unsigned least = 0;
    if (!read_count(least)) return false;
    out_ += '{' + std::to_string(least);
    if (take(',')) {
        out_ += ',';
        if (peek() != '}') {
            unsigned most = 0;
            if (!read_count(most)) return false;
            if (most < least) return fail("a repetition ends below where it begins");
            out_ += std::to_string(most);
        }
    }
    if (!take('}')) return fail("expected } here");
    out_ += '}';
    return true;
}

bool Translator::read_count(unsigned& count) {
    if (peek() < '0' || peek() > '9') return fail("expected a number here: {2}, {2,} or {2,5}");
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
        count = count * 10 + static_cast<unsigned>(peek() - '0');
        if (count > PathRegex::kMaxRepeat) return fail("it repeats something more than 1000 times", true);
    }
    return true;
}

bool Translator::read_single_escape(uint32_t& code) {
    const char c = peek(1);
    if (c != '\0' && std::strchr("()*+-.?[\\]^{|}", c) != nullptr) {
        code = static_cast<uint32_t>(c);
    } else if (c == 'n') {
        code = '\n';
    } else if (c == 'r') {
        code = '\r';
    } else if (c == 't') {
        code = '\t';
    } else if (c != '\0' && std::strchr("dDwWsS", c) != nullptr) {
        return fail("\\d, \\w and \\s are not in it: write [0-9], [A-Za-z0-9_], [ \\t\\n\\r]");
    } else {
        return fail("there is no such escape");
    }
    at_ += 2;
    return true;
}

// `\p{Lu}`, `\P{L}`.
bool Translator::read_category(bool in_class) {
    const bool without = peek(1) == 'P';
    const size_t close = text_.find('}', at_);
    if (peek(2) != '{' || close == std::string_view::npos) return fail("a category is written \\p{L}");
    const std::string_view name = text_.substr(at_ + 3, close - at_ - 3);
    if (std::find(kCategories.begin(), kCategories.end(), name) == kCategories.end()) return fail("there is no such category");
    at_ = close + 1;
    if (name != "C" && name != "Cn") {
        out_ += without ? "\\P{" : "\\p{";
        out_ += name;
        out_ += '}';
        return true;
    }
    const std::string_view rest = name == "C" ? kNotOther : kAssigned;
    if (!in_class) {
        out_ += without ? "[" : "[^";
        out_ += rest;
        out_ += ']';
    } else if (without) {
        out_ += rest;
    } else {
        if (name == "C") out_ += R"(\p{Cc}\p{Cf}\p{Co})";
        out_ += unassigned();
    }
    return true;
}

bool Translator::read_class() {
    const size_t begin = at_;
    take('[');
    out_ += '[';
    if (take('^')) out_ += '^';
    if (take('-')) {
        append_code(out_, '-');
    } else if (peek() == ']') {
        return fail("a class holds something: ] itself is written \\]");
    } else if (!read_class_item()) {
        return false;
    }
    while (!take(']')) {
        if (at_end()) {
            at_ = begin;
            return fail("a class is not closed");
        }
        if (peek() == '-') {
            if (peek(1) != ']') return fail("a - stands first or last in a class, or is written \\-");
            ++at_;
            append_code(out_, '-');
        } else if (!read_class_item()) {
            return false;
        }
    }
    out_ += ']';
    return true;
}

bool Translator::read_class_item() {
    if (peek() == '\\' && (peek(1) == 'p' || peek(1) == 'P')) return read_category(true);
    uint32_t first = 0;
    if (!read_class_character(first)) return false;
    append_code(out_, first);
    if (peek() != '-' || peek(1) == ']') return true;
    ++at_;
    uint32_t last = 0;
    if (peek() == '-' || !read_class_character(last)) return fail("a range ends with a character");
    if (last < first) return fail("a range ends below where it begins");
    out_ += '-';
    append_code(out_, last);
    return true;
}

bool Translator::read_class_character(uint32_t& code) {
    if (at_end()) return fail("a class is not closed");
    if (peek() == '\\') return read_single_escape(code);
    if (peek() == '[' || peek() == ']') return fail("a bracket in a class is written with a backslash");
    code = decode(take_character());
    return true;
}

}  // namespace

std::expected<std::string, RegexError> translate_regex(std::string_view expression) {
    return Translator(expression).translate();
}

}  // namespace portico::json::detail
