#include "json/document.h"

#include <atomic>
#include <charconv>

#include "base/meter.h"
#include "json/text_block.h"
#include "json/text_reader.h"
#include "json/writer.h"

namespace portico::json {
namespace {

// Whoever looks something up says what it costs; of so many values that is said once more as they are passed over.
constexpr size_t kPaidTogether = 4096;
bool pay_for_passing() { return Meter::spend(kPaidTogether / 8); }

}  // namespace

std::string_view ParseError::what() const {
    switch (reason) {
        case Reason::too_large: return "it is too large";
        case Reason::too_deep: return "arrays and objects stand too deep inside each other";
        case Reason::not_utf8: return "it is not UTF-8";
        case Reason::byte_order_mark: return "it begins with a byte order mark";
        case Reason::unexpected: return "something else was expected here";
        case Reason::ends_early: return "it ends early";
        case Reason::number: return "a number is written wrongly";
        case Reason::string: return "a string holds a control character or an unknown escape";
        case Reason::lone_surrogate: return "an escape names half of a surrogate pair";
        case Reason::duplicate_name: return "a name appears twice in an object";
        case Reason::trailing: return "something follows the value";
        case Reason::too_costly: return "it takes too many steps to read";
    }
    return "";
}

std::expected<Document, ParseError> Document::parse(std::string_view text, const ParseOptions& options) {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    const size_t skipped = options.byte_order_mark == ByteOrderMark::pass_over && text.starts_with(kMark) ? kMark.size() : 0;
    auto block = detail::read_text(text.substr(skipped), options);
    if (block) return Document(*block);
    block.error().offset += skipped;
    return std::unexpected(block.error());
}

Document::Document(const Document& other) : block_(other.block_) {
    if (block_ != nullptr) std::atomic_ref(block_->references).fetch_add(1, std::memory_order_relaxed);
}

Document::~Document() {
    if (block_ == nullptr) return;
    if (std::atomic_ref(block_->references).fetch_sub(1, std::memory_order_acq_rel) == 1) detail::free_block(block_);
}

std::optional<int64_t> Value::as_int64() const {
    const std::string_view text = number();
    int64_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return n;
}

std::optional<double> Value::as_double() const {
    const std::string_view text = number();
    double n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return n;
}

Value Value::find(std::string_view name) const {
    if (!is_object()) return {};
    const uint32_t end = node().next;
    const auto search = [&](auto may_go_on) {
        Value found;
        for (uint32_t i = index_ + 1; i < end; i = block_->after(i + 1)) {
            if (!may_go_on()) return Value();
            if (block_->string(block_->node(i)) != name) continue;
            found = {block_, i + 1};
            if (block_->names_differ) break;
        }
        return found;
    };
    if (node().count < kPaidTogether) return search([] { return true; });
    return search([passed = size_t{0}] mutable { return ++passed % kPaidTogether != 0 || pay_for_passing(); });
}

Value Value::find(std::span<const std::string_view> path) const {
    Value at = *this;
    for (const std::string_view name : path) at = at.find(name);
    return at;
}

Value Value::at(size_t index) const {
    if (!is_array() || index >= node().count) return {};
    uint32_t i = index_ + 1;
    for (; index > 0; --index) {
        if (index % kPaidTogether == 0 && !pay_for_passing()) return {};
        i = block_->after(i);
    }
    return {block_, i};
}

Elements Value::elements() const {
    if (!is_array()) return {nullptr, 0, 0};
    return {block_, index_ + 1, node().next};
}

Members Value::members() const {
    if (!is_object()) return {nullptr, 0, 0};
    return {block_, index_ + 1, node().next};
}

// As deep as the document: Document::kMaxDepth at most.
void append_value(std::string& out, Value value) {
    bool first = true;
    const auto separate = [&] {
        if (!first) out += ',';
        first = false;
    };
    switch (value.kind()) {
        case Kind::array:
            out += '[';
            for (const Value element : value.elements()) {
                if (!Meter::spend(1)) break;
                separate();
                append_value(out, element);
            }
            out += ']';
            return;
        case Kind::object:
            out += '{';
            for (const Member member : value.members()) {
                if (!Meter::spend(1)) break;
                separate();
                append_string(out, member.name);
                out += ':';
                append_value(out, member.value);
            }
            out += '}';
            return;
        case Kind::string: append_string(out, value.string()); return;
        default: out += value.source(); return;
    }
}

}  // namespace portico::json
