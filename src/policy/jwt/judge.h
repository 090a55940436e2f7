// A token judged: taken apart, its claims against the rules, then its signature. What costs little comes first, so that an
// expired token or one of another issuer costs no signature; the two halves may be had one by one. Immutable; a Judge is used by every worker at once, each with
// a VerifierContext of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/claim_headers.h"
#include "policy/jwt/claims.h"
#include "policy/jwt/keys.h"
#include "policy/jwt/subject.h"
#include "policy/jwt/token.h"
#include "policy/jwt/verifier.h"

namespace portico::policy::jwt {

struct TokenRules {
    AlgorithmSet algorithms;  // of the configuration; a key can only narrow them
    TokenBounds token;
    ClaimRules claims;
    std::optional<SubjectRule> subject{};  // what `sub` becomes once the token is verified
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

// A token of which nothing is left to judge but the signature. It points into the keys.
struct CheckedToken {
    Algorithm algorithm{};
    WallTime valid_until;
    KeySet::Candidates candidates;

    // Whether its signature takes long: one of a public key tens of microseconds, an HMAC one or two (some 10 for the
    // longest token), unless many secrets may have made it.
    bool costly() const { return !kHmacAlgorithms.has(algorithm) || candidates.more.size() >= kFewSecrets; }

  private:
    static constexpr size_t kFewSecrets = 4;
};

// @errors token_malformed
Result<OpenToken> open_token(std::string_view compact, const TokenBounds& bounds);

class Judge {
  public:
    explicit Judge(TokenRules rules) : rules_(std::move(rules)) {}

    const TokenRules& rules() const { return rules_; }

    // @errors every token_* fault. token_key_unknown only where nothing else is wrong that can be seen without the key: its
    // issuer may have a new key, and the token is worth judging again once the keys were fetched.
    Result<std::shared_ptr<VerifiedToken>> judge(std::string_view compact, const KeySet& keys, WallTime now, VerifierContext& context) const;
    Result<std::shared_ptr<VerifiedToken>> judge(const OpenToken& token, const KeySet& keys, WallTime now, VerifierContext& context) const;
    // The same in two: all but the signature.
    Result<CheckedToken> check(const OpenToken& token, const KeySet& keys, WallTime now) const;
    // Whether that refusal of check() says that the token's key is there and is one of another algorithm, which is allowed too: its
    // issuer may have a new key under the old one's name.
    bool is_for_another_key(const OpenToken& token, const Error& refusal) const;
    // And the signature, and what `sub` becomes.
    // @param tried  so many of its keys have not signed it, as was found before; more of them afterwards
    // @param may_go_on  asked before each further key: false ends it there
    // @returns nullptr where it was ended, and keys are left to try  @errors token_signature, token_malformed, token_claim
    Result<std::shared_ptr<VerifiedToken>> verify(const OpenToken& token, const CheckedToken& checked, VerifierContext& context, size_t& tried,
                                                  const std::function<bool()>& may_go_on) const;

  private:
    TokenRules rules_;
};

}  // namespace portico::policy::jwt
