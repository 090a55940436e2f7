// Body templates over arbitrary documents, beside the reference. The input is the template as YAML, a line of `---`, and the
// document. Properties: compiling never fails without a located fault, what is rendered is JSON, and it is what the reference makes.
#include <cstdint>
#include <string_view>

#include "gateway/templates/body_difference_fixture.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace portico;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    constexpr std::string_view kBetween = "\n---\n";
    const size_t between = input.find(kBetween);
    if (between == std::string_view::npos || size > 65536) return 0;
    const auto document = json::Document::parse(input.substr(between + kBetween.size()));
    if (!document) return 0;
    const auto difference = gateway::compare(std::string(input.substr(0, between)), *document);
    PORTICO_CHECK(!difference.is_one());
    return 0;
}
