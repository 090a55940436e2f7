// Every policy of this build: the generated table of the folders beside this file (cmake/policies.cmake).
#pragma once

#include <span>

#include "gateway/policy.h"

namespace portico::policy {

std::span<const gateway::PolicyType* const> table();

}  // namespace portico::policy
