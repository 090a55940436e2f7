// Messages as the model's actors read them: a reader of HTTP/1.1 that shares nothing with the one under test, and bodies of which
// every byte says whose it is and where it stands. For tests only.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/sim/chance.h"

namespace portico::server::model {

// What a message's bytes are, by whose it is and what for.
enum class Stuff : uint8_t { request_body, response_body, request_pad, response_pad };

inline std::string_view stuff_table() {
    static const std::string table = [] {
        io::Chance chance(7);
        std::string t(2 * 65521, '\0');
        for (size_t i = 0; i < 65521; ++i) {
            // What a JSON string holds as it is.
            const auto c = static_cast<char>('0' + chance.below(75));
            t[i] = t[i + 65521] = c == '\\' ? '!' : c;
        }
        return t;
    }();
    return table;
}

// Bytes [offset, offset + at most `most`) of it, as far as they lie in one piece.
inline std::string_view stuff_piece(uint64_t id, Stuff what, uint64_t offset, size_t most) {
    const uint64_t start = io::Chance(id * 4 + static_cast<uint64_t>(what)).next() % 65521;
    return stuff_table().substr((start + offset) % 65521, std::min<size_t>(most, 65521));
}

inline std::string stuff(uint64_t id, Stuff what, uint64_t size, uint64_t offset = 0) {
    std::string out;
    while (out.size() < size) out += stuff_piece(id, what, offset + out.size(), size - out.size());
    return out;
}

// True where `bytes` are what stands at `offset`.
inline bool is_stuff(std::string_view bytes, uint64_t id, Stuff what, uint64_t offset) {
    for (size_t at = 0; at < bytes.size();) {
        const std::string_view piece = stuff_piece(id, what, offset + at, bytes.size() - at);
        if (bytes.substr(at, piece.size()) != piece) return false;
        at += piece.size();
    }
    return true;
}

class MessageReader {
  public:
    enum class Stage : uint8_t { head, length, chunk_size, chunk, chunk_end, trailers, until_close, whole, bad };

    // Of a response: what it answers.
    void answers(bool to_head) { to_head_ = to_head; }
    Stage stage() const { return stage_; }
    bool begun() const { return !head_.empty(); }
    bool head_whole() const { return stage_ != Stage::head && stage_ != Stage::bad; }
    const std::string& head() const { return head_; }
    std::string start_line() const { return head_.substr(0, head_.find("\r\n")); }
    bool has_start_line() const { return head_.find("\r\n") != std::string::npos; }
    std::string_view field(std::string_view name) const {
        for (const auto& [n, v] : fields_) {
            if (n == name) return v;
        }
        return {};
    }
    int status() const { return head_.size() > 12 ? (head_[9] - '0') * 100 + (head_[10] - '0') * 10 + head_[11] - '0' : 0; }
    uint64_t body_size() const { return body_; }
    uint64_t length() const { return length_; }
    // What was wrong.
    const std::string& why() const { return why_; }

    // Takes bytes up to the message's end. `on_body(piece, offset)` sees its body. @returns how many were taken
    template <class F>
    size_t feed(std::string_view bytes, bool request, F on_body) {
        size_t at = 0;
        while (at < bytes.size() && stage_ != Stage::whole && stage_ != Stage::bad) {
            const std::string_view rest = bytes.substr(at);
            switch (stage_) {
                case Stage::head: at += take_line(rest, head_, request); break;
                case Stage::length:
                case Stage::chunk:
                case Stage::until_close: {
                    const auto n = static_cast<size_t>(stage_ == Stage::until_close ? rest.size() : std::min<uint64_t>(left_, rest.size()));
                    on_body(rest.substr(0, n), body_);
                    body_ += n;
                    left_ -= std::min<uint64_t>(left_, n);
                    at += n;
                    if (stage_ == Stage::length && left_ == 0) stage_ = Stage::whole;
                    if (stage_ == Stage::chunk && left_ == 0) stage_ = Stage::chunk_end;
                    break;
                }
                case Stage::chunk_size:
                case Stage::chunk_end:
                case Stage::trailers: at += take_chunk_line(rest); break;
                case Stage::whole:
                case Stage::bad: break;
            }
        }
        return at;
    }
    // The connection's end. @returns true where the message is whole by it
    bool end() {
        if (stage_ != Stage::until_close) return stage_ == Stage::whole;
        stage_ = Stage::whole;
        return true;
    }
    void fail(std::string why) {
        stage_ = Stage::bad;
        why_ = std::move(why);
    }

  private:
    size_t take_line(std::string_view rest, std::string& into, bool request) {
        const size_t nl = rest.find('\n');
        const size_t n = nl == std::string_view::npos ? rest.size() : nl + 1;
        into += rest.substr(0, n);
        if (into.ends_with("\r\n\r\n")) read_head(request);
        return n;
    }
    void read_head(bool request) {
        std::string_view left = head_;
        left.remove_prefix(left.find("\r\n") + 2);
        bool chunked = false, sized = false;
        while (left != "\r\n") {
            const size_t end = left.find("\r\n"), colon = left.find(':');
            if (colon == std::string_view::npos || colon > end) return fail("a field without a colon");
            std::string name(left.substr(0, colon));
            std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
            std::string_view value = left.substr(colon + 1, end - colon - 1);
            if (value.starts_with(' ')) value.remove_prefix(1);
            fields_.emplace_back(name, value);
            if (name == "transfer-encoding") chunked = true;
            if (name == "content-length") {
                if (sized) return fail("two lengths");
                sized = true;
                std::from_chars(value.data(), value.data() + value.size(), length_);
            }
            left.remove_prefix(end + 2);
        }
        if (chunked && sized) return fail("a length and chunks");
        const int s = request ? 0 : status();
        const bool bodiless = request ? !chunked && !sized : to_head_ || s < 200 || s == 204 || s == 304;
        left_ = length_;
        if (bodiless) stage_ = Stage::whole;
        else if (chunked) stage_ = Stage::chunk_size;
        else if (sized) stage_ = length_ == 0 ? Stage::whole : Stage::length;
        else stage_ = Stage::until_close;
    }
    size_t take_chunk_line(std::string_view rest) {
        const size_t nl = rest.find('\n');
        const size_t n = nl == std::string_view::npos ? rest.size() : nl + 1;
        line_ += rest.substr(0, n);
        if (nl == std::string_view::npos) return n;
        const std::string line = std::exchange(line_, {});
        if (!line.ends_with("\r\n")) fail("a line of the framing without CR");
        else if (stage_ == Stage::chunk_end) line == "\r\n" ? stage_ = Stage::chunk_size : (fail("no CRLF behind a chunk"), stage_);
        else if (stage_ == Stage::trailers) stage_ = line == "\r\n" ? Stage::whole : Stage::trailers;
        else if (const auto r = std::from_chars(line.data(), line.data() + line.size(), left_, 16); r.ptr == line.data()) fail("no chunk size: " + line.substr(0, 40));
        else stage_ = left_ == 0 ? Stage::trailers : Stage::chunk;
        return n;
    }

    Stage stage_ = Stage::head;
    bool to_head_ = false;
    std::string head_, line_, why_;
    std::vector<std::pair<std::string, std::string>> fields_;
    uint64_t length_ = 0, left_ = 0, body_ = 0;
};

}  // namespace portico::server::model
