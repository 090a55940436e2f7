// A token judged: taken apart, its claims against the rules, then its signature. What costs little comes first, so that an
// expired token or one of another issuer costs no signature. Immutable; a Judge is used by every worker at once, each with
// a VerifierContext of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/claim_headers.h"
#include "policy/jwt/claims.h"
#include "policy/jwt/keys.h"
#include "policy/jwt/token.h"
#include "policy/jwt/verifier.h"

namespace portico::policy::jwt {

struct TokenRules {
    AlgorithmSet algorithms;  // of the configuration; a key can only narrow them
    TokenBounds token;
    ClaimRules claims;
};

// A token whose claims can be read and must not be believed yet. It points into the text that it was made from.
struct OpenToken {
    Token token;
    json::Document claims;

    // `iss`, for choosing among several issuers; empty if it is none.
    std::string_view issuer() const { return claims.root().find("iss").string(); }
};

struct VerifiedToken {
    std::string compact;
    json::Document claims;
    WallTime valid_until;  // refused from then on, whatever was judged before
    std::string key_id;    // of the key that verified it; "" where it has none
    Algorithm algorithm{};
    std::optional<gateway::ClaimHeaders::Rendered> headers;  // of the policy that keeps it
};

// @errors token_malformed
Result<OpenToken> open_token(std::string_view compact, const TokenBounds& bounds);

class Judge {
  public:
    explicit Judge(TokenRules rules) : rules_(std::move(rules)) {}

    const TokenRules& rules() const { return rules_; }

    // @errors every token_* fault. token_key_unknown only where nothing else is wrong that can be seen without the key: its
    // issuer may have a new key, and the token is worth judging again once the keys were fetched.
    Result<std::shared_ptr<VerifiedToken>> judge(const OpenToken& token, const KeySet& keys, WallTime now, VerifierContext& context) const;
    Result<std::shared_ptr<VerifiedToken>> judge(std::string_view compact, const KeySet& keys, WallTime now, VerifierContext& context) const;

  private:
    // @returns the key that verified it
    Result<const Key*> find_signer(const Token& token, Algorithm algorithm, const KeySet& keys, VerifierContext& context) const;

    TokenRules rules_;
};

}  // namespace portico::policy::jwt
