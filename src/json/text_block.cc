#include "json/text_block.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/held.h"
#include "base/meter.h"
#include "base/poison.h"

namespace portico::json::detail {
namespace {

using Reason = ParseError::Reason;

// Bytes of a block from which on it is counted among what its worker holds.
constexpr size_t kCounted = size_t{16} << 10;
// What is gone through at once, and its parts, whose bytes a byte can count; a multiple of what a processor takes together.
constexpr size_t kPart = 224;
constexpr size_t kPiece = kPart * 292;

// Memory of small documents that go soon, kept for the next ones: an aggregate reads a few for each request, and to ask the system for a
// block, make it smaller and give it back costs more than to read a short answer. One thread's.
class Spares {
  public:
    // Of each: for a text of some 2 KiB and its values.
    static constexpr size_t kBytes = size_t{8} << 10;

    // @returns null where all are in use
    void* take(size_t bytes) {
        if (over_ || (count_ == 0 && made_ == kMost)) return nullptr;
        void* const block = count_ > 0 ? blocks_[--count_] : make();
        PORTICO_UNPOISON(block, bytes);
        return block;
    }
    // Whichever thread's it was. Who has made none keeps none: only make() sees to the thread's end.
    void put(void* block) {
        if (over_ || made_ == 0 || count_ == kMost) return std::free(block);
        PORTICO_POISON(block, kBytes);
        blocks_[count_++] = block;
    }
    // At the thread's end, after which documents may still go, and come.
    void end() {
        over_ = true;
        while (count_ > 0) std::free(blocks_[--count_]);
    }

  private:
    static constexpr uint32_t kMost = 32;

    void* make();

    std::array<void*, kMost> blocks_ = {};
    uint32_t count_ = 0;
    uint32_t made_ = 0;  // ever, by this thread
    bool over_ = false;
};
// Without a destructor, so that it is there as long as its thread.
constinit thread_local Spares spares;

void* Spares::make() {
    struct AtTheEnd {
        ~AtTheEnd() { spares.end(); }
    };
    thread_local const AtTheEnd at_the_end;
    void* const block = std::malloc(kBytes);
    PORTICO_CHECK(block != nullptr);
    PORTICO_POISON(block, kBytes);
    ++made_;
    return block;
}

bool spend_piece(size_t left) { return Meter::spend(Meter::steps_of(std::min(left, kPiece))); }

// An upper bound: each value but the first, and each name, follows one of these bytes. 0: nothing more may be spent.
size_t nodes_at_most(std::string_view text) {
    size_t count = 1;
    for (size_t i = 0; i < text.size();) {
        if (i % kPiece == 0 && !spend_piece(text.size() - i)) return 0;
        const size_t end = std::min(text.size(), i + kPart);
        uint8_t part = 0;
        for (; i < end; ++i) {
            const char c = text[i];
            part = static_cast<uint8_t>(part + (((c | 0x20) == '{') | (c == ',') | (c == ':')));
        }
        count += part;
    }
    return count;
}

// Bytes of a piece of UTF-8 up to a character that it may end within. Of what is no UTF-8: any, but not none.
size_t whole_characters(std::string_view piece) {
    if (piece.size() < kPiece) return piece.size();
    size_t begin = piece.size() - 1;  // of the last one
    while (begin > piece.size() - 4 && (static_cast<uint8_t>(piece[begin]) & 0xC0) == 0x80) --begin;
    return begin;
}

// In pieces: it takes the memory from the system as well.
bool copy_text(char* to, std::string_view text) {
    for (; !text.empty(); text.remove_prefix(std::min(text.size(), kPiece))) {
        if (!spend_piece(text.size())) return false;
        const size_t size = std::min(text.size(), kPiece);
        std::memcpy(to, text.data(), size);
        to += size;
    }
    return true;
}

std::expected<void, ParseError> check_bytes(std::string_view text, const ParseOptions& options) {
    if (text.size() > std::min(options.max_size, Document::kMaxSize)) return std::unexpected(ParseError{Reason::too_large, 0});
    if (text.starts_with("\xEF\xBB\xBF")) return std::unexpected(ParseError{Reason::byte_order_mark, 0});
    for (std::string_view rest = text; !rest.empty();) {
        if (!spend_piece(rest.size())) return std::unexpected(ParseError{Reason::too_costly, 0});
        const size_t size = whole_characters(rest.substr(0, kPiece));
        if (!simdjson::validate_utf8(rest.data(), size)) return std::unexpected(ParseError{Reason::not_utf8, 0});
        rest.remove_prefix(size);
    }
    return {};
}

}  // namespace

std::expected<Block*, ParseError> make_block(std::string_view text, const ParseOptions& options) {
    if (auto fine = check_bytes(text, options); !fine) return std::unexpected(fine.error());
    const size_t nodes = nodes_at_most(text);
    if (nodes == 0) return std::unexpected(ParseError{Reason::too_costly, 0});
    const size_t decoded = text.find('\\') == std::string_view::npos ? 0 : text.size();
    const size_t nodes_at = (sizeof(Block) + text.size() + kPadding + 7) & ~size_t{7};
    const size_t decoded_at = nodes_at + nodes * sizeof(Node);
    const HeldBy counted_by = decoded_at + decoded >= kCounted ? HeldBy::current() : HeldBy();
    if (counted_by.memory != nullptr && !counted_by.take(Holding::documents, decoded_at + decoded)) {
        Meter::out_of_memory();
        return std::unexpected(ParseError{Reason::too_costly, 0});
    }
    const size_t bytes = decoded_at + decoded;
    void* memory = options.goes_soon && bytes <= Spares::kBytes ? spares.take(bytes) : nullptr;
    const bool spare = memory != nullptr;
    if (!spare) memory = std::malloc(bytes);
    PORTICO_CHECK(memory != nullptr);
    auto* const block = new (memory) Block{
        .references = 1, .text_size = static_cast<uint32_t>(text.size()), .nodes = 0, .nodes_at = static_cast<uint32_t>(nodes_at),
        .decoded_at = decoded_at, .bytes = bytes, .names_differ = options.duplicates == Duplicates::refuse, .spare = spare, .counted_by = counted_by};
    char* const behind = static_cast<char*>(memory) + sizeof(Block);
    if (!copy_text(behind, text)) {
        free_block(block);
        return std::unexpected(ParseError{Reason::too_costly, 0});
    }
    std::memset(behind + text.size(), 0, kPadding);
    return block;
}

Block* shrink(Block* block, uint32_t used, uint32_t decoded_size) {
    if (block->spare) {
        block->nodes = used;
        return block;
    }
    char* const base = reinterpret_cast<char*>(block);
    const uint64_t decoded_at = block->nodes_at + uint64_t{used} * sizeof(Node);
    std::memmove(base + decoded_at, base + block->decoded_at, decoded_size);
    block->nodes = used;
    block->decoded_at = decoded_at;
    const uint64_t bytes = decoded_at + decoded_size;
    if (block->bytes - bytes < bytes / 4) return block;
    if (block->counted_by.memory != nullptr) block->counted_by.give_back(Holding::documents, block->bytes - bytes);
    block->bytes = bytes;
    void* const smaller = std::realloc(block, bytes);
    return smaller == nullptr ? block : static_cast<Block*>(smaller);
}

void free_block(Block* block) {
    if (block->counted_by.memory != nullptr) block->counted_by.give_back(Holding::documents, block->bytes);
    if (block->spare) spares.put(block);
    else std::free(block);
}

}  // namespace portico::json::detail
