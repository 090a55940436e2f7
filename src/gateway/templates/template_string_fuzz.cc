// Template strings and conditions of any text. Properties: what cannot be compiled has a fault inside the text, what can is
// rendered over documents without one, and a target that is built is a path.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "gateway/templates/body_template.h"
#include "gateway/rewrite.h"

namespace {

using namespace portico;
using namespace portico::gateway;

const json::Document kDocument = json::Document::parse(R"({"a":"x/..","b":2.0,"c":[1,{"a":".."}],"d":{"":null,"a b":"é\n"},"user":{"id":"7"}})").value();
const std::vector<std::string> kNames{"", "user"};
const std::vector<std::string> kCalls{"user"};
const std::vector<std::string> kParameters{"id"};

void check_faults(const config::FaultList& faults, const config::Text& text) {
    for (const config::Located& fault : faults.all()) {
        PORTICO_CHECK(fault.mark.line == text.mark.line && !fault.message.empty());
        PORTICO_CHECK(fault.mark.column >= text.mark.column && fault.mark.column <= text.mark.end_column);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 4096) return 0;
    config::Text text{std::string(reinterpret_cast<const char*>(data), size), {3, 5, static_cast<uint32_t>(5 + size)}, true, false};
    const TemplatePlace place{.no_request = true, .roots = &kNames, .calls = &kCalls};
    const std::vector<json::Value> roots{kDocument.root(), kDocument.root().find("user")};
    const std::vector<CallResult> results{{404, nullptr}};
    Values values;
    values.roots = roots;
    values.calls = results;
    {
        config::FaultList faults;
        const Template parsed = Template::parse(config::Scope(faults), text, place);
        check_faults(faults, text);
        if (!faults.has_errors() && parsed.compound(values) == nullptr) {
            std::string out;
            parsed.render(values, out);
        }
    }
    {
        config::FaultList faults;
        const auto condition = DocumentCondition::compile(config::Scope(faults), text, place);
        PORTICO_CHECK((condition == nullptr) == faults.has_errors());
        check_faults(faults, text);
        if (condition != nullptr) static_cast<void>(condition->holds(values));
    }
    config::FaultList faults;
    const auto target = TargetTemplate::parse(config::Scope(faults), text, place);
    if (faults.has_errors() || !target.has_query()) return 0;
    Arena arena;
    const auto built = target.build(values, false, arena);
    PORTICO_CHECK(!built || (built->path.starts_with('/') && !built->path.starts_with("//")));
    return 0;
}
