// Properties of a JSON document: writing and reading again changes nothing; each value's own text reads as that value; what
// is accepted with equal names kept is refused for them exactly where an object has two; no bound is passed.
#include <cstdint>
#include <set>
#include <string>

#include "base/check.h"
#include "json/document.h"

namespace {

using namespace portico::json;

std::string written(Value value) {
    std::string out;
    append_value(out, value);
    return out;
}

void check_value(Value value, const ParseOptions& options, unsigned depth) {
    PORTICO_CHECK(depth <= options.max_depth + 1);
    const auto apart = Document::parse(value.source(), options);
    PORTICO_CHECK(apart.has_value());
    const Value alone = apart->root();
    PORTICO_CHECK(alone.kind() == value.kind() && alone.size() == value.size() && alone.string() == value.string());
    size_t count = 0;
    for (const Value element : value.elements()) {
        if (count < 64) PORTICO_CHECK(value.at(count) == element);
        ++count;
        check_value(element, options, depth + 1);
    }
    for (const Member member : value.members()) {
        ++count;
        PORTICO_CHECK(member.name_value.string() == member.name);
        if (options.duplicates == Duplicates::refuse) PORTICO_CHECK(value.find(member.name) == member.value);
        check_value(member.value, options, depth + 1);
    }
    PORTICO_CHECK(count == value.size());
}

bool has_name_twice(Value value) {
    std::set<std::string_view> names;
    for (const Member member : value.members()) {
        if (!names.insert(member.name).second || has_name_twice(member.value)) return true;
    }
    for (const Value element : value.elements()) {
        if (has_name_twice(element)) return true;
    }
    return false;
}

// The same text with and without equal names, in memory that is used again.
void check_names(std::string_view text, ParseOptions options) {
    options.goes_soon = true;
    options.duplicates = Duplicates::keep;
    const auto kept = Document::parse(text, options);
    if (!kept) return;
    options.duplicates = Duplicates::refuse;
    const auto refused = Document::parse(text, options);
    PORTICO_CHECK(refused.has_value() != has_name_twice(kept->root()));
    PORTICO_CHECK(refused ? written(refused->root()) == written(kept->root()) : refused.error().reason == ParseError::Reason::duplicate_name);
}

bool check(std::string_view text, const ParseOptions& options) {
    const auto document = Document::parse(text, options);
    if (!document) {
        PORTICO_CHECK(document.error().offset <= text.size() && !document.error().what().empty());
        return false;
    }
    PORTICO_CHECK(document->text() == text);
    check_value(document->root(), options, 1);
    const std::string once = written(document->root());
    const auto again = Document::parse(once, options);
    PORTICO_CHECK(again.has_value());
    PORTICO_CHECK(written(again->root()) == once);
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 4096) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const bool strict = check(text, {.max_depth = 16});
    const bool lenient =
        check(text, {.max_depth = 16, .duplicates = Duplicates::keep, .lone_surrogates = LoneSurrogates::replace});
    PORTICO_CHECK(!strict || lenient);
    check_names(text, {.max_depth = 16, .lone_surrogates = LoneSurrogates::replace});
    return 0;
}
