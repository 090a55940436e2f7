// The RateLimit and RateLimit-Policy response fields. Pure.
// @spec draft-ietf-httpapi-ratelimit-headers-11: lists of RFC 9651 strings with parameters
#pragma once

#include <string>

#include "policy/rate_limit/limit.h"

namespace portico::policy::rate_limit {

// `"fair-use";q=100;w=60`: what is allowed. A limit with several windows gives each a name of its own:
// `"fair-use/60s"`. `w` counts whole seconds, rounded up: a client that trusts it is slower than it need be, never
// faster.
std::string ratelimit_policy_field(const Limit& limit);

// `"fair-use";r=99;t=1`: what is left, and the whole seconds (rounded up) until there is more. Left out is `t` where
// nothing is used and where no time would help. For the window that refused, it is the same moment as Retry-After.
std::string ratelimit_field(const Limit& limit, const Decision& decision);

}  // namespace portico::policy::rate_limit
