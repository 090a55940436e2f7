// Whose `claims.sub` it is. Where several parties name subjects (issuers of a jwt, policies of an any_of, those of two routes that share a
// limit), one may name a subject of another: what goes by `sub` alone takes the two for one (LANGUAGE.md §5). Judged at load; no request
// meets it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "gateway/claims.h"
#include "gateway/templates/template_string.h"

namespace portico::gateway {

// One who names subjects.
struct SubjectParty {
    std::string who;               // two policies that ask the same one have one party
    bool is_listed = false;        // its subjects stand in the configuration, or in a file that it names
    bool tells_issuer = false;     // each of its subjects holds the verified issuer, behind what it begins with
    std::vector<std::string> beginnings{};  // what each of its subjects begins with, of the configuration's choosing
    bool operator==(const SubjectParty&) const = default;
};
// Whether one of them may name a subject of another.
bool may_mix(std::span<const SubjectParty> parties);

// A header that a policy fills with `sub`, and that says nothing of whose it is.
struct SubjectHeader {
    std::string_view name;  // lives as long as the policy
    std::vector<SubjectParty> parties;
};

// Whether a value holds the claim `sub` and no other claim.
bool is_subject(const ClaimPath& claim);
bool is_subject(const Template& text);
// @param what  that goes by `sub` alone, such as "the header X-User-ID"
void warn_of_shared_subject(const config::Scope& scope, config::Mark mark, std::string_view what);

}  // namespace portico::gateway
