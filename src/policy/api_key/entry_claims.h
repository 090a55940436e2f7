// The claims that an entry of the configuration gives its key, as JSON. At load; pure.
#pragma once

#include <string_view>

#include "config/schema.h"
#include "json/document.h"

namespace portico::policy::api_key {

// `sub` is the entry's name; `claims` adds what it says, types kept. @param claims nullptr: nothing
json::Document entry_claims(const config::Scope& scope, std::string_view name, const config::Node* claims);

}  // namespace portico::policy::api_key
