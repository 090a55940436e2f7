#include "policy/jwt/keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <array>

#include "base/check.h"

namespace portico::policy::jwt {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;
constexpr int kMaxExponentBits = 32;

evp::Number number_of(EVP_PKEY* key, const char* name) {
    BIGNUM* n = nullptr;
    EVP_PKEY_get_bn_param(key, name, &n);
    return evp::Number(n);
}

// CVE-2017-15361: such a modulus is, modulo every small prime, a power of 65537. By chance that holds once in 2^27 or less.
bool has_weak_primes(const BIGNUM* modulus) {
    constexpr unsigned kPrimes[] = {3,  5,  7,  11, 13, 17, 19, 23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
                                    73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    for (const unsigned prime : kPrimes) {
        const auto rest = static_cast<unsigned>(BN_mod_word(modulus, prime));
        unsigned power = 1;
        bool is_power = false;
        do {
            is_power |= power == rest;
            power = power * 65537 % prime;
        } while (power != 1 && power != 0);
        if (!is_power) return false;
    }
    return true;
}

Readable<AlgorithmSet> algorithms_of_rsa(EVP_PKEY* key) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kMinRsaBits) return std::unexpected("the RSA key has " + std::to_string(bits) + " bits; 2048 are the least");
    if (bits > kMaxRsaBits) return std::unexpected("the RSA key has " + std::to_string(bits) + " bits; 8192 are the most");
    const evp::Number modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
    const evp::Number exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
    if (!modulus || !exponent || BN_is_odd(modulus.get()) == 0) return std::unexpected("the RSA key's modulus is even");
    if (BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get()) != 0 || BN_num_bits(exponent.get()) > kMaxExponentBits) {
        return std::unexpected("the RSA key's exponent must be odd, above 1 and of at most 32 bits");
    }
    if (has_weak_primes(modulus.get())) return std::unexpected("the RSA key was made by a broken generator (CVE-2017-15361)");
    return kRsaAlgorithms;
}

Readable<AlgorithmSet> algorithms_of_curve(EVP_PKEY* key) {
    std::array<char, 64> name{};
    size_t size = 0;
    if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return std::unexpected("the EC key names no curve");
    const std::string_view curve(name.data(), size);
    AlgorithmSet algorithms;
    if (curve == "prime256v1" || curve == "P-256") algorithms.add(Algorithm::es256);
    if (curve == "secp384r1" || curve == "P-384") algorithms.add(Algorithm::es384);
    if (curve == "secp521r1" || curve == "P-521") algorithms.add(Algorithm::es512);
    if (algorithms.empty()) return std::unexpected("the curve " + std::string(curve) + " is not supported");
    const evp::PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!context || EVP_PKEY_public_check(context.get()) != 1) return std::unexpected("the point is not on its curve");
    return algorithms;
}

}  // namespace

Readable<AlgorithmSet> algorithms_of(EVP_PKEY* key) {
    auto algorithms = [&]() -> Readable<AlgorithmSet> {
        switch (EVP_PKEY_get_base_id(key)) {
            case EVP_PKEY_RSA: return algorithms_of_rsa(key);
            case EVP_PKEY_EC: return algorithms_of_curve(key);
            case EVP_PKEY_ED25519: return AlgorithmSet{Algorithm::eddsa};
            default: return std::unexpected("the type of key is not supported: RSA, EC and Ed25519 are");
        }
    }();
    ERR_clear_error();
    return algorithms;
}

Readable<std::shared_ptr<const Key>> Key::from_secret(std::string_view secret, std::vector<std::string>& notes) {
    if (secret.empty()) return std::unexpected("the secret is empty");
    if (secret.find("-----BEGIN ") != std::string_view::npos) {
        return std::unexpected("this is a PEM text, no shared secret: public_key takes it");
    }
    if (secret.size() < 32) {
        notes.push_back("the secret has " + std::to_string(secret.size()) +
                        " bytes: one shorter than the hash (32 for HS256) can be guessed offline from any token (RFC 7518 §3.2)");
    }
    return from_bytes(std::string(secret), kHmacAlgorithms, "", false);
}

std::shared_ptr<const Key> Key::from_public(evp::Pkey key, AlgorithmSet algorithms, std::string id, bool has_id) {
    PORTICO_CHECK(key != nullptr && (algorithms & kHmacAlgorithms).empty());
    const std::shared_ptr<Key> made(new Key);
    made->public_ = std::move(key);
    made->algorithms_ = algorithms;
    made->id_ = std::move(id);
    made->has_id_ = has_id;
    return made;
}

std::shared_ptr<const Key> Key::from_bytes(std::string secret, AlgorithmSet algorithms, std::string id, bool has_id) {
    PORTICO_CHECK(!secret.empty() && (algorithms & kHmacAlgorithms) == algorithms);
    const std::shared_ptr<Key> made(new Key);
    made->secret_ = std::move(secret);
    made->algorithms_ = algorithms;
    made->id_ = std::move(id);
    made->has_id_ = has_id;
    return made;
}

Key::~Key() {
    OPENSSL_cleanse(secret_.data(), secret_.size());
}

KeySet::Candidates KeySet::candidates(std::string_view id, bool has_id, Algorithm algorithm) const {
    Candidates result;
    size_t count = 0;
    for (const auto& key : keys_) {
        if (has_id && key->has_id() && key->id() != id) continue;
        if (!key->algorithms().has(algorithm)) {
            // A key without an id says nothing about one that the token names: that one may be new.
            const bool named = !has_id || key->has_id();
            if (named && result.found == Found::unknown_key) result.found = Found::wrong_algorithm;
            continue;
        }
        if (count == kMaxCandidates) {
            result.left_out = true;
            break;
        }
        result.found = Found::some;
        if (count++ == 0) {
            result.first = &key;
        } else {
            result.more.push_back(&key);
        }
    }
    return result;
}

std::string KeySet::material() const {
    std::string text;
    for (const auto& key : keys_) {
        unsigned char* der = nullptr;
        const int size = key->public_key() == nullptr ? 0 : i2d_PUBKEY(key->public_key(), &der);
        if (size > 0) text.append(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
        OPENSSL_free(der);
        text.append(key->secret()).append("\n");
    }
    return text;
}

const PassedOverKey* KeySet::passed_over_for(std::string_view id, bool has_id) const {
    const PassedOverKey* nameless = nullptr;
    for (const PassedOverKey& key : passed_over_) {
        if (!has_id || key.id == id) return &key;
        if (key.id.empty() && nameless == nullptr) nameless = &key;
    }
    return nameless;
}

}  // namespace portico::policy::jwt
