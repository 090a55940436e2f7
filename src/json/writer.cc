#include "json/writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/meter.h"
#include "base/utf8.h"

namespace portico::json {
namespace {

constexpr std::array<bool, 256> make_plain() {
    std::array<bool, 256> plain{};
    for (int c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
    return plain;
}
constexpr std::array<bool, 256> kPlain = make_plain();

bool is_plain(char c) {
    return kPlain[static_cast<uint8_t>(c)];
}

// So much is made between two looks at what may be spent, and so much is a step, whatever it is made of.
constexpr size_t kPiece = 4096;
constexpr size_t kMadeAStep = 8;
constexpr size_t kFree = 64;  // in what any value costs

// The bytes at the beginning that stand in a string as they are: kPiece and a character at most.
size_t plain_size(std::string_view utf8) {
    const size_t most = std::min(utf8.size(), kPiece);
    size_t i = 0;
    while (true) {
        while (i < most && is_plain(utf8[i])) ++i;
        if (i >= most || static_cast<uint8_t>(utf8[i]) < 0x80) return i;
        const Utf8Piece piece = utf8_piece(utf8.substr(i));
        if (!piece.well_formed) return i;
        i += piece.size;
    }
}

void append_escape(std::string& out, char c) {
    static constexpr char kHex[] = "0123456789abcdef";
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\b': out += "\\b"; return;
        case '\f': out += "\\f"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    out += "\\u00";
    out += kHex[static_cast<uint8_t>(c) >> 4];
    out += kHex[static_cast<uint8_t>(c) & 15];
}

}  // namespace

// It says what it takes as it goes, since a text may be long. Where it may not go on, what it makes is worth nothing: it ends there.
void append_string(std::string& out, std::string_view utf8) {
    size_t paid = out.size();
    const auto pay = [&] {
        const size_t made = out.size() - std::exchange(paid, out.size());
        return made < kFree || Meter::spend(made / kMadeAStep);
    };
    out += '"';
    while (!utf8.empty()) {
        if (out.size() - paid >= kPiece && !pay()) break;
        if (const size_t plain = plain_size(utf8); plain > 0) {
            out.append(utf8.substr(0, plain));
            utf8.remove_prefix(plain);
        } else if (static_cast<uint8_t>(utf8.front()) < 0x80) {
            append_escape(out, utf8.front());
            utf8.remove_prefix(1);
        } else {
            out.append(kReplacementCharacter);
            utf8.remove_prefix(utf8_piece(utf8).size);
        }
    }
    out += '"';
    pay();
}

void escape_hidden(std::string& json, size_t from) {
    static constexpr char kHex[] = "0123456789abcdef";
    const auto suspect = [](char c) { return static_cast<uint8_t>(c) >= 0x7F; };
    // Sixteen at a time: nearly every line has none. A byte from 0x7F on, or the next one, has its highest bit.
    uint8_t seen = 0;
    for (size_t i = from; i < json.size(); ++i) seen |= static_cast<uint8_t>(json[i]) | static_cast<uint8_t>(json[i] + 1);
    if ((seen & 0x80) == 0) return;
    const auto first = std::find_if(json.begin() + static_cast<ptrdiff_t>(from), json.end(), suspect);
    if (first == json.end()) return;
    const std::string text(first, json.end());
    json.erase(first, json.end());
    std::string_view left = text;
    while (!left.empty()) {
        const size_t hidden = suspect(left.front()) ? hidden_character(left) : 0;
        if (hidden == 0) {
            json += left.front();
            left.remove_prefix(1);
            continue;
        }
        uint32_t code = static_cast<uint8_t>(left[0]);
        if (hidden == 2) code = (code & 0x1F) << 6 | (static_cast<uint8_t>(left[1]) & 0x3F);
        if (hidden == 3) code = (code & 0x0F) << 12 | (static_cast<uint32_t>(left[1]) & 0x3F) << 6 | (static_cast<uint32_t>(left[2]) & 0x3F);
        json += "\\u";
        for (int shift = 12; shift >= 0; shift -= 4) json += kHex[(code >> shift) & 15];
        left.remove_prefix(hidden);
    }
}

void append_number(std::string& out, int64_t n) {
    char text[20];
    out.append(text, std::to_chars(text, text + sizeof text, n).ptr);
}

void append_number(std::string& out, uint64_t n) {
    char text[20];
    out.append(text, std::to_chars(text, text + sizeof text, n).ptr);
}

void append_number(std::string& out, double n) {
    if (!std::isfinite(n)) {
        out += "null";
        return;
    }
    char text[32];
    out.append(text, std::to_chars(text, text + sizeof text, n).ptr);
}

Writer& Writer::key(std::string_view name) {
    separate();
    append_string(out_, name);
    out_ += ':';
    after_key_ = true;
    return *this;
}

Writer& Writer::value(std::string_view text) {
    separate();
    append_string(out_, text);
    return *this;
}

Writer& Writer::value(double n) {
    separate();
    append_number(out_, n);
    return *this;
}

Writer& Writer::raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
}

Writer& Writer::open(char bracket) {
    separate();
    out_ += bracket;
    PORTICO_CHECK(depth_ < kMaxDepth);
    ++depth_;
    has_members_ &= ~(uint64_t{1} << depth_);
    return *this;
}

Writer& Writer::close(char bracket) {
    PORTICO_CHECK(depth_ > 0);
    --depth_;
    out_ += bracket;
    return *this;
}

void Writer::separate() {
    const uint64_t level = uint64_t{1} << depth_;
    if (!after_key_ && depth_ > 0 && (has_members_ & level) != 0) out_ += ',';
    has_members_ |= level;
    after_key_ = false;
}

}  // namespace portico::json
