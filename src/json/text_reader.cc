#include "json/text_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/meter.h"
#include "base/metered_sort.h"
#include "json/escape.h"
#include "json/text_block.h"

namespace portico::json::detail {
namespace {

using Reason = ParseError::Reason;

constexpr uint32_t kNone = UINT32_MAX;
// Up to here each name is compared with each; beyond, they are sorted.
constexpr uint32_t kFewNames = 12;

uint64_t eight(const char* at) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    return word;
}

// The first byte at or behind `at` that a string cannot simply hold: a quote, a backslash or a control character.
const char* string_stop(const char* at) {
    static_assert(std::endian::native == std::endian::little);
    constexpr uint64_t kOnes = 0x0101010101010101;
    constexpr uint64_t kHighs = 0x8080808080808080;
    for (;; at += 8) {
        const uint64_t word = eight(at);
        const uint64_t quote = word ^ (kOnes * '"');
        const uint64_t backslash = word ^ (kOnes * '\\');
        // A borrow can only mark bytes above a true mark: the lowest one is right.
        const uint64_t found = ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | ((word - kOnes * 0x20) & ~word);
        if ((found & kHighs) != 0) return at + std::countr_zero(found & kHighs) / 8;
    }
}

class Reader {
  public:
    Reader(Block& block, Node* nodes, char* decoded, const ParseOptions& options)
        : block_(block), text_(block.text()), at_(text_), nodes_(nodes), decoded_(decoded), options_(options),
          max_depth_(std::min(options.max_depth, Document::kMaxDepth)) {}

    std::expected<void, ParseError> read();
    uint32_t used() const { return used_; }
    uint32_t decoded_size() const { return decoded_size_; }

  private:
    enum class State : uint8_t { value, first_element, first_name, after, done, failed };

