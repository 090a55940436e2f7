// JSON text (RFC 8259) taken apart once: what it holds and where each part stands in it. Layer 1: it knows bytes only.
//
// A Document is one allocation: the text, an array of 16-byte nodes in the order of the text, and the decoded form of those
// strings that hold escapes. A number keeps the text it was written with, and every value its place in the text, so that what
// is not changed is copied as it stands.
//
// Decided: the text is UTF-8, strictly, without a byte order mark (or with one before it that is no part of the document, where the
// caller says so); what follows the value is refused; a number may have any
// length and size (it is text until someone asks); equal names in one object are refused or kept, as the caller says, and so
// is an escape that names half of a surrogate pair refused or read as U+FFFD.
//
// Thread-safe: a Document never changes, and its copies share one counted block. A Value points into its Document, which
// must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/held.h"

namespace portico::json {

enum class Kind : uint8_t { missing, null, boolean, number, string, array, object };

// `keep`: all members stand in the document, and looking one up finds the last, as most readers of JSON do.
enum class Duplicates : uint8_t { refuse, keep };
// Of a message's body and of a set of keys one may be passed over (RFC 8259 §8.1); what is signed has none.
enum class ByteOrderMark : uint8_t { refuse, pass_over };
enum class LoneSurrogates : uint8_t { refuse, replace };

struct ParseOptions {
    size_t max_size = size_t{16} << 20;  // bytes of text; never more than Document::kMaxSize
    unsigned max_depth = 64;             // arrays and objects inside each other; never more than Document::kMaxDepth
    Duplicates duplicates = Duplicates::refuse;
    LoneSurrogates lone_surrogates = LoneSurrogates::refuse;
    ByteOrderMark byte_order_mark = ByteOrderMark::refuse;
    bool goes_soon = false;  // the document lives no longer than a request: its memory may be one that is used again and again
};

struct ParseError {
    enum class Reason : uint8_t {
        too_large, too_deep, not_utf8, byte_order_mark, unexpected, ends_early, number, string, lone_surrogate, duplicate_name,
        trailing,
        too_costly,
    };
    Reason reason = Reason::unexpected;
    size_t offset = 0;  // bytes from the start of the text

    // Such as "a name appears twice in an object".
    std::string_view what() const;
    // The same with its place: "… at byte 17". For logs.
    std::string text() const { return std::string(what()) + " at byte " + std::to_string(offset); }
};

namespace detail {

struct Node {
    uint32_t begin;  // of the text: the first byte
    uint32_t end;    // and the one behind the last
    // Array and object: the index behind its last descendant. String with escapes: where its decoded form stands.
    uint32_t next;
    uint32_t kind : 3;
    uint32_t escaped : 1;
    // Array and object: elements or members. String with escapes: decoded bytes. Boolean: 0 or 1.
    uint32_t count : 28;
};

struct Block {
    uint32_t references;
    uint32_t text_size;
    uint32_t nodes;
    uint32_t nodes_at;     // bytes from the start of the block
    uint64_t decoded_at;   // likewise
    uint64_t bytes;        // of the whole block
    bool names_differ;     // no object holds a name twice
    bool spare;            // its memory is used again
    HeldBy counted_by;     // none: it is too small for that

    const char* text() const { return reinterpret_cast<const char*>(this + 1); }
    const Node& node(uint32_t i) const {
        return reinterpret_cast<const Node*>(reinterpret_cast<const char*>(this) + nodes_at)[i];
    }
    std::string_view string(const Node& n) const {
        if (n.escaped == 0) return {text() + n.begin + 1, n.end - n.begin - 2};
        return {reinterpret_cast<const char*>(this) + decoded_at + n.next, n.count};
    }
    uint32_t after(uint32_t i) const {
        const Node& n = node(i);
        return n.kind >= static_cast<uint32_t>(Kind::array) ? n.next : i + 1;
    }
};

}  // namespace detail

class Elements;
class Members;
class Children;

// One value of a document, or none. Two words; copied freely.
class Value {
  public:
    // No value: what a lookup gives that finds nothing.
    Value() = default;

    Kind kind() const { return block_ == nullptr ? Kind::missing : static_cast<Kind>(node().kind); }
    explicit operator bool() const { return block_ != nullptr; }
    bool is_null() const { return kind() == Kind::null; }
    bool is_boolean() const { return kind() == Kind::boolean; }
    bool is_number() const { return kind() == Kind::number; }
    bool is_string() const { return kind() == Kind::string; }
    bool is_array() const { return kind() == Kind::array; }
    bool is_object() const { return kind() == Kind::object; }

    // @returns the decoded text of a string (it may hold NUL), "" of anything else
    std::string_view string() const { return is_string() ? block_->string(node()) : std::string_view(); }
    // @returns whether it is `true`
    bool boolean() const { return is_boolean() && node().count != 0; }
    // @returns the number just as it was written, "" of anything else
    std::string_view number() const { return is_number() ? source() : std::string_view(); }
    // @returns none unless it is a number without fraction and exponent that fits
    std::optional<int64_t> as_int64() const;
    // @returns none unless it is a number in the range of a double; the nearest double
    std::optional<double> as_double() const;

    // @returns the number of elements or members, 0 of anything else
    size_t size() const { return kind() >= Kind::array ? node().count : 0; }
    // The member of that name. @returns no value where this is no object or holds none, or nothing more may be spent (base/meter.h)
    Value find(std::string_view name) const;
    // The member of the member … of those names.
    Value find(std::span<const std::string_view> path) const;
    // The element at `index`, in linear time. @returns no value where this is no array or shorter, or nothing more may be spent
    Value at(size_t index) const;
    // Empty where this is no array.
    Elements elements() const;
    // Empty where this is no object.
    Members members() const;
    // The elements of an array, the members' values of an object; empty of anything else.
    Children children() const;
    // Whether no object of its document holds a name twice.
    bool names_differ() const { return block_ == nullptr || block_->names_differ; }

