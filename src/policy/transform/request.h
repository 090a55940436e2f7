// What a transform does to a request, once its body is at hand where that is needed.
#pragma once

#include "gateway/exchange.h"
#include "policy/transform/settings.h"
#include "policy/transform/tally.h"

namespace portico::policy::transform {

// What the head tells about whether the rules are for this request. @returns false where they are not
bool may_apply(const RequestRules& rules, const gateway::Exchange& x);

// Changes the request. @requires may_apply, and x.request_body where the rules need the body and the request has one
// @errors body_not_json, body_mapping, body_too_large, value_refused, claim_refused, bad_rewrite
Result<void> apply(const RequestRules& rules, gateway::Exchange& x, const Tally& tally);

// For `explain`, which has no body: changes what needs none, and says what would become of the rest.
std::string describe_change(const RequestRules& rules, gateway::Exchange& x);

}  // namespace portico::policy::transform