    uint32_t offset() const { return static_cast<uint32_t>(at_ - text_); }
    bool at_end() const { return offset() == block_.text_size; }
    State stop(Reason reason) {
        reason_ = reason;
        return State::failed;
    }
    State unexpected() { return stop(at_end() ? Reason::ends_early : Reason::unexpected); }
    void skip_space() {
        while (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t') ++at_;
    }
    Node& add(Kind kind) {
        Node& n = nodes_[used_++];
        n = {offset(), offset(), 0, static_cast<uint32_t>(kind), 0, 0};
        return n;
    }

    State value();
    State open(Kind kind);
    State close();
    State name();
    State after();
    State word(std::string_view text, Kind kind, uint32_t payload);
    State number();
    bool string();
    bool escaped_string(Node& n, const char* plain);
    bool names_differ(uint32_t object);

    Block& block_;
    const char* text_;
    const char* at_;
    Node* nodes_;
    char* decoded_;
    const ParseOptions& options_;
    unsigned max_depth_;
    uint32_t used_ = 0;
    uint32_t decoded_size_ = 0;
    uint32_t open_ = kNone;  // the innermost array or object; while it is open, its `next` is the one around it
    unsigned depth_ = 0;
    Reason reason_ = Reason::unexpected;
    std::vector<std::string_view> sorted_;
    Steps steps_{UINT64_MAX};  // bounded by the text; only the Meter may end it
};

std::expected<void, ParseError> Reader::read() {
    // A step for each value, with the name and the comma before it.
    State state = State::value;
    while (state != State::done && state != State::failed) {
        if (!steps_.spend(1)) return std::unexpected(ParseError{Reason::too_costly, offset()});
        skip_space();
        switch (state) {
            case State::value: state = value(); break;
            case State::first_element: state = *at_ == ']' ? close() : (++nodes_[open_].count, value()); break;
            case State::first_name: state = *at_ == '}' ? close() : name(); break;
            default: state = after(); break;
        }
    }
    if (state == State::failed) return std::unexpected(ParseError{reason_, offset()});
    return {};
}

Reader::State Reader::value() {
    switch (*at_) {
        case '"': return string() ? State::after : State::failed;
        case '{': return open(Kind::object);
        case '[': return open(Kind::array);
        case 't': return word("true", Kind::boolean, 1);
        case 'f': return word("false", Kind::boolean, 0);
        case 'n': return word("null", Kind::null, 0);
        default: return number();
    }
}

Reader::State Reader::open(Kind kind) {
    if (depth_ == max_depth_) return stop(Reason::too_deep);
    ++depth_;
    Node& n = add(kind);
    n.next = open_;
    open_ = used_ - 1;
    ++at_;
    return kind == Kind::array ? State::first_element : State::first_name;
}

Reader::State Reader::close() {
    Node& n = nodes_[open_];
    if (n.kind == static_cast<uint32_t>(Kind::object) && options_.duplicates == Duplicates::refuse && !names_differ(open_)) {
        return stop(steps_.left() == 0 ? Reason::too_costly : Reason::duplicate_name);
    }
    ++at_;
    --depth_;
    open_ = n.next;
    n.next = used_;
    n.end = offset();
    return State::after;
}

Reader::State Reader::name() {
    if (*at_ != '"') return unexpected();
    ++nodes_[open_].count;
    if (!string()) return State::failed;
    skip_space();
    if (*at_ != ':') return unexpected();
    ++at_;
    skip_space();
    return value();
}

Reader::State Reader::after() {
    if (open_ == kNone) return at_end() ? State::done : stop(Reason::trailing);
    const bool in_object = nodes_[open_].kind == static_cast<uint32_t>(Kind::object);
    if (*at_ == ',') {
        ++at_;
        skip_space();
        if (in_object) return name();
        ++nodes_[open_].count;
        return value();
    }
    if (*at_ == (in_object ? '}' : ']')) return close();
    return unexpected();
}

Reader::State Reader::word(std::string_view text, Kind kind, uint32_t payload) {
    if (std::strncmp(at_, text.data(), text.size()) != 0) {
        while (!text.empty() && *at_ == text.front()) {
            ++at_;
            text.remove_prefix(1);
        }
        return unexpected();
    }
    Node& n = add(kind);
    n.count = payload;
    at_ += text.size();
    n.end = offset();
    return State::after;
}

Reader::State Reader::number() {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto digits = [&] {
        if (!is_digit(*at_)) return false;
        while (is_digit(*at_)) ++at_;
        return true;
    };
    if (*at_ != '-' && !is_digit(*at_)) return unexpected();
    Node& n = add(Kind::number);
    if (*at_ == '-') ++at_;
    if (*at_ == '0') {
        ++at_;
    } else if (!digits()) {
        return stop(Reason::number);
    }
    if (*at_ == '.') {
        ++at_;
        if (!digits()) return stop(Reason::number);
    }
    if (*at_ == 'e' || *at_ == 'E') {
        ++at_;
        if (*at_ == '+' || *at_ == '-') ++at_;
        if (!digits()) return stop(Reason::number);
    }
    n.end = offset();
    return State::after;
}

bool Reader::string() {
    Node& n = add(Kind::string);
    const char* const plain = ++at_;
    at_ = string_stop(at_);
    if (*at_ == '\\') return escaped_string(n, plain);
    if (*at_ != '"') {
        stop(at_end() ? Reason::ends_early : Reason::string);
        return false;
    }
    ++at_;
    n.end = offset();
    return true;
}

bool Reader::escaped_string(Node& n, const char* plain) {
    n.escaped = 1;
    n.next = decoded_size_;
    for (;;) {
        std::memcpy(decoded_ + decoded_size_, plain, static_cast<size_t>(at_ - plain));
        decoded_size_ += static_cast<uint32_t>(at_ - plain);
        if (*at_ == '"') break;
        if (!steps_.spend(1)) {
            stop(Reason::too_costly);
            return false;
        }
        if (*at_ != '\\') {
            stop(at_end() ? Reason::ends_early : Reason::string);
            return false;
        }
        ++at_;
        const Escape escape = decode_escape(at_, decoded_ + decoded_size_, options_.lone_surrogates);
        at_ = escape.end;
        if (escape.size == 0) {
            stop(at_end() ? Reason::ends_early : escape.reason);
            return false;
        }
        decoded_size_ += escape.size;
        plain = at_;
        at_ = string_stop(at_);
    }
    ++at_;
    n.end = offset();
    n.count = decoded_size_ - n.next;
    return true;
}

bool Reader::names_differ(uint32_t object) {
    const auto after = [&](uint32_t i) { return nodes_[i].kind >= static_cast<uint32_t>(Kind::array) ? nodes_[i].next : i + 1; };
    const auto text = [&](uint32_t i) -> std::string_view {
        const Node& n = nodes_[i];
        if (n.escaped != 0) return {decoded_ + n.next, n.count};
        return {text_ + n.begin + 1, n.end - n.begin - 2};
    };
    const uint32_t count = nodes_[object].count;
    if (count < 2) return true;
    if (count > kFewNames) {
        // Sorted, not hashed: nobody can choose names that make this slow.
        sorted_.clear();
        uint64_t bytes = 0;
        for (uint32_t i = object + 1; i < used_; i = after(i + 1)) {
            if (!Meter::spend(1)) return steps_.end();
            sorted_.push_back(text(i));
            bytes += sorted_.back().size();
        }
        if (!metered_sort(sorted_, std::less<>(), 1 + bytes / sorted_.size() / Meter::kBytesAStep)) return steps_.end();
        return std::ranges::adjacent_find(sorted_) == sorted_.end();
    }
    // Length, first and last byte choose one of 64 marks, which tells most names apart at once.
    uint64_t seen = 0;
    for (uint32_t i = object + 1; i < used_; i = after(i + 1)) {
        const std::string_view name = text(i);
        const uint64_t ends = name.empty() ? 0 : static_cast<uint8_t>(name.front()) + size_t{5} * static_cast<uint8_t>(name.back());
        const uint64_t mark = uint64_t{1} << ((ends + 11 * name.size()) & 63);
        if ((seen & mark) != 0) {
            for (uint32_t j = object + 1; j < i; j = after(j + 1)) {
                if (text(j) == name) return false;
            }
        }
        seen |= mark;
    }
    return true;
}

}  // namespace

std::expected<Block*, ParseError> read_text(std::string_view text, const ParseOptions& options) {
    auto made = make_block(text, options);
    if (!made) return std::unexpected(made.error());
    Block* const block = *made;
    char* const base = reinterpret_cast<char*>(block);
    Reader reader(*block, reinterpret_cast<Node*>(base + block->nodes_at), base + block->decoded_at, options);
    if (auto read = reader.read(); !read) {
        free_block(block);
        return std::unexpected(read.error());
    }
    return shrink(block, reader.used(), reader.decoded_size());
}

}  // namespace portico::json::detail