    // The value's own text, without white space around it.
    std::string_view source() const {
        return block_ == nullptr ? std::string_view() : std::string_view(block_->text() + node().begin, node().end - node().begin);
    }
    // Where `source()` begins in the document's text.
    size_t offset() const { return block_ == nullptr ? 0 : node().begin; }

    // The same place of the same document.
    friend bool operator==(const Value&, const Value&) = default;

  private:
    friend class Document;
    friend class Elements;
    friend class Members;
    friend class Children;
    Value(const detail::Block* block, uint32_t index) : block_(block), index_(index) {}
    const detail::Node& node() const { return block_->node(index_); }

    const detail::Block* block_ = nullptr;
    uint32_t index_ = 0;
};

struct Member {
    std::string_view name;
    Value value;
    Value name_value;  // the name as a string, for its source
};

// The values of an array, in order.
class Elements {
  public:
    class Iterator {
      public:
        using value_type = Value;
        using difference_type = std::ptrdiff_t;
        Iterator() = default;
        Value operator*() const { return {block_, index_}; }
        Iterator& operator++() {
            index_ = block_->after(index_);
            return *this;
        }
        Iterator operator++(int) {
            Iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const Iterator&, const Iterator&) = default;

      private:
        friend class Elements;
        Iterator(const detail::Block* block, uint32_t index) : block_(block), index_(index) {}
        const detail::Block* block_ = nullptr;
        uint32_t index_ = 0;
    };
    Iterator begin() const { return {block_, begin_}; }
    Iterator end() const { return {block_, end_}; }

  private:
    friend class Value;
    Elements(const detail::Block* block, uint32_t begin, uint32_t end) : block_(block), begin_(begin), end_(end) {}
    const detail::Block* block_;
    uint32_t begin_;
    uint32_t end_;
};

// The members of an object, in order.
class Members {
  public:
    class Iterator {
      public:
        using value_type = Member;
        using difference_type = std::ptrdiff_t;
        Iterator() = default;
        Member operator*() const { return {block_->string(block_->node(index_)), {block_, index_ + 1}, {block_, index_}}; }
        Iterator& operator++() {
            index_ = block_->after(index_ + 1);
            return *this;
        }
        Iterator operator++(int) {
            Iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const Iterator&, const Iterator&) = default;

      private:
        friend class Members;
        Iterator(const detail::Block* block, uint32_t index) : block_(block), index_(index) {}
        const detail::Block* block_ = nullptr;
        uint32_t index_ = 0;
    };
    Iterator begin() const { return {block_, begin_}; }
    Iterator end() const { return {block_, end_}; }

  private:
    friend class Value;
    Members(const detail::Block* block, uint32_t begin, uint32_t end) : block_(block), begin_(begin), end_(end) {}
    const detail::Block* block_;
    uint32_t begin_;
    uint32_t end_;
};

// The values inside an array or an object, in order: both alike.
class Children {
  public:
    class Iterator {
      public:
        using value_type = Value;
        using difference_type = std::ptrdiff_t;
        Iterator() = default;
        Value operator*() const { return {block_, index_}; }
        Iterator& operator++() {
            index_ = block_->after(index_) + names_;
            return *this;
        }
        Iterator operator++(int) {
            Iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const Iterator&, const Iterator&) = default;

      private:
        friend class Children;
        Iterator(const detail::Block* block, uint32_t index, uint32_t names) : block_(block), index_(index), names_(names) {}
        const detail::Block* block_ = nullptr;
        uint32_t index_ = 0;
        uint32_t names_ = 0;  // nodes before each value: 1 in an object
    };
    Iterator begin() const { return {block_, begin_ + names_, names_}; }
    Iterator end() const { return {block_, end_ + names_, names_}; }

  private:
    friend class Value;
    Children(const detail::Block* block, uint32_t begin, uint32_t end, uint32_t names)
        : block_(block), begin_(begin), end_(end), names_(names) {}
    const detail::Block* block_;
    uint32_t begin_;
    uint32_t end_;
    uint32_t names_;
};

inline Children Value::children() const {
    if (kind() < Kind::array) return {nullptr, 0, 0, 0};
    return {block_, index_ + 1, node().next, is_object() ? 1U : 0U};
}

class Document {
  public:
    static constexpr size_t kMaxSize = (size_t{1} << 28) - 1;
    static constexpr unsigned kMaxDepth = 1024;

    // Takes a copy of `text`.
    static std::expected<Document, ParseError> parse(std::string_view text, const ParseOptions& options = {});

    // No document: its root is no value.
    Document() = default;
    Document(const Document& other);
    Document(Document&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Document& operator=(Document other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~Document();

    Value root() const { return block_ == nullptr ? Value() : Value(block_, 0); }
    // The text that it was made from.
    std::string_view text() const { return block_ == nullptr ? std::string_view() : std::string_view(block_->text(), block_->text_size); }
    // Memory that it holds.
    size_t bytes() const { return block_ == nullptr ? 0 : block_->bytes; }

  private:
    explicit Document(detail::Block* block) : block_(block) {}
    detail::Block* block_ = nullptr;
};

// Appends `value` without white space, its strings in the one spelling of json::append_string and its numbers as they were
// written. No value appends nothing.
void append_value(std::string& out, Value value);

}  // namespace portico::json
