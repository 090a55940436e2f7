// Texts that are likely meant as templates and are none: `:id` of other gateways in a path, a value's name without its braces. They are
// good as the texts that they are, so they are warned of (`looks-like-template`). At load. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "config/schema.h"
#include "gateway/templates/template_string.h"

namespace portico::gateway {

// Warns of `$id`, `:id`, `<id>` and `{{id}}` that name a parameter, and of `*` and `**` as a segment.
// @param parts       of a path or target
// @param parameters  of the route's paths; nullptr: none are known
// @param rest        {**} has a value here
void warn_of_path_slips(const config::Scope& scope, config::Mark mark, std::span<const TemplatePart> parts, const std::vector<std::string>* parameters, bool rest);

// Warns of a text that is nothing but the name of a value, bare or in `{{…}}`, where a template stands: of a header, a cookie or a query
// pair. Not for keys and conditions, whose values need no braces.
void warn_of_bare_value(const config::Scope& scope, const config::Text& text, const TemplatePlace& place);

}  // namespace portico::gateway
