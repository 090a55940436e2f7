// The RateLimit and RateLimit-Policy response fields. Pure.
// @spec draft-ietf-httpapi-ratelimit-headers-11: lists of RFC 9651 strings with parameters
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "policy/rate_limit/limit.h"

namespace portico::policy::rate_limit {

// `"fair-use";q=100;w=60`: what is allowed. A limit with several windows gives each a name of its own:
// `"fair-use/60s"`. `w` counts whole seconds, rounded up: a client that trusts it is slower than it need be, never
// faster.
std::string ratelimit_policy_field(const Limit& limit);

// How the windows are called in both fields, quoted: `"fair-use"`, or `"fair-use/60s"` where there are several.
std::vector<std::string> ratelimit_names(const Limit& limit);

// `"fair-use";r=99;t=1`: what is left, and the whole seconds (rounded up) until there is more. Left out is `t` where
// nothing is used and where no time would help. For the window that refused, it is the same moment as Retry-After.
// @param names  ratelimit_names() of the limit. @returns memory of `arena`
std::string_view ratelimit_field(std::span<const std::string> names, const Decision& decision, Arena& arena);

}  // namespace portico::policy::rate_limit
