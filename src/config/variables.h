// `${NAME}` and `${NAME:-text}` in scalar values, replaced from the environment once, after the YAML was read (LANGUAGE.md §1).
// Private to src/config.
#pragma once

#include "config/document.h"

namespace portico::config {

// Replaces the variables in the node's text. `$${` is a dollar and a brace; a variable that is unset without a default, a name that
// is none and a `${` inside a default are faults, after which the node counts as unset.
// @param is_secret  the value's key says that it is one: no fault shows what the file says of it
void substitute_variables(Node& node, const Environment& environment, FaultList& faults, bool is_secret);

}  // namespace portico::config
