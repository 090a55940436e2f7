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

// A value's name as it is written. @param bare  where one value stands alone, without braces
std::string shown_value(std::string_view name, bool bare);
// What a name that this place does not know was likely meant to be, and which names it has.
std::string unknown_value_hint(std::string_view name, const TemplatePlace& place);

// Whether a text is, letter for letter, what stands between the braces of a value that this place has, beside parameters and documents:
// `client.ip`, `claims.sub`, `header.x-tenant`.
bool is_value_name(std::string_view text, const TemplatePlace& place);

// A parameter that only some of a route's paths have has no value for the others.
std::string uneven_parameter(std::string_view name);
inline constexpr const char* kUnevenHint = "give the paths the same parameters where a template names them, or write two routes";

}  // namespace portico::gateway
