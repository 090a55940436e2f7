// Properties of selections: what is read, written and read again selects the same; what is restricted is within what is allowed;
// a projection is JSON with no more in it than the document had. The input is what is asked, a line end, what is allowed.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "policy/fields/selection.h"

namespace {

using namespace portico;
using namespace portico::policy::fields;

constexpr std::string_view kText =
    R"({"id":1.50,"name":{"first":"a","last":"b"},"items":[{"id":1,"a":{"b":[{"c":1}]}},2,null,[{"id":3}]],"a":{"a":{"a":{}}}})";

std::string projection(const Selection& selection) {
    static const json::Document document = json::Document::parse(kText).value();
    std::string out;
    if (!project(document.root(), selection, out)) return "null";
    PORTICO_CHECK(out.size() <= kText.size() && json::Document::parse(out));
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > kMaxText + 10) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const size_t line = std::min(text.find('\n'), text.size());
    Arena arena;
    Selection asked;
    if (const auto read = read_selection(text.substr(0, line), asked, arena); !read) {
        PORTICO_CHECK(!read.error().empty());
        return 0;
    }
    const std::string before = projection(asked);
    Selection again;
    const std::string spelt = text_of(asked, SIZE_MAX - 1);
    if (read_selection(spelt, again, arena)) {
        PORTICO_CHECK(projection(again) == before && text_of(again, SIZE_MAX - 1) == spelt);
    }

    Selection allowed;
    if (line == text.size() || !read_selection(text.substr(line + 1), allowed, arena)) return 0;
    const std::string most = projection(allowed);
    if (!restrict_to(allowed, asked, arena)) return 0;
    PORTICO_CHECK(projection(asked).size() <= most.size());
    PORTICO_CHECK(restrict_to(allowed, asked, arena));
    return 0;
}
