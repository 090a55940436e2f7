// The settings of `authorize`, read into Rules. At load; one thread.
#pragma once

#include "config/schema.h"
#include "policy/authorize/rules.h"

namespace portico::policy::authorize {

std::span<const config::Field<Rules>> rule_fields();
// Faults go to `scope`. @returns whether there were none
bool read_rules(const config::Scope& scope, const config::Node& node, Rules& into);

}  // namespace portico::policy::authorize
