// Keys that verify tokens, and sets of them. What a key may verify is settled when it is made, by its type, its own `alg` and
// the place it came from, never by a token: an RSA or EC key holds no secret, so it can never be one for HMAC.
//
// Refused: RSA below 2048 or above 8192 bits, with an exponent that is even, 1 or above 32 bits, or with a modulus that bears
// the mark of CVE-2017-15361; points that are not on their curve; curves other than P-256, P-384, P-521 and Ed25519.
// Immutable and shared by all workers.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/jwt/algorithm.h"
#include "policy/jwt/evp.h"

namespace portico::policy::jwt {

// What is wrong with key material, for the operator.
template <class T>
using Readable = std::expected<T, std::string>;

class Key {
  public:
    // A shared secret for HS256, HS384 and HS512. Words about its length go to `notes` (RFC 7518 §3.2: as long as the hash).
    // An empty secret, and one that is a PEM text (a public key is no secret), are errors.
    static Readable<std::shared_ptr<const Key>> from_secret(std::string_view secret, std::vector<std::string>& notes);
    // `algorithms` must not hold more than the key's type can verify.
    static std::shared_ptr<const Key> from_public(evp::Pkey key, AlgorithmSet algorithms, std::string id, bool has_id);
    static std::shared_ptr<const Key> from_bytes(std::string secret, AlgorithmSet algorithms, std::string id, bool has_id);
    Key(const Key&) = delete;
    Key& operator=(const Key&) = delete;
    ~Key();

    AlgorithmSet algorithms() const { return algorithms_; }
    // Its `kid`; a key of the configuration may have none, and then verifies tokens whatever `kid` they name.
    const std::string& id() const { return id_; }
    bool has_id() const { return has_id_; }
    // nullptr for a secret.
    EVP_PKEY* public_key() const { return public_.get(); }
    // Empty for a public key.
    std::string_view secret() const { return secret_; }

  private:
    Key() = default;
    evp::Pkey public_;
    std::string secret_;
    AlgorithmSet algorithms_;
    std::string id_;
    bool has_id_ = false;
};

// What a public key can verify by its type, after the checks above.
Readable<AlgorithmSet> algorithms_of(EVP_PKEY* key);

// A key of a set that verifies nothing, and why: for the operator.
struct PassedOverKey {
    size_t place = 0;  // in its set, from 1
    std::string id;    // its `kid`; empty where it has none
    std::string why;   // such as "its curve is not supported"

    // Which it is: its `kid`, or "number 3".
    std::string name() const { return id.empty() ? "number " + std::to_string(place) : id; }
    bool operator==(const PassedOverKey&) const = default;
};

class KeySet {
  public:
    // Tokens are tried with so many keys at most, where their `kid` does not decide: as many as a PEM text may hold.
    static constexpr size_t kMaxCandidates = 16;

    KeySet() = default;
    explicit KeySet(std::vector<std::shared_ptr<const Key>> keys, std::vector<PassedOverKey> passed_over = {})
        : keys_(std::move(keys)), passed_over_(std::move(passed_over)) {}

    enum class Found : uint8_t { some, unknown_key, wrong_algorithm };
    struct Candidates {
        Found found = Found::unknown_key;
        std::vector<const std::shared_ptr<const Key>*> more{};
        const std::shared_ptr<const Key>* first = nullptr;
        bool left_out = false;  // there are further ones, beyond kMaxCandidates
    };
    // Keys for a token: those of its `kid`, or without one all; of these the ones that verify `algorithm`.
    Candidates candidates(std::string_view id, bool has_id, Algorithm algorithm) const;

    const std::vector<std::shared_ptr<const Key>>& keys() const { return keys_; }
    bool empty() const { return keys_.empty(); }
    // What tells this set from one of other keys, for the load alone: secrets as they are.
    std::string material() const;
    const std::vector<PassedOverKey>& passed_over() const { return passed_over_; }
    // The key that would have been a candidate for such a token if it could be used. @returns nullptr for none
    const PassedOverKey* passed_over_for(std::string_view id, bool has_id) const;

  private:
    std::vector<std::shared_ptr<const Key>> keys_;
    std::vector<PassedOverKey> passed_over_;
};

}  // namespace portico::policy::jwt
