// The one normal form of a path (LANGUAGE.md §2). Most paths are in it already: one look at each byte finds that out,
// and the input itself is returned. The rest are rewritten once, then judged in their final form.
#include <algorithm>

#include "base/text.h"
#include "http/characters.h"
#include "http/scan.h"
#include "http/uri.h"

namespace portico::http {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

bool is_control(int byte) {
    return byte < 0x20 || byte == 0x7F;
}

// Room that the rewritten path may need: three bytes for each that might be encoded.
size_t rewritten_bound(std::string_view path) {
    size_t size = path.size();
    for (const char c : path) size += is(kPathChar, c) ? 0 : 2;
    return size;
}

// Writes `path` with unreserved characters decoded, hex digits in capitals and foreign bytes encoded, and resolves dot
// segments on the way: each is seen when the slash behind it, or the end, is reached.
class Rewriter {
  public:
    explicit Rewriter(char* begin) : begin_(begin), at_(begin) {}

    Result<void> run(std::string_view path) {
        for (size_t i = 0; i < path.size(); ++i) {
            const char c = path[i];
            if (c == '%') {
                if (path.size() - i < 3) return fail(Fault::bad_path, "bad percent-encoding");
                const int high = hex_value(path[i + 1]);
                const int low = hex_value(path[i + 2]);
                if (high < 0 || low < 0) return fail(Fault::bad_path, "bad percent-encoding");
                i += 2;
                const int byte = high * 16 + low;
                if (is_control(byte)) return fail(Fault::bad_path, "encoded control");
                if (is(kUnreservedChar, static_cast<char>(byte))) {
                    *at_++ = static_cast<char>(byte);
                } else {
                    put_encoded(byte);
                }
            } else if (c == '/') {
                // Of several slashes the first counts: common servers take them for one.
                if (i > 0 && path[i - 1] == '/') continue;
                end_segment();
                segment_ = at_;
                *at_++ = '/';
            } else if (is(kPathChar, c)) {
                *at_++ = c;
            } else {
                const int byte = static_cast<uint8_t>(c);
                if (is_control(byte)) return fail(Fault::bad_path, "control");
                put_encoded(byte);
            }
        }
        const bool dots = end_segment();
        if (dots) *at_++ = '/';
        return {};
    }

    std::string_view text() const { return {begin_, static_cast<size_t>(at_ - begin_)}; }

  private:
    void put_encoded(int byte) {
        *at_++ = '%';
        *at_++ = kHex[byte >> 4];
        *at_++ = kHex[byte & 15];
    }

    // Takes the segment just written ("/…") away if it is "." or ".." (then with the one before). @returns whether it
    // was
    bool end_segment() {
        const std::string_view segment(segment_, static_cast<size_t>(at_ - segment_));
        if (segment == "/.") {
            at_ = segment_;
            return true;
        }
        if (segment != "/..") return false;
        at_ = segment_;
        while (at_ != begin_ && *--at_ != '/') {
        }
        return true;
    }

    char* const begin_;
    char* at_;
    char* segment_ = begin_;  // the slash that began the segment being written
};

// Looks at a normal path as a lenient server might: every escape decoded, cut at "/" and "\", parameters after ";"
// dropped.
class LenientReading {
  public:
    explicit LenientReading(std::string_view path) {
        for (size_t i = 0; i < path.size(); ++i) {
            const bool escaped = path[i] == '%';
            char c = path[i];
            if (escaped) {
                c = static_cast<char>(hex_value(path[i + 1]) * 16 + hex_value(path[i + 2]));
                i += 2;
                ambiguous_ |= c == '/' || c == '\\' || c == '?' || c == '#';
            }
            ambiguous_ |= c == ';';
            see(c);
        }
        end_part();
    }

    bool climbs() const { return climbs_; }
    bool ambiguous() const { return ambiguous_; }

  private:
    void see(char c) {
        if (c == '/' || c == '\\') {
            end_part();
        } else if (c == ';') {
            in_parameters_ = true;
        } else if (!in_parameters_) {
            dots_ = c == '.' && dots_ >= 0 && dots_ < 2 ? dots_ + 1 : -1;
        }
    }
    void end_part() {
        climbs_ |= dots_ == 1 || dots_ == 2;
        dots_ = 0;
        in_parameters_ = false;
    }

    int dots_ = 0;  // the part so far is that many dots; -1: it is something else
    bool in_parameters_ = false;
    bool climbs_ = false;
    bool ambiguous_ = false;
};

}  // namespace

Result<NormalPath> normalise_path(std::string_view path, Arena& arena, Slashes slashes) {
    if (path.empty() || path.front() != '/') return fail(Fault::bad_path, "path without its slash");
    if (slashes == Slashes::refuse && path.find("//") != std::string_view::npos) return fail(Fault::bad_path, "two slashes, with paths: { slashes: refuse }");
    if (is_plain_path(path.data(), path.data() + path.size())) return NormalPath{path};
    Rewriter rewriter(arena.chars(rewritten_bound(path) + 1).data());
    if (auto done = rewriter.run(path); !done) return fail(std::move(done).error());
    const LenientReading reading(rewriter.text());
    if (reading.climbs()) return fail(Fault::bad_path, "dot segment in disguise");
    return NormalPath{rewriter.text() == path ? path : rewriter.text(), reading.ambiguous()};
}

std::string_view lenient_path(std::string_view normal, LenientOrder order, Arena& arena) {
    char* const begin = arena.chars(normal.size() + 1).data();
    char* at = begin;
    bool in_parameters = false;
    for (size_t i = 0; i < normal.size(); ++i) {
        char c = normal[i];
        size_t size = 1;
        if (c == '%') {
            const auto decoded = static_cast<char>(hex_value(normal[i + 1]) * 16 + hex_value(normal[i + 2]));
            size = 3;
            if (decoded == '/' || decoded == '\\') c = '/';
            else if (decoded == ';') c = ';';
        }
        const bool raw = size == 1;
        if (c == '/' && !(in_parameters && !raw && order == LenientOrder::drop_first)) {
            in_parameters = false;
            if (at == begin || at[-1] != '/') *at++ = c;
        } else if (c == ';' || in_parameters) {
            in_parameters = true;
        } else {
            at = std::copy_n(normal.data() + i, size, at);
        }
        i += size - 1;
    }
    return {begin, static_cast<size_t>(at - begin)};
}

}  // namespace portico::http
