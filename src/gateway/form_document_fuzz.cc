// Properties of forms as documents: what was read of one is written back as the same names and texts, and where its pairs are plain and
// none is empty, byte for byte.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "gateway/form_document.h"

namespace {

using namespace portico;

constexpr size_t kPairs = 100;

std::string document_of(std::string_view form) {
    std::string text;
    return gateway::append_form_as_json(text, form, kPairs) ? text : std::string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 4096) return 0;
    const std::string_view form(reinterpret_cast<const char*>(data), size);
    const std::string text = document_of(form);
    if (text.empty()) return 0;
    // Two names that are no UTF-8 may read as one.
    const auto document = json::Document::parse(text);
    if (!document) return 0;
    std::string kept, made;
    PORTICO_CHECK(gateway::append_json_as_form(kept, document->root(), form));
    PORTICO_CHECK(gateway::append_json_as_form(made, document->root()));
    PORTICO_CHECK(document_of(kept) == text && document_of(made) == text);
    PORTICO_CHECK(kept.find(';') == std::string::npos);
    const bool plain = form.find_first_of("%;") == std::string_view::npos;
    const bool empty = form.starts_with('&') || form.ends_with('&') || form.find("&&") != std::string_view::npos;
    PORTICO_CHECK(!plain || empty || kept == form);
    return 0;
}
