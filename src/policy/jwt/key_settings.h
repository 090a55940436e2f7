// The keys of one issuer in the settings. Private to this folder.
#pragma once

#include "config/schema.h"
#include "policy/jwt/settings.h"

namespace portico::policy::jwt {

struct IssuerDraft {
    explicit IssuerDraft(gateway::PolicyBuild& b) : build(b) {}
    gateway::PolicyBuild& build;
    IssuerSettings issuer;
    std::vector<std::shared_ptr<const Key>> keys;
    std::vector<PassedOverKey> passed_over;  // beside them
    unsigned key_kinds = 0;  // how many of secret, public_key, keys, jwks, oidc stand there
    // Written, whatever it says: what stands at the top then does not hold here.
    bool leeway_written = false, max_age_written = false;
    config::Mark mark;
    config::Mark algorithms_mark;
};

void read_secret_key(const config::Scope& scope, const config::Node& node, IssuerDraft& into);
void read_public_key(const config::Scope& scope, const config::Node& node, IssuerDraft& into);
void read_json_keys(const config::Scope& scope, const config::Node& node, IssuerDraft& into);
// `jwks` or, with `discovery`, `oidc`.
void read_remote_keys(const config::Scope& scope, const config::Node& node, IssuerDraft& into, bool discovery);
// Judges what only the whole tells: exactly one kind of keys, and keys that can verify one of the algorithms.
void finish_issuer(const config::Scope& scope, IssuerDraft& into);

}  // namespace portico::policy::jwt
