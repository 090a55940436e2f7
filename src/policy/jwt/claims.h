// What a token's claims must say (RFC 7519 §4.1), as data, and the judgement of them at a given time. Pure.
//
// Decided: a claim of the wrong type is refused even where no rule asks for it, if it is one of the times, `iss`, `aud` or `sub`: the
// last one is handed on as an identity, where a list of one text would read like that text. A `sub` that is a number or a boolean counts
// by its text, and `null` is none.
// Times may have fractions and any size that a double holds. `exp` is over when it is reached; the leeway is granted on
// every comparison of time. With `max_age`, `iat` is required and may not lie in the future. Where an issuer or an audience
// is expected, a token without one is refused; where none is, what the token says of it does not matter.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gateway/claim_constant.h"
#include "json/document.h"

namespace portico::policy::jwt {

struct RequiredClaim {
    std::vector<std::string> path;     // names from the outside in
    std::vector<gateway::ClaimConstant> any_of;  // one of these, or a list that holds one; empty: anything but null
};

struct ClaimRules {
    std::vector<std::string> issuers{};    // empty: any
    std::vector<std::string> audiences{};  // empty: any
    Duration leeway{0};
    bool expiry_required = true;
    Duration max_age = kForever;  // from `iat`
    std::vector<RequiredClaim> required{};
};

// Seconds since 1970 as a time, moved to the nearest that WallTime can tell.
// @returns none unless it is a number in the range of a double
// @spec RFC 7519 §2 NumericDate
std::optional<WallTime> time_of(json::Value numeric_date);

// @returns the moment from which on the same claims are refused for their age; WallTime::max() for never
// @errors token_expired, token_not_yet_valid, token_too_old, token_issuer, token_audience, token_claim
Result<WallTime> judge_claims(json::Value claims, const ClaimRules& rules, WallTime now);

}  // namespace portico::policy::jwt
