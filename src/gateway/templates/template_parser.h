// A template string's text taken apart; everything that can be wrong with one is said here. For gateway/templates/template_string.cc only; at
// load.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "config/schema.h"
#include "gateway/templates/template_string.h"

namespace portico::gateway {

// @returns nothing after a fault
std::vector<TemplatePart> parse_template(const config::Scope& scope, const config::Text& text, const TemplatePlace& place);

// What a name that this place does not know was likely meant to be, and which names it has.
std::string unknown_value_hint(std::string_view name, const TemplatePlace& place);

}  // namespace portico::gateway
