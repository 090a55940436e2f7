// What an identity must hold to pass: scopes, roles and claims, each as `all`, `any` and `none`. Pure: claims in, a refusal or none
// out. Immutable; any thread.
//
// Closed when in doubt: where `none` asks, a claim refuses that cannot be searched, whose names are separated as they should not be, or
// whose value only reads like one that is named.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/claims.h"
#include "json/document.h"

namespace portico::policy::authorize {

struct Names {
    std::vector<std::string> all, any, none;
    bool empty() const { return all.empty() && any.empty() && none.empty(); }
};

struct Scalar {  // a value as the configuration writes it, with its type
    json::Kind kind = json::Kind::string;  // string, number or boolean
    std::string text;                      // decoded; a number as it was written
};

struct ClaimCondition {
    gateway::ClaimPath claim;
    std::vector<Scalar> values;   // one of these
    std::optional<bool> present;  // in their place
};
struct ClaimConditions {
    std::vector<ClaimCondition> all, any, none;
    bool empty() const { return all.empty() && any.empty() && none.empty(); }
};

struct Refusal {
    std::string detail;          // whole sentences in the configuration's words; nothing of the token
    bool scope_missing = false;  // one more scope would help (RFC 6750 §3.1)
};

struct Rules {
    Names scopes;                   // of the claim `scope`, or else `scp`
    Names roles;
    gateway::ClaimPath roles_from;  // the claim that lists them
    ClaimConditions claims;

    bool empty() const { return scopes.empty() && roles.empty() && claims.empty(); }
    // @returns none where the claims suffice
    std::optional<Refusal> judge(const json::Document& claims_of) const;
    // The scopes that a client should ask for, separated by spaces.
    std::string wanted_scopes() const;
};

// Whether a claim equals what the configuration writes: a text by its characters, a boolean as itself, a number by its value
// (`1`, `1.0` and `10e-1` are one, whatever their size).
bool equals(json::Value claim, const Scalar& wanted);

}  // namespace portico::policy::authorize
