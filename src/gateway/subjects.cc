#include "gateway/subjects.h"

#include <string>

namespace portico::gateway {

bool is_subject(const ClaimPath& claim) { return claim.names().size() == 1 && claim.names().front() == "sub"; }

bool is_subject(const Template& text) { return text.is_single() && text.parts().front().claim && is_subject(*text.parts().front().claim); }

void warn_of_shared_subject(const config::Scope& scope, config::Mark mark, std::string_view what) {
    scope.warning(mark, "shared-subject",
                  std::string(what) + " goes by claims.sub alone, which more than one party names here: each may name a subject of another",
                  "say whose it is, at each issuer or at all but one: subject: \"{claims.iss}|{claims.sub}\"");
}

}  // namespace portico::gateway
