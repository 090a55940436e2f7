// JSONPaths of the configuration, bound to the documents of the place where they stand; what is wrong with one is said where it is
// wrong. At load.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "config/schema.h"
#include "gateway/templates/template_string.h"
#include "json/plan/bound_path.h"

namespace portico::gateway {

// The documents and variables of `place`, as paths know them.
std::vector<json::RootName> root_names(const TemplatePlace& place);

// The column of the byte at `offset` of a scalar's value, as far as it can be known: escapes and folded lines shift it, and then
// the whole scalar is meant.
config::Mark mark_within(const config::Text& text, size_t offset);

// The path that stands at `offset` of `text` and is `size` bytes long. @returns none after a fault
std::optional<json::BoundPath> read_path(const config::Scope& scope, const config::Text& text, size_t offset, size_t size,
                                         const TemplatePlace& place);
inline std::optional<json::BoundPath> read_path(const config::Scope& scope, const config::Text& text, const TemplatePlace& place) {
    return read_path(scope, text, 0, text.value.size(), place);
}
std::optional<json::BoundCondition> read_condition(const config::Scope& scope, const config::Text& text, const TemplatePlace& place);

// A singular query near one that selects several, for a hint: `$.a[*].b` gives `$.a[0].b`.
std::string first_of(std::string path);

// Warns of a `$.total` in a text that is not only text: most likely `{$.total}` was meant.
void warn_of_bare_paths(const config::Scope& scope, const config::Text& text, const TemplatePlace& place);

}  // namespace portico::gateway
