// `subject` of an issuer: what `claims.sub` becomes, made of the claims of its token, so that two issuers cannot name one subject. Immutable, used by
// every worker.
#pragma once

#include <optional>

#include "base/result.h"
#include "config/schema.h"
#include "gateway/templates/template_string.h"
#include "json/document.h"

namespace portico::policy::jwt {

class SubjectRule {
  public:
    // A template string that names claims and nothing else. @returns none after a fault
    static std::optional<SubjectRule> read(const config::Scope& scope, const config::Node& node);

    // What each subject of that issuer begins with, whatever else the token says; empty: nothing.
    // @param issuer  what `iss` is; empty: not known
    std::string beginning(std::string_view issuer) const;
    // Whether `iss` stands behind that, too.
    bool names_issuer_later() const;
    // @returns the claims with that `sub` @errors token_claim where a claim that it names is no text, number or boolean, or is empty
    Result<json::Document> apply(const json::Document& claims) const;

  private:
    explicit SubjectRule(gateway::Template text) : text_(std::move(text)) {}
    gateway::Template text_;
};

}  // namespace portico::policy::jwt
