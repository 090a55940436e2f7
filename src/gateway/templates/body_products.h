// The members that a body template produces, as a list of paths. For gateway/templates/body_template.cc only; at load.
#pragma once

#include <vector>

#include "gateway/templates/body_template.h"
#include "json/plan/shape.h"

namespace portico::gateway {

std::vector<BodyTemplate::Product> products_of(const json::Shape& shape);

}  // namespace portico::gateway
