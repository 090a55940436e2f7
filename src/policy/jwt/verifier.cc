#include "policy/jwt/verifier.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <span>

#include "base/check.h"
#include "base/base64url.h"
#include "policy/jwt/ecdsa_signature.h"

namespace portico::policy::jwt {
namespace {

constexpr size_t kMaxSignature = 1024;  // RSA of 8192 bits
constexpr std::array<const char*, 3> kDigestNames = {"SHA256", "SHA384", "SHA512"};

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

bool is_pss(Algorithm a) {
    return a == Algorithm::ps256 || a == Algorithm::ps384 || a == Algorithm::ps512;
}

bool is_rsa(Algorithm a) {
    return kRsaAlgorithms.has(a);
}

// Bytes of r and of s.
size_t half_size(Algorithm a) {
    return a == Algorithm::es256 ? 32 : a == Algorithm::es384 ? 48 : 66;
}

}  // namespace

VerifierContext::VerifierContext() : hmac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)), hashing_(EVP_MD_CTX_new()) {
    PORTICO_CHECK(hmac_ && hashing_);
    for (size_t i = 0; i < digests_.size(); ++i) {
        digests_[i].reset(EVP_MD_fetch(nullptr, kDigestNames[i], nullptr));
        PORTICO_CHECK(digests_[i]);
    }
}

Result<> VerifierContext::verify(const std::shared_ptr<const Key>& key, Algorithm algorithm, std::string_view signed_text,
                                 std::string_view signature_text) {
    PORTICO_CHECK(key->algorithms().has(algorithm));
    std::array<uint8_t, kMaxSignature> decoded;
    const size_t size = base64url_decoded_size(signature_text.size());
    if (size == 0) return fail(Fault::token_malformed, "signature: empty");
    if (size > decoded.size() || !base64url_decode(signature_text, decoded)) {
        return fail(Fault::token_malformed, "signature: not base64url, or too long");
    }
    Slot* const slot = slot_for(key, algorithm);
    if (slot == nullptr) return fail(Fault::token_signature, "the key cannot be used");
    if (!check(*slot, signed_text, {reinterpret_cast<const char*>(decoded.data()), size})) {
        ERR_clear_error();
        return fail(Fault::token_signature);
    }
    return {};
}

VerifierContext::Slot* VerifierContext::slot_for(const std::shared_ptr<const Key>& key, Algorithm algorithm) {
    const auto place = reinterpret_cast<uintptr_t>(key.get()) / 64 * 16 + static_cast<uintptr_t>(algorithm);
    Slot& slot = slots_[(place * 0x9E3779B97F4A7C15) >> 58];
    static_assert(kSlots == size_t{1} << 6);
    if (slot.key == key && slot.algorithm == algorithm) return &slot;
    slot = Slot{key, algorithm, nullptr, nullptr};
    if (set_up(slot)) return &slot;
    slot = Slot{};
    ERR_clear_error();
    return nullptr;
}

bool VerifierContext::set_up(Slot& slot) const {
    const Algorithm algorithm = slot.algorithm;
    if (kHmacAlgorithms.has(algorithm)) {
        slot.mac.reset(EVP_MAC_CTX_new(hmac_.get()));
        std::string name(kDigestNames[hash_bits(algorithm) / 128 - 2]);
        const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), name.size()),
                                     OSSL_PARAM_construct_end()};
        const std::string_view secret = slot.key->secret();
        return slot.mac && EVP_MAC_init(slot.mac.get(), bytes(secret), secret.size(), params) == 1;
    }
    if (algorithm == Algorithm::eddsa) return true;
    slot.pkey.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, slot.key->public_key(), nullptr));
    EVP_PKEY_CTX* const context = slot.pkey.get();
    if (context == nullptr || EVP_PKEY_verify_init(context) != 1) return false;
    if (EVP_PKEY_CTX_set_signature_md(context, digest(algorithm)) != 1) return false;
    if (!is_rsa(algorithm)) return true;
    if (EVP_PKEY_CTX_set_rsa_padding(context, is_pss(algorithm) ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1) return false;
    if (!is_pss(algorithm)) return true;
    return EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest(algorithm)) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool VerifierContext::check(Slot& slot, Bytes text, Bytes signature) {
    if (slot.mac) return check_mac(slot, text, signature);
    if (slot.algorithm == Algorithm::eddsa) return check_ed25519(slot, text, signature);
    return check_hashed(slot, text, signature);
}

bool VerifierContext::check_mac(Slot& slot, Bytes text, Bytes signature) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
    size_t size = 0;
    EVP_MAC_CTX* const context = slot.mac.get();
    // Without a key: begins again with the one that it has.
    if (EVP_MAC_init(context, nullptr, 0, nullptr) != 1 || EVP_MAC_update(context, bytes(text), text.size()) != 1 ||
        EVP_MAC_final(context, mac.data(), &size, mac.size()) != 1) {
        return false;
    }
    return size == signature.size() && CRYPTO_memcmp(mac.data(), signature.data(), size) == 0;
}

bool VerifierContext::check_hashed(Slot& slot, Bytes text, Bytes signature) {
    std::array<uint8_t, kMaxEcdsaDer> der;
    if (is_rsa(slot.algorithm)) {
        if (signature.size() != static_cast<size_t>(EVP_PKEY_get_size(slot.key->public_key()))) return false;
    } else {
        const size_t size = ecdsa_der_from_halves(signature, half_size(slot.algorithm), der);
        if (size == 0) return false;
        signature = {reinterpret_cast<const char*>(der.data()), size};
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
    unsigned hash_size = 0;
    if (EVP_DigestInit_ex2(hashing_.get(), digest(slot.algorithm), nullptr) != 1 ||
        EVP_DigestUpdate(hashing_.get(), text.data(), text.size()) != 1 ||
        EVP_DigestFinal_ex(hashing_.get(), hash.data(), &hash_size) != 1) {
        return false;
    }
    return EVP_PKEY_verify(slot.pkey.get(), bytes(signature), signature.size(), hash.data(), hash_size) == 1;
}

// A context of its own each time: beside 100 µs of curve arithmetic that costs nothing.
bool VerifierContext::check_ed25519(const Slot& slot, Bytes text, Bytes signature) {
    if (signature.size() != 64) return false;
    const evp::DigestContext context(EVP_MD_CTX_new());
    return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, slot.key->public_key()) == 1 &&
           EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text), text.size()) == 1;
}

}  // namespace portico::policy::jwt
