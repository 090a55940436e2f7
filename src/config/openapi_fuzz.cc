// Properties of OpenAPI documents: any text is refused with a reason, or every question about it ends with an answer within its bounds.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "config/openapi.h"

namespace {

using namespace portico::config;

void ask(const OpenApi& api, std::vector<const Node*> schemas, std::string_view name) {
    for (int depth = 0; depth < 4 && !schemas.empty(); ++depth) {
        const SchemaStep step = api.member(schemas, name);
        PORTICO_CHECK(step.verdict != SchemaStep::Verdict::declared || !step.schemas.empty());
        for (const std::string_view required : api.required(schemas)) (void)api.member(schemas, required);
        (void)api.element(schemas);
        schemas = depth % 2 == 0 ? api.children(schemas).schemas : step.schemas;
        if (schemas.size() > 100) schemas.resize(100);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 4096) return 0;
    const auto api = OpenApi::parse(std::string(reinterpret_cast<const char*>(data), size), "fuzz.yaml");
    if (!api) {
        PORTICO_CHECK(api.error().find("fuzz.yaml") != std::string::npos);
        return 0;
    }
    for (const auto& operation : (*api)->operations()) {
        const auto found = (*api)->find(operation.method, operation.path);
        PORTICO_CHECK(found.empty() || found.front()->segments.size() == operation.segments.size());
        ask(**api, operation.answers, "a");
        PORTICO_CHECK((*api)->all_inside(operation.answers).size() <= 21'000);
    }
    return 0;
}
