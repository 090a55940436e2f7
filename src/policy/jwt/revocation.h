// Tokens that are refused before they expire: by their `jti`, or by their `sub`. Lists stand in the configuration, or in a store
// that several gateways share. Immutable, used by every worker.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "base/error.h"
#include "gateway/policy.h"
#include "policy/jwt/settings.h"

namespace portico::policy::jwt {

class Revocation {
  public:
    explicit Revocation(RevocationSettings settings);

    // Whether the configuration's lists name it. A number counts by its text. @returns the refusal: also for a `jti` or `sub` of a type
    // that nobody could list (token_claim)
    std::optional<Error> listed(const json::Document& claims) const;
    bool asks_store() const { return store_ >= 0; }
    // Whether a subject's entry in the store revokes a token with these claims.
    static bool revokes(std::string_view entry, const json::Document& claims);
    // Asks the store for `portico:revoked:jti:ID` and `portico:revoked:sub:SUBJECT`. The first refuses whatever it holds. The
    // second refuses tokens issued at or before the moment that it holds (seconds since 1970), or all of them where it holds no
    // number, or one beyond what a clock can tell. A store out of reach refuses (503), or lets pass where the configuration says so.
    io::Task<gateway::Verdict> ask(gateway::Exchange& x, const gateway::Policy& policy) const;

  private:
    std::unordered_set<std::string> tokens_, subjects_;
    int32_t store_;
    bool allow_on_failure_;
};

}  // namespace portico::policy::jwt
