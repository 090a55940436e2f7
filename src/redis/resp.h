// The protocol of Redis, both ways: commands are written as arrays of strings, replies are read piece by piece, bounded in
// depth, number and size. RESP2, and as much of RESP3 as a server may send unasked. Knows no socket and no clock; a reader
// belongs to one connection.
// @spec https://redis.io/docs/reference/protocol-spec
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace portico::redis {

enum class Kind : uint8_t {
    nil,
    text,     // simple and bulk strings; RESP3's doubles, big numbers and verbatim strings as they were written
    error,
    integer,  // also RESP3's booleans
    array,    // also RESP3's sets, and its maps as key, value, key, value
    push,     // RESP3: told without being asked
};

class Value;

// One reply: all its values in one piece of memory. A small reply (a script's few numbers) allocates nothing.
class Reply {
  public:
    Reply() = default;
    // The reply itself; its elements are reached from there. Valid while this Reply is neither moved nor changed.
    Value value() const;
    bool is_error() const { return nodes()[0].kind == Kind::error; }

  private:
    friend class Value;
    friend class ReplyReader;
    struct Node {
        Kind kind = Kind::nil;
        uint32_t size = 0;    // bytes, or elements
        int64_t number = 0;   // the integer; where the text begins; how many nodes an array fills, itself included
    };
    static constexpr uint32_t kInline = 6;

    const Node* nodes() const { return more_.empty() ? few_.data() : more_.data(); }
    Node* nodes() { return more_.empty() ? few_.data() : more_.data(); }
    uint32_t add(Node node);
    void clear();

    std::array<Node, kInline> few_{};
    std::vector<Node> more_;  // all of them, once there are more than kInline
    uint32_t count_ = 0;
    std::string bytes_;
};

// One value within a Reply, which outlives it.
class Value {
  public:
    Kind kind() const { return node().kind; }
    bool is_nil() const { return kind() == Kind::nil; }
    bool is_error() const { return kind() == Kind::error; }
    bool is_array() const { return kind() == Kind::array || kind() == Kind::push; }
    // @returns the number, also one that came as text (scripts return large ones so)
    std::optional<int64_t> integer() const;
    // @returns a string's or an error's bytes; empty for other kinds
    std::string_view text() const;
    // Elements of an array; 0 for other kinds.
    uint32_t size() const { return is_array() ? node().size : 0; }
    // The element at `i`, found in i steps, so for the few of a known place; nil beyond the end.
    Value operator[](uint32_t i) const;
    // All elements in order, one step each.
    class Elements;
    Elements elements() const;
    // Copies a list of numbers, of which operator[] would count through the whole list for each.
    // @returns false where this is no array of exactly `into.size()` values, or where one of them is no integer()
    bool copy_integers(std::span<int64_t> into) const;

  private:
    friend class Reply;
    Value(const Reply& reply, uint32_t at) : reply_(&reply), at_(at) {}
    const Reply::Node& node() const;
    static constexpr uint32_t kNowhere = UINT32_MAX;

    // The node behind this value and all that it holds.
    uint32_t behind() const;

    const Reply* reply_;
    uint32_t at_;
};

class Value::Elements {
  public:
    struct End {};
    class Iterator {
      public:
        Iterator(Value first, uint32_t left) : at_(first), left_(left) {}
        Value operator*() const { return at_; }
        Iterator& operator++() {
            at_.at_ = at_.behind();
            --left_;
            return *this;
        }
        bool operator==(End) const { return left_ == 0; }

      private:
        Value at_;
        uint32_t left_;
    };
    explicit Elements(Value array) : array_(array) {}
    Iterator begin() const { return {Value(*array_.reply_, array_.at_ + 1), array_.size()}; }
    End end() const { return {}; }

  private:
    Value array_;
};

inline Value::Elements Value::elements() const { return Elements(*this); }

inline Value Reply::value() const { return {*this, 0}; }

// What a server may send before the connection is given up.
struct ReplyLimits {
    uint32_t depth = 8;
    uint32_t elements = 128 * 1024;    // of one reply, nested ones included
    uint32_t line = 16 * 1024;         // bytes of a simple string, an error or a number
    uint32_t string = 1024 * 1024;     // bytes of a bulk string
    uint32_t total = 4 * 1024 * 1024;  // bytes of text in one reply
};

// Reads replies from bytes as they come.
class ReplyReader {
  public:
    explicit ReplyReader(ReplyLimits limits = {}) : limits_(limits) {}

    struct Progress {
        size_t consumed = 0;
        bool done = false;  // a whole reply is there for take(); what follows was not looked at
    };
    // @errors store_protocol: nothing that follows can be trusted
    Result<Progress> read(std::string_view bytes);
    // The reply that read() has completed. @requires done
    Reply take();
    // Forgets what it has read: for a new connection.
    void reset();

  private:
    struct Frame {
        uint32_t node;
        uint32_t left;
    };
    static constexpr uint32_t kMaxDepth = 16;

    // @returns the line without its end, or none while it is not whole
    Result<std::optional<std::string_view>> line(std::string_view bytes, size_t& at);
    Result<void> read_string(std::string_view bytes, size_t& at);
    Result<void> begin_value(std::string_view head);
    Result<void> begin_string(Kind kind, std::string_view length);
    Result<void> begin_array(Kind kind, std::string_view count, unsigned each);
    Result<void> add_text(Kind kind, std::string_view text);
    Result<void> add(Reply::Node node);
    void value_ended();

    ReplyLimits limits_;
    Reply reply_;
    std::string line_;  // the part of a line that came before
    bool in_string_ = false;
    Kind string_kind_ = Kind::text;
    uint32_t string_left_ = 0;  // with its two bytes of end
    std::array<Frame, kMaxDepth> frames_{};
    uint32_t depth_ = 0;
    bool done_ = false;
};

// The bytes of one argument, and of the head of a command of `count` arguments.
size_t encoded_size(std::string_view argument);
size_t encoded_head_size(size_t count);
// Write the same. @returns the end. @requires room
char* encode_head(char* to, size_t count);
char* encode(char* to, std::string_view argument);
// Appends a whole command.
void append_command(std::string& to, std::span<const std::string_view> arguments);

}  // namespace portico::redis
