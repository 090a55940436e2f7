// JSON text, written straight into a string: log lines, problem documents, admin answers. No document is built and
// nothing but the string is allocated. Layer 1; a Writer belongs to one thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace portico::json {

// Appends `utf8` as a JSON string with its quotes (RFC 8259 §7): `"`, `\` and controls escaped, every maximal piece of
// ill-formed UTF-8 replaced by U+FFFD (Unicode 15, §3.9), so that the result is always valid. A long one is paid (base/meter.h).
void append_string(std::string& out, std::string_view utf8);
// Escapes hidden characters (base/utf8.h) in JSON text from `from` to its end, as `\u202e`: the same JSON for a program, and nothing for a
// terminal to obey or an eye to misread. For lines of a log; bodies keep what they were given.
// @requires that the text is valid JSON without white space but spaces
void escape_hidden(std::string& json, size_t from);
void append_number(std::string& out, int64_t n);
void append_number(std::string& out, uint64_t n);
// The shortest text that reads back as the same number; `null` for infinities and NaN, which JSON cannot spell.
void append_number(std::string& out, double n);

// Members and elements with their commas in place:
//     Writer w(line);
//     w.begin_object().key("status").value(200).key("took").value(0.25).end_object();
// The caller sees to the nesting (every key has one value, every begin its end), at most kMaxDepth levels deep.
class Writer {
  public:
    static constexpr unsigned kMaxDepth = 63;

    // Appends to `out`, which outlives the writer.
    explicit Writer(std::string& out) : out_(out) {}

    Writer& begin_object() { return open('{'); }
    Writer& end_object() { return close('}'); }
    Writer& begin_array() { return open('['); }
    Writer& end_array() { return close(']'); }
    Writer& key(std::string_view name);
    Writer& value(std::string_view text);
    Writer& value(const char* text) { return value(std::string_view(text)); }
    Writer& value(bool b) { return raw(b ? "true" : "false"); }
    Writer& value(double n);
    template <std::integral Int>
        requires(!std::same_as<Int, bool> && !std::same_as<Int, char>)
    Writer& value(Int n) {
        separate();
        if constexpr (std::signed_integral<Int>) {
            append_number(out_, static_cast<int64_t>(n));
        } else {
            append_number(out_, static_cast<uint64_t>(n));
        }
        return *this;
    }
    Writer& null() { return raw("null"); }
    // A value that is JSON text already.
    Writer& raw(std::string_view json);

  private:
    Writer& open(char bracket);
    Writer& close(char bracket);
    // Puts the comma before what comes next, unless it is the first of its level or a key's value.
    void separate();

    std::string& out_;
    uint64_t has_members_ = 0;  // one bit a level: something was written there
    unsigned depth_ = 0;
    bool after_key_ = false;
};

}  // namespace portico::json
