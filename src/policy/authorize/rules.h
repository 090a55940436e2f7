// What an identity must hold to pass: scopes, roles and claims, each as `all`, `any` and `none`. Pure: claims in, a refusal or none
// out. Immutable; any thread.
//
// A value may be a template ("{id}" of the path): what is asked is settled for each request first, and judged like what the file writes.
//
// Closed when in doubt: where `none` asks, a claim refuses that cannot be searched, whose names are separated as they should not be, or
// whose value only reads like one that is named.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/claim_constant.h"
#include "gateway/claims.h"
#include "gateway/templates/template_string.h"
#include "json/document.h"

namespace portico::policy::authorize {

struct Name {
    std::string text;
    std::string written{};  // of one that was made: what the configuration writes in its place
    const std::string& shown() const { return written.empty() ? text : written; }
};
struct MadeName {
    gateway::Template made;
    std::string written;
};
struct Names {
    std::vector<Name> all, any, none;
    std::vector<MadeName> made_all, made_any, made_none;  // those that each request gives
    bool empty() const { return all.empty() && any.empty() && none.empty() && !made(); }
    bool made() const { return !made_all.empty() || !made_any.empty() || !made_none.empty(); }
};

struct Scalar : gateway::ClaimConstant {
    bool by_text = false;                     // it was made: a number or a boolean of a claim is compared by its text
    std::optional<gateway::Template> made{};  // in place of the text
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
    std::optional<gateway::ClaimPath> scopes_from;  // in their place: the claim that holds the scopes
    gateway::ClaimPath roles_from;  // the claim that lists them
    ClaimConditions claims;
    std::string unsettled;  // sentences about templates that have no value, or more than one, where that refuses

    bool empty() const { return scopes.empty() && roles.empty() && claims.empty(); }
    // Whether templates are among the values.
    bool made() const;
    // Whether they ask for `sub`, by a value that lets in, and for no `iss` in `all`.
    bool ask_subject_alone() const;
    // Each template of theirs.
    std::vector<const gateway::Template*> templates() const;
    // The same with the values that the request gives. Of a header or query pair that is there twice, in any spelling, nobody knows which
    // one the service reads, and one in another spelling only may be read there and not here: that refuses.
    Rules settled(const gateway::Values& values) const;
    // @requires !made(), or settled()  @returns none where the claims suffice
    std::optional<Refusal> judge(const json::Document& claims_of) const;
    // The scopes that a client should ask for, separated by spaces: those that are the same for every request.
    std::string wanted_scopes() const;
};

// Whether a claim equals what the configuration writes (gateway::equals), or by its text what a template made.
bool equals(json::Value claim, const Scalar& wanted);

}  // namespace portico::policy::authorize
