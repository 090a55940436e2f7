// Whose `claims.sub` it is. Where several parties name subjects (issuers of a jwt, policies of an any_of), one may name a subject of another: what
// goes by `sub` alone takes the two for one (LANGUAGE.md §5). Judged at load; no request meets it.
#pragma once

#include <string_view>

#include "config/schema.h"
#include "gateway/claims.h"
#include "gateway/templates/template_string.h"

namespace portico::gateway {

// Whether a value is nothing but the claim `sub`.
bool is_subject(const ClaimPath& claim);
bool is_subject(const Template& text);
// @param what  that goes by `sub` alone, such as "the header X-User-ID"
void warn_of_shared_subject(const config::Scope& scope, config::Mark mark, std::string_view what);

}  // namespace portico::gateway
