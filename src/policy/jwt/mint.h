// Tokens made: for `portico token`, the demo and tests. Not on any request's path.
#pragma once

#include <string>
#include <string_view>

#include "policy/jwt/algorithm.h"
#include "policy/jwt/evp.h"
#include "policy/jwt/keys.h"

namespace portico::policy::jwt {

class SigningKey {
  public:
    static Readable<SigningKey> from_secret(std::string_view secret);
    // A private key of RSA, EC or Ed25519, unencrypted.
    static Readable<SigningKey> from_pem(std::string_view pem);

    // What it can sign.
    AlgorithmSet algorithms() const { return algorithms_; }
    // The compact token of `payload` (any bytes; JSON for a JWT) under `header` (a JSON object whose `alg` is `algorithm`).
    Readable<std::string> sign(Algorithm algorithm, std::string_view header, std::string_view payload) const;

  private:
    Readable<std::string> signature(Algorithm algorithm, std::string_view text) const;

    std::string secret_;
    evp::Pkey private_;
    AlgorithmSet algorithms_;
};

// A JWT: header `alg`, `typ` and, where one is given, `kid`; `claims` must be a JSON object.
Readable<std::string> mint(const SigningKey& key, Algorithm algorithm, std::string_view claims, std::string_view key_id = {});

}  // namespace portico::policy::jwt
