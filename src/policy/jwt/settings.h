// The settings of the policy `jwt`, read and judged. What stands for one issuer stands at the top where there is only one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/claim_headers.h"
#include "gateway/policy.h"
#include "io/tls_client.h"
#include "policy/jwt/judge.h"

namespace portico::policy::jwt {

// Keys that are fetched: a JWKS, or the one that an OIDC issuer's document names.
struct RemoteKeySettings {
    bool discovery = false;    // `url` is the issuer's
    // The URL for people: without its query, which may hold a secret.
    std::string shown() const { return url.substr(0, url.find('?')); }
    std::string url;           // http(s)://…; of a service: its name and path, for messages
    int32_t service = -1;      // in place of the URL's host
    std::string path;          // asked of the service
    std::string endpoints;     // of the service: where it is and whom to believe there, for identity()
    std::string ca;            // PEM; empty: the system's
    std::string issuer;        // that a discovered document must name
    Duration timeout = std::chrono::seconds(5);
    Duration cooldown = std::chrono::seconds(30);   // between two fetches for keys that are not known
    Duration refresh = std::chrono::minutes(15);    // where the answer does not say how long it holds
    Duration stale = kForever;                      // how long keys serve after their last good fetch
    std::shared_ptr<const io::TlsClient> tls;       // that believes `ca`

    // What tells two sources apart: where the keys are, whom to believe, and how long they serve. Of a service its endpoints count,
    // beside its name.
    std::string identity() const;
};

struct IssuerSettings {
    TokenRules rules;
    KeySet fixed;                               // of the configuration; or:
    std::optional<RemoteKeySettings> remote;

    // Who he is, and what his subjects may be.
    gateway::SubjectParty party() const;
};

// Where a token may stand.
struct TokenPlace {
    enum class Kind : uint8_t { authorization, header, cookie, query } kind = Kind::authorization;
    std::string name;
};

struct RevocationSettings {
    int32_t store = -1;  // in Snapshot::stores; -1: only the lists below
    bool allow_on_failure = false;
    std::vector<std::string> tokens;    // by `jti`
    std::vector<std::string> subjects;  // by `sub`
};

struct Settings {
    std::vector<IssuerSettings> issuers;
    std::vector<TokenPlace> from;
    gateway::ClaimHeaders headers;
    std::optional<RevocationSettings> revocation;
    bool optional = false;
    bool forward_token = false;
    Padding padding = Padding::refuse;
};

// @returns none exactly when there was an error
std::optional<Settings> read_settings(const gateway::PolicySettings& from, config::FaultList& faults);
config::ObjectText describe_settings();

}  // namespace portico::policy::jwt
