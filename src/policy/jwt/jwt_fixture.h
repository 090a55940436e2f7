// Keys made for a test's run, and their texts. For this folder's tests, fuzzers and benchmarks.
#pragma once

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <string>
#include <string_view>

#include "base/base64url.h"
#include "policy/jwt/evp.h"
#include "policy/jwt/keys.h"

namespace portico::policy::jwt {

inline evp::Pkey make_rsa_key(unsigned bits = 2048) {
    return evp::Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{bits}));
}
inline evp::Pkey make_ec_key(const char* curve = "P-256") {
    return evp::Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
}
inline evp::Pkey make_ed25519_key() {
    return evp::Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

inline std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<size_t>(size)};
}
inline std::string private_pem(EVP_PKEY* key) {
    const evp::Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(bio.get());
}
inline std::string public_pem(EVP_PKEY* key) {
    const evp::Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PUBKEY(bio.get(), key);
    return text_of(bio.get());
}

inline std::string base64url(std::string_view bytes) {
    std::string text;
    append_base64url(text, bytes);
    return text;
}
// A number of the key in base64url, filled up to `size` bytes.
inline std::string number_text(EVP_PKEY* key, const char* name, int size = 0) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    const evp::Number owned(number);
    std::string bytes(static_cast<size_t>(size > 0 ? size : BN_num_bytes(number)), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    return base64url(bytes);
}

// JWKs; `more` is added as it stands, such as R"(,"alg":"RS256")".
inline std::string rsa_jwk(EVP_PKEY* key, std::string_view kid, std::string_view more = "") {
    return R"({"kty":"RSA","kid":")" + std::string(kid) + R"(","n":")" + number_text(key, OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
           number_text(key, OSSL_PKEY_PARAM_RSA_E) + "\"" + std::string(more) + "}";
}
inline std::string ec_jwk(EVP_PKEY* key, std::string_view kid, std::string_view more = "", std::string_view curve = "P-256", int size = 32) {
    return R"({"kty":"EC","crv":")" + std::string(curve) + R"(","kid":")" + std::string(kid) + R"(","x":")" +
           number_text(key, OSSL_PKEY_PARAM_EC_PUB_X, size) + R"(","y":")" + number_text(key, OSSL_PKEY_PARAM_EC_PUB_Y, size) + "\"" +
           std::string(more) + "}";
}
inline std::string ed25519_jwk(EVP_PKEY* key, std::string_view kid, std::string_view more = "") {
    std::string raw(32, '\0');
    size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size);
    return R"({"kty":"OKP","crv":"Ed25519","kid":")" + std::string(kid) + R"(","x":")" + base64url(raw) + "\"" + std::string(more) + "}";
}
inline std::string oct_jwk(std::string_view secret, std::string_view kid, std::string_view more = "") {
    return R"({"kty":"oct","kid":")" + std::string(kid) + R"(","k":")" + base64url(secret) + "\"" + std::string(more) + "}";
}

}  // namespace portico::policy::jwt
