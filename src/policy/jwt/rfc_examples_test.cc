// The examples of RFC 7515 appendix A, RFC 7519 and RFC 8037 appendix A, judged as bearer tokens.
#include <gtest/gtest.h>

#include "base/base64url.h"
#include "policy/jwt/judge.h"
#include "policy/jwt/key_texts.h"

namespace portico::policy::jwt {
namespace {

// RFC 7515 A.1 to A.3 and RFC 7519 §3.1 share these claims: iss "joe", exp 1300819380.
constexpr WallTime kBefore{std::chrono::seconds(1300819379)};
constexpr WallTime kOver{std::chrono::seconds(1300819380)};

Fault judged(std::string_view jwk, AlgorithmSet algorithms, const std::string& compact, WallTime now = kBefore) {
    const auto read = keys_from_json(jwk, KeyOrigin::configured);
    EXPECT_TRUE(read) << read.error();
    if (!read) return Fault::internal;
    VerifierContext context;
    const Judge judge(TokenRules{algorithms, {}, {.issuers = {"joe"}}});
    const auto verified = judge.judge(compact, *read, now, context);
    return verified ? Fault::cancelled : verified.error().fault;  // cancelled: none
}
constexpr Fault kGood = Fault::cancelled;

Result<> signature_of(std::string_view jwk, Algorithm algorithm, const std::string& compact) {
    const auto read = keys_from_json(jwk, KeyOrigin::configured);
    EXPECT_TRUE(read) << read.error();
    const auto token = take_apart(compact, TokenBounds{});
    EXPECT_TRUE(token);
    VerifierContext context;
    return context.verify(read->keys().at(0), algorithm, token->signed_text, token->signature_text);
}

const std::string kClaims = ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";

constexpr std::string_view kSecretJwk =
    R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})";
constexpr std::string_view kRsaJwk =
    R"({"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL)"
    R"(-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2)"
    R"(R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWy)"
    R"(uXpoQ","e":"AQAB"})";
constexpr std::string_view kEcJwk =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";

const std::string kA1 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" + kClaims + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const std::string kA2 =
    "eyJhbGciOiJSUzI1NiJ9" + kClaims +
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQj"
    "bKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZE"
    "Sc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const std::string kA3 =
    "eyJhbGciOiJFUzI1NiJ9" + kClaims + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

TEST(JwtRfc, the_HMAC_example_of_7515_A_1_and_7519_3_1_is_good_until_it_expires) {
    EXPECT_EQ(judged(kSecretJwk, {Algorithm::hs256}, kA1), kGood);
    EXPECT_EQ(judged(kSecretJwk, {Algorithm::hs256}, kA1, kOver), Fault::token_expired);
    EXPECT_EQ(judged(kSecretJwk, {Algorithm::rs256}, kA1), Fault::token_algorithm);
}

TEST(JwtRfc, the_RSA_example_of_7515_A_2_is_good) {
    EXPECT_EQ(judged(kRsaJwk, {Algorithm::rs256}, kA2), kGood);
    EXPECT_EQ(judged(kRsaJwk, {Algorithm::ps256}, kA2), Fault::token_algorithm);
}

TEST(JwtRfc, the_ECDSA_example_of_7515_A_3_is_good) {
    EXPECT_EQ(judged(kEcJwk, {Algorithm::es256}, kA3), kGood);
}

TEST(JwtRfc, a_signature_of_one_example_is_bad_for_the_others_key) {
    EXPECT_EQ(judged(kEcJwk, {Algorithm::es256, Algorithm::rs256}, kA2), Fault::token_algorithm);
    EXPECT_EQ(judged(kSecretJwk, {Algorithm::hs256}, kA3), Fault::token_algorithm);
}

// Its payload is the text "Payload", no claims.
TEST(JwtRfc, the_P_521_example_of_7515_A_4_verifies_and_is_no_bearer_token) {
    constexpr std::string_view kJwk =
        R"({"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",)"
        R"("y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"})";
    const std::string token =
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7Xdt"
        "AG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
    EXPECT_TRUE(signature_of(kJwk, Algorithm::es512, token));
    EXPECT_EQ(judged(kJwk, {Algorithm::es512}, token), Fault::token_malformed);
}

TEST(JwtRfc, the_unsecured_examples_of_7515_A_5_and_7519_6_1_are_refused) {
    EXPECT_EQ(judged(kSecretJwk, {Algorithm::hs256}, "eyJhbGciOiJub25lIn0" + kClaims), Fault::token_algorithm);
}

// RFC 8037 A.4 and A.5: the payload is text.
TEST(JwtRfc, the_Ed25519_example_of_8037_A_4_verifies) {
    constexpr std::string_view kJwk = R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
    const std::string token =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    EXPECT_TRUE(signature_of(kJwk, Algorithm::eddsa, token));
    EXPECT_EQ(judged(kJwk, {Algorithm::eddsa}, token), Fault::token_malformed);
}

TEST(JwtRfc, one_changed_letter_anywhere_is_refused) {
    for (size_t i = 0; i < kA1.size(); ++i) {
        std::string changed = kA1;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_NE(judged(kSecretJwk, {Algorithm::hs256}, changed), kGood) << i;
    }
}

TEST(JwtRfc, every_beginning_of_a_token_is_refused) {
    for (size_t n = 0; n < kA3.size(); ++n) EXPECT_NE(judged(kEcJwk, {Algorithm::es256}, kA3.substr(0, n)), kGood) << n;
}

}  // namespace
}  // namespace portico::policy::jwt
