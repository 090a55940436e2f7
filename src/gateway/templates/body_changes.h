// What `get` does with its value, read from the configuration: apply, date, map, cast. For gateway/body_*.cc only; at load.
#pragma once

#include <vector>

#include "config/document.h"
#include "config/schema.h"
#include "json/plan/change.h"

namespace portico::gateway {

// Adds those that stand in the mapping, in the order in which they are done: apply, date, map, cast. @returns false after a fault
bool read_changes(const config::Scope& scope, const config::Node& node, std::vector<json::Change>& into);

}  // namespace portico::gateway
