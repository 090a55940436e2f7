#include "json/plan/plan.h"

#include "json/plan/plan_compile.h"
#include "json/plan/plan_rendering.h"

namespace portico::json {

void detail::PlanProgramDeleter::operator()(const PlanProgram* program) const {
    delete program;
}

Plan::Plan(Program program) : program_(std::move(program)) {}

Plan Plan::make(ShapePtr shape, size_t roots) {
    return Plan(Program(new detail::PlanProgram(detail::compile_program(std::move(shape), roots))));
}

Result<void> Plan::render(std::span<const Value> documents, const TextSource& texts, std::string& out, const PlanBounds& bounds) const {
    detail::PlanRendering rendering(*program_, documents, texts, bounds, out);
    if (!rendering.run()) return fail(std::move(rendering.error()));
    return {};
}

}  // namespace portico::json
