// Makes a plan's compiled form of its shape: names and constants are rendered, neighbours joined. For json/plan/plan*.cc only.
#pragma once

#include "json/plan/plan_program.h"

namespace portico::json::detail {

std::unique_ptr<PlanNode> compile_shape(ShapePtr shape);
PlanProgram compile_program(ShapePtr shape, size_t roots);

}  // namespace portico::json::detail
