#include "policy/jwt/mint.h"

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>

#include "json/document.h"
#include "json/writer.h"
#include "base/base64url.h"
#include "policy/jwt/ecdsa_signature.h"
#include "policy/jwt/key_texts.h"

namespace portico::policy::jwt {
namespace {

const char* digest_name(Algorithm a) {
    return hash_bits(a) == 256 ? "SHA256" : hash_bits(a) == 384 ? "SHA384" : "SHA512";
}

bool is_pss(Algorithm a) {
    return a == Algorithm::ps256 || a == Algorithm::ps384 || a == Algorithm::ps512;
}

bool use_pss(EVP_PKEY_CTX* context) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

}  // namespace

Readable<SigningKey> SigningKey::from_secret(std::string_view secret) {
    if (secret.empty()) return std::unexpected("the secret is empty");
    SigningKey key;
    key.secret_ = secret;
    key.algorithms_ = kHmacAlgorithms;
    return key;
}

Readable<SigningKey> SigningKey::from_pem(std::string_view given) {
    const std::string pem = pem_in_lines(given);
    const evp::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    // An empty pass phrase, so that OpenSSL never asks the terminal for one.
    std::string none;
    SigningKey key;
    if (bio) key.private_.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, none.data()));
    ERR_clear_error();
    if (!key.private_) return std::unexpected("this is no private key in PEM");
    const auto algorithms = algorithms_of(key.private_.get());
    if (!algorithms) return std::unexpected(algorithms.error());
    key.algorithms_ = *algorithms;
    return key;
}

Readable<std::string> SigningKey::signature(Algorithm algorithm, std::string_view text) const {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    if (!private_) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
        unsigned size = 0;
        const evp::Digest digest(EVP_MD_fetch(nullptr, digest_name(algorithm), nullptr));
        HMAC(digest.get(), secret_.data(), static_cast<int>(secret_.size()), bytes, text.size(), mac.data(), &size);
        return std::string(reinterpret_cast<const char*>(mac.data()), size);
    }
    const evp::DigestContext context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* how = nullptr;
    const char* const digest = algorithm == Algorithm::eddsa ? nullptr : digest_name(algorithm);
    size_t size = static_cast<size_t>(EVP_PKEY_get_size(private_.get()));
    std::string made(size, '\0');
    if (EVP_DigestSignInit_ex(context.get(), &how, digest, nullptr, nullptr, private_.get(), nullptr) != 1 ||
        (is_pss(algorithm) && !use_pss(how)) ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(made.data()), &size, bytes, text.size()) != 1) {
        ERR_clear_error();
        return std::unexpected("the key cannot sign");
    }
    made.resize(size);
    if (algorithm == Algorithm::es256) return ecdsa_halves_from_der(made, 32);
    if (algorithm == Algorithm::es384) return ecdsa_halves_from_der(made, 48);
    if (algorithm == Algorithm::es512) return ecdsa_halves_from_der(made, 66);
    return made;
}

Readable<std::string> SigningKey::sign(Algorithm algorithm, std::string_view header, std::string_view payload) const {
    if (!algorithms_.has(algorithm)) return std::unexpected("the key cannot sign " + std::string(name_of(algorithm)));
    std::string token;
    append_base64url(token, header);
    token += '.';
    append_base64url(token, payload);
    const auto made = signature(algorithm, token);
    if (!made) return made;
    token += '.';
    append_base64url(token, *made);
    return token;
}

Readable<std::string> mint(const SigningKey& key, Algorithm algorithm, std::string_view claims, std::string_view key_id) {
    const auto document = json::Document::parse(claims);
    if (!document) return std::unexpected("the claims are no JSON: " + std::string(document.error().what()));
    if (!document->root().is_object()) return std::unexpected("the claims are no JSON object");
    std::string header;
    json::Writer writer(header);
    writer.begin_object().key("alg").value(name_of(algorithm)).key("typ").value("JWT");
    if (!key_id.empty()) writer.key("kid").value(key_id);
    writer.end_object();
    return key.sign(algorithm, header, claims);
}

}  // namespace portico::policy::jwt
