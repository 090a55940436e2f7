#include "gateway/subjects.h"

#include <algorithm>

namespace portico::gateway {
namespace {

bool begin_alike(const SubjectParty& a, const SubjectParty& b) {
    return std::ranges::any_of(a.beginnings, [&](const std::string& mine) {
        return std::ranges::any_of(b.beginnings, [&](const std::string& other) { return mine.starts_with(other) || other.starts_with(mine); });
    });
}

// Whether nobody else's subject can look like one of his.
bool is_told(const SubjectParty& party, std::span<const SubjectParty> all) {
    if (party.tells_issuer) return true;
    if (party.beginnings.empty() || std::ranges::any_of(party.beginnings, &std::string::empty)) return false;
    return std::ranges::none_of(all, [&](const SubjectParty& other) { return other.who != party.who && begin_alike(party, other); });
}

}  // namespace

bool may_mix(std::span<const SubjectParty> parties) {
    const auto is_other = [&](const SubjectParty& p) { return p.who != parties.front().who; };
    if (parties.empty() || std::ranges::none_of(parties, is_other)) return false;
    // One who may say anything names subjects of whomever there is beside him.
    if (std::ranges::any_of(parties, [&](const SubjectParty& p) { return !p.is_listed && !is_told(p, parties); })) return true;
    const auto listed = std::ranges::find_if(parties, &SubjectParty::is_listed);
    return std::ranges::any_of(parties, [&](const SubjectParty& p) { return p.is_listed && p.who != listed->who; });
}

bool is_subject(const ClaimPath& claim) { return claim.names().size() == 1 && claim.names().front() == "sub"; }

bool is_subject(const Template& text) {
    return text.names_claims() && std::ranges::all_of(text.parts(), [](const TemplatePart& p) { return !p.claim || is_subject(*p.claim); });
}

void warn_of_shared_subject(const config::Scope& scope, config::Mark mark, std::string_view what) {
    scope.warning(mark, "shared-subject",
                  std::string(what) + " goes by claims.sub alone, which more than one party names here: each may name a subject of another",
                  "say whose it is, at each issuer: subject: \"{claims.iss}|{claims.sub}\"");
}

}  // namespace portico::gateway
