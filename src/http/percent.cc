// Percent-encoding and decoding of path segments and query values (RFC 3986 §2.1).
#include "base/text.h"
#include "http/characters.h"
#include "http/metered_text.h"
#include "http/uri.h"

namespace portico::http {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

void append_encoded(std::string& out, char c) {
    const auto byte = static_cast<uint8_t>(c);
    const char triple[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
    out.append(triple, sizeof triple);
}

// The byte that "%XY" at `at` stands for, or -1 where it is no escape.
int escape_at(std::string_view text, size_t at) {
    if (text[at] != '%' || text.size() - at < 3) return -1;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

std::string_view decode_segment(std::string_view text, Arena& arena) {
    if (text.find('%') == std::string_view::npos) return text;
    char* const begin = arena.chars(text.size()).data();
    char* out = begin;
    for (size_t i = 0; i < text.size(); ++i) {
        const int byte = escape_at(text, i);
        *out++ = byte < 0 ? text[i] : static_cast<char>(byte);
        if (byte >= 0) i += 2;
    }
    return {begin, static_cast<size_t>(out - begin)};
}

void encode_segment(std::string_view text, std::string& out) {
    MeteredText metered(text);
    for (size_t i = 0; i < text.size() && metered.reaches(i); ++i) {
        const char c = text[i];
        if (is(kPathChar, c) && c != '/' && c != ';') {
            out += c;
        } else {
            append_encoded(out, c);
        }
    }
}

void encode_query_value(std::string_view text, std::string& out) {
    MeteredText metered(text);
    for (size_t i = 0; i < text.size() && metered.reaches(i); ++i) {
        const char c = text[i];
        if (is(kUnreservedChar, c)) {
            out += c;
        } else {
            append_encoded(out, c);
        }
    }
}

std::string decode_query_value(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    MeteredText metered(text);
    for (size_t i = 0; i < text.size() && metered.reaches(i); ++i) {
        const int byte = escape_at(text, i);
        if (byte >= 0) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

}  // namespace portico::http
