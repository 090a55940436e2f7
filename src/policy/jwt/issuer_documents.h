// What an issuer publishes about itself, and how long an answer of its may be kept. Pure: the fetching is elsewhere.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "policy/jwt/keys.h"

namespace portico::policy::jwt {

enum class KeyTransport : uint8_t { https, http_allowed };

struct Discovery {
    std::string keys_url;    // jwks_uri
    AlgorithmSet algorithms;  // of id_token_signing_alg_values_supported, those that we know; a hint for the operator only
};

// The document at `<issuer>/.well-known/openid-configuration`. Its `issuer` must be the configured one, byte for byte, and
// its `jwks_uri` an absolute URL over HTTPS, unless plain HTTP was allowed.
// @spec OpenID Connect Discovery 1.0 §3, §4.3; RFC 8414 §3.3
Readable<Discovery> read_discovery(std::string_view text, std::string_view issuer, KeyTransport transport);

// Where the document of an issuer stands: without a last slash, the path appended.
std::string discovery_url(std::string_view issuer);

// Header fields of an answer; empty where it had none.
struct FreshnessFields {
    std::string_view cache_control{};
    std::string_view age{};
    std::string_view date{};
    std::string_view expires{};
};
struct FreshnessBounds {
    Duration least;     // also for what says that it must not be kept
    Duration most;
    Duration otherwise;  // for what says nothing
};

// How long from now an answer is fresh. A `Cache-Control` or `Expires` that cannot be read means the least.
// @spec RFC 9111 §4.2.1 (for a private cache: s-maxage is not ours), §4.2.3; dates as IMF-fixdate
Duration freshness(const FreshnessFields& fields, const FreshnessBounds& bounds);

}  // namespace portico::policy::jwt
