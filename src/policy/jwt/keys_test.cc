#include "policy/jwt/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "policy/jwt/jwt_fixture.h"
#include "policy/jwt/key_texts.h"

namespace portico::policy::jwt {
namespace {

using testing::HasSubstr;

const evp::Pkey& rsa() {
    static const evp::Pkey kKey = make_rsa_key();
    return kKey;
}
const evp::Pkey& ec() {
    static const evp::Pkey kKey = make_ec_key();
    return kKey;
}
const evp::Pkey& ed() {
    static const evp::Pkey kKey = make_ed25519_key();
    return kKey;
}
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

std::string set_of(std::initializer_list<std::string> keys) {
    std::string text = R"({"keys":[)";
    for (const std::string& key : keys) text += (text.back() == '[' ? "" : ",") + key;
    return text + "]}";
}
KeySet read(const std::string& text, KeyOrigin origin = KeyOrigin::published) {
    auto keys = keys_from_json(text, origin);
    EXPECT_TRUE(keys) << keys.error();
    return keys ? *std::move(keys) : KeySet();
}
std::string refusal(const std::string& text, KeyOrigin origin = KeyOrigin::published) {
    const auto keys = keys_from_json(text, origin);
    EXPECT_FALSE(keys);
    return keys ? "" : keys.error();
}

TEST(JwtKeys, a_key_verifies_what_its_type_can) {
    const KeySet keys = read(set_of({rsa_jwk(rsa().get(), "r"), ec_jwk(ec().get(), "e"), ed25519_jwk(ed().get(), "d"),
                                     rsa_jwk(rsa().get(), "p", R"(,"alg":"PS384","use":"sig","key_ops":["verify"])")}));
    ASSERT_EQ(keys.keys().size(), 4U);
    EXPECT_EQ(keys.keys()[0]->algorithms(), kRsaAlgorithms);
    EXPECT_EQ(keys.keys()[1]->algorithms(), AlgorithmSet{Algorithm::es256});
    EXPECT_EQ(keys.keys()[2]->algorithms(), AlgorithmSet{Algorithm::eddsa});
    EXPECT_EQ(keys.keys()[3]->algorithms(), AlgorithmSet{Algorithm::ps384});
    for (const auto& key : keys.keys()) EXPECT_TRUE(key->secret().empty());
}

TEST(JwtKeys, the_other_curves_are_read) {
    const evp::Pkey p384 = make_ec_key("P-384");
    const evp::Pkey p521 = make_ec_key("P-521");
    const KeySet keys = read(set_of({ec_jwk(p384.get(), "a", "", "P-384", 48), ec_jwk(p521.get(), "b", "", "P-521", 66)}));
    ASSERT_EQ(keys.keys().size(), 2U);
    EXPECT_EQ(keys.keys()[0]->algorithms(), AlgorithmSet{Algorithm::es384});
    EXPECT_EQ(keys.keys()[1]->algorithms(), AlgorithmSet{Algorithm::es512});
}

TEST(JwtKeys, what_is_not_known_or_not_for_us_is_passed_over_with_a_note) {
    const std::string good = rsa_jwk(rsa().get(), "good");
    const std::string cases[] = {
        R"({"kty":"XYZ","kid":"x"})",
        R"({"kty":"EC","crv":"secp256k1","kid":"x","x":"AA","y":"AA"})",
        R"({"kty":"OKP","crv":"X25519","kid":"x","x":"AA"})",
        rsa_jwk(rsa().get(), "x", R"(,"use":"enc")"),
        rsa_jwk(rsa().get(), "x", R"(,"key_ops":["encrypt"])"),
        rsa_jwk(rsa().get(), "x", R"(,"key_ops":"verify")"),
        rsa_jwk(rsa().get(), "x", R"(,"alg":"ES256")"),
        rsa_jwk(rsa().get(), "x", R"(,"alg":"HS256")"),
        rsa_jwk(rsa().get(), "x", R"(,"alg":7)"),
        ec_jwk(ec().get(), "x", "", "P-384"),
        ec_jwk(ec().get(), "x", "", "P-256", 33),
        R"({"kty":"RSA","kid":"x","n":"AQAB"})",
        R"({"kty":"RSA","kid":7,"n":"AQAB","e":"AQAB"})",
        R"({"kty":"OKP","crv":"Ed25519","kid":"x","x":"AAAA"})",
        oct_jwk(kSecret, "x"),
        "[]",
        "null",
    };
    for (const std::string& bad : cases) {
        const KeySet keys = read(set_of({bad, good}));
        EXPECT_EQ(keys.keys().size(), 1U) << bad;
        ASSERT_EQ(keys.passed_over().size(), 1U) << bad;
        EXPECT_EQ(keys.passed_over()[0].place, 1U);
    }
}

TEST(JwtKeys, T9_the_alg_Ed25519_of_a_key_is_EdDSA) {
    EXPECT_EQ(read(ed25519_jwk(ed().get(), "d", R"(,"alg":"Ed25519")")).keys().at(0)->algorithms(), AlgorithmSet{Algorithm::eddsa});
    EXPECT_THAT(refusal(ed25519_jwk(ed().get(), "d", R"(,"alg":"Ed448")")), HasSubstr("its alg"));
    EXPECT_THAT(refusal(ec_jwk(ec().get(), "d", R"(,"alg":"Ed25519")")), HasSubstr("its alg"));
}

// As libraries write them that serialise an object's every field, or use the base64url of another standard.
TEST(JwtKeys, T8_padded_numbers_a_byte_order_mark_and_null_members_are_taken) {
    const auto padded = [](std::string jwk) {
        for (const char* name : {"n", "e", "x", "y", "k"}) {
            const std::string begin = "\"" + std::string(name) + "\":\"";
            const size_t at = jwk.find(begin);
            if (at == std::string::npos) continue;
            const size_t end = jwk.find('"', at + begin.size());
            jwk.insert(end, (4 - (end - at - begin.size()) % 4) % 4, '=');
        }
        return jwk;
    };
    const std::string nulls = R"(,"use":null,"key_ops":null,"alg":null,"x5c":null,"d":null)";
    for (const std::string& jwk : {rsa_jwk(rsa().get(), "r", nulls), ec_jwk(ec().get(), "r", nulls), ed25519_jwk(ed().get(), "r", nulls)}) {
        EXPECT_NE(padded(jwk), jwk);
        const KeySet keys = read("\xEF\xBB\xBF" + set_of({padded(jwk)}));
        ASSERT_EQ(keys.keys().size(), 1U) << jwk;
        EXPECT_TRUE(keys.passed_over().empty());
        EXPECT_EQ(read("\xEF\xBB\xBF" + padded(jwk)).keys().size(), 1U) << "one key alone";
    }
    EXPECT_EQ(read(padded(oct_jwk(kSecret, "o", nulls)), KeyOrigin::configured).keys()[0]->secret(), kSecret);
    const KeySet nameless = read(R"({"kty":"OKP","crv":"Ed25519","kid":null,)" + ed25519_jwk(ed().get(), "x").substr(39));
    EXPECT_FALSE(nameless.keys().at(0)->has_id()) << "it verifies tokens whatever kid they name";
    EXPECT_THAT(refusal(R"({"keys":null,"kty":null})"), HasSubstr("neither"));
    EXPECT_THAT(refusal(R"({"kty":null,"n":null})"), HasSubstr("neither"));
    for (const std::string wrong : {"AQAB=", "AQA==", "AQAB====", "A===", "=", "AQ=B"}) {
        EXPECT_FALSE(keys_from_json(R"({"kty":"RSA","n":")" + number_text(rsa().get(), OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" + wrong + "\"}", KeyOrigin::published)) << wrong;
    }
}

TEST(JwtKeys, T8_a_set_says_which_of_its_keys_were_passed_over_and_why) {
    const KeySet keys = read(set_of({ec_jwk(ec().get(), "good"), rsa_jwk(make_rsa_key(1024).get(), "small"), R"({"kty":"XYZ"})", ec_jwk(ec().get(), "half"),
                                     R"({"kty":"EC","crv":"P-256","kid":"half","x":"AA","y":"AA"})"}));
    ASSERT_EQ(keys.keys().size(), 1U);
    ASSERT_EQ(keys.passed_over().size(), 4U);
    EXPECT_EQ(keys.passed_over()[0].name(), "small");
    EXPECT_THAT(keys.passed_over()[0].why, HasSubstr("1024 bits"));
    EXPECT_EQ(keys.passed_over()[1].name(), "number 3");
    EXPECT_THAT(keys.passed_over()[2].why, HasSubstr("another key of its kid cannot be used"));
    EXPECT_EQ(keys.passed_over_for("small", true)->place, 2U);
    EXPECT_EQ(keys.passed_over_for("unknown", true)->name(), "number 3") << "a key without a kid would have been tried";
    EXPECT_EQ(keys.passed_over_for("", false)->place, 2U);
    EXPECT_EQ(read(set_of({ec_jwk(ec().get(), "a")})).passed_over_for("b", true), nullptr);
}

TEST(JwtKeys, a_point_that_is_not_on_its_curve_is_no_key) {
    std::string jwk = ec_jwk(ec().get(), "x");
    const size_t y = jwk.find("\"y\":\"") + 10;
    jwk[y] = jwk[y] == 'A' ? 'B' : 'A';
    EXPECT_THAT(refusal(set_of({jwk})), HasSubstr("parameters are wrong"));
}

TEST(JwtKeys, RSA_keys_that_are_small_or_have_a_strange_exponent_are_refused) {
    EXPECT_THAT(refusal(rsa_jwk(make_rsa_key(1024).get(), "x")), HasSubstr("2048 are the least"));
    for (const std::string_view exponent : {"AQ", "Ag", "AQAA", "AA", "AQAAAAAAAAAB"}) {
        const std::string jwk = R"({"kty":"RSA","n":")" + number_text(rsa().get(), OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" + std::string(exponent) + "\"}";
        EXPECT_FALSE(keys_from_json(jwk, KeyOrigin::published)) << exponent;
    }
    const std::string huge = R"({"kty":"RSA","e":"AQAB","n":")" + base64url(std::string(1100, '\x7f')) + "\"}";
    EXPECT_FALSE(keys_from_json(huge, KeyOrigin::published));
}

TEST(JwtKeys, private_members_are_not_read) {
    const KeySet keys = read(rsa_jwk(rsa().get(), "x", R"(,"d":"AAAA","p":17,"q":null)"));
    ASSERT_EQ(keys.keys().size(), 1U);
    BIGNUM* d = nullptr;
    EXPECT_NE(EVP_PKEY_get_bn_param(keys.keys()[0]->public_key(), OSSL_PKEY_PARAM_RSA_D, &d), 1);
}

TEST(JwtKeys, secrets_are_taken_where_they_are_configured_and_never_beside_public_keys) {
    const KeySet keys = read(set_of({oct_jwk(kSecret, "a"), oct_jwk(std::string(64, 'k'), "b")}), KeyOrigin::configured);
    ASSERT_EQ(keys.keys().size(), 2U);
    EXPECT_EQ(keys.keys()[0]->algorithms(), AlgorithmSet{Algorithm::hs256});
    EXPECT_EQ(keys.keys()[1]->algorithms(), kHmacAlgorithms);
    EXPECT_THAT(refusal(set_of({oct_jwk(kSecret, "a"), rsa_jwk(rsa().get(), "r")}), KeyOrigin::configured), HasSubstr("beside public keys"));
    EXPECT_THAT(refusal(set_of({oct_jwk(kSecret, "a")})), HasSubstr("was published"));
    EXPECT_THAT(refusal(oct_jwk("short", "a"), KeyOrigin::configured), HasSubstr("shorter than 32 bytes"));
}

TEST(JwtKeys, of_different_keys_with_one_kid_none_is_used) {
    const evp::Pkey other = make_ec_key();
    const KeySet keys = read(set_of({ec_jwk(ec().get(), "x"), ec_jwk(other.get(), "x"), rsa_jwk(rsa().get(), "y")}));
    ASSERT_EQ(keys.keys().size(), 1U);
    EXPECT_EQ(keys.keys()[0]->id(), "y");
    ASSERT_EQ(keys.passed_over().size(), 2U);
    EXPECT_THAT(keys.passed_over()[0].why, HasSubstr("shares its kid"));
}

TEST(JwtKeys, the_same_key_twice_and_two_types_with_one_kid_are_fine) {
    EXPECT_EQ(read(set_of({ec_jwk(ec().get(), "x"), ec_jwk(ec().get(), "x")})).keys().size(), 1U);
    EXPECT_EQ(read(set_of({ec_jwk(ec().get(), "x"), rsa_jwk(rsa().get(), "x")})).keys().size(), 2U);
}

TEST(JwtKeys, sets_are_bounded_and_must_be_sets) {
    EXPECT_THAT(refusal("{}"), HasSubstr("neither"));
    EXPECT_THAT(refusal("[]"), HasSubstr("neither"));
    EXPECT_THAT(refusal("{"), HasSubstr("no JSON"));
    EXPECT_THAT(refusal(R"({"keys":[]})"), HasSubstr("empty"));
    EXPECT_THAT(refusal(R"({"keys":{}})"), HasSubstr("neither"));
    EXPECT_THAT(refusal(R"({"keys":[],"keys":[]})"), HasSubstr("twice"));
    const std::string two = set_of({rsa_jwk(rsa().get(), "a"), ec_jwk(ec().get(), "b")});
    EXPECT_FALSE(keys_from_json(two, KeyOrigin::published, {.max_keys = 1}));
    EXPECT_FALSE(keys_from_json(two, KeyOrigin::published, {.max_size = 100}));
}

TEST(JwtKeys, PEM_texts_give_their_public_keys) {
    const auto keys = keys_from_pem("# rotated in May\n" + public_pem(rsa().get()) + public_pem(ec().get()) + public_pem(ed().get()));
    ASSERT_TRUE(keys) << keys.error();
    ASSERT_EQ(keys->size(), 3U);
    EXPECT_FALSE((*keys)[0]->has_id());
    EXPECT_EQ((*keys)[0]->algorithms(), kRsaAlgorithms);
}

// As they come from environments, from JSON and from YAML's folded texts.
TEST(JwtKeys, T10_a_PEM_text_is_read_in_one_line_or_with_spelt_out_ends_of_lines) {
    const auto replaced = [](std::string text, std::string_view with) {
        for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += with.size()) text.replace(at, 1, with);
        return text;
    };
    const std::string two = public_pem(rsa().get()) + public_pem(ed().get());
    for (const std::string_view with : {"\\n", "\\r\\n", " ", "", "\r\n", "\n\n", " \\n "}) {
        const auto keys = keys_from_pem(replaced(two, with));
        ASSERT_TRUE(keys) << with << keys.error();
        ASSERT_EQ(keys->size(), 2U) << with;
        EXPECT_EQ(EVP_PKEY_eq(keys->at(0)->public_key(), rsa().get()), 1);
        EXPECT_EQ(pem_in_lines(pem_in_lines(replaced(two, with))), pem_in_lines(replaced(two, with)));
    }
    EXPECT_EQ(pem_in_lines(two), two);
    EXPECT_EQ(pem_in_lines("-----BEGIN X-----END X-----"), "-----BEGIN X-----END X-----") << "it does not end";
    EXPECT_EQ(keys_from_pem("-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----").error(), "the PEM block PUBLIC KEY does not end");
    EXPECT_THAT(keys_from_pem("-----BEGIN PUBLIC KEY----- AA!A -----END PUBLIC KEY-----").error(), HasSubstr("cannot be read"));
}

TEST(JwtKeys, the_older_PEM_of_RSA_keys_is_read) {
    unsigned char* der = nullptr;
    const int size = i2d_PublicKey(rsa().get(), &der);
    ASSERT_GT(size, 0);
    const evp::Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio(bio.get(), "RSA PUBLIC KEY", "", der, size);
    OPENSSL_free(der);
    const auto keys = keys_from_pem(text_of(bio.get()));
    ASSERT_TRUE(keys) << keys.error();
    EXPECT_EQ(EVP_PKEY_eq(keys->at(0)->public_key(), rsa().get()), 1);
}

TEST(JwtKeys, a_certificate_gives_its_key) {
    const evp::Certificate certificate(X509_new());
    X509_set_pubkey(certificate.get(), ec().get());
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 60);
    X509_sign(certificate.get(), ec().get(), EVP_sha256());
    const evp::Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    const auto keys = keys_from_pem(text_of(bio.get()));
    ASSERT_TRUE(keys) << keys.error();
    EXPECT_EQ(EVP_PKEY_eq(keys->at(0)->public_key(), ec().get()), 1);
}

TEST(JwtKeys, PEM_texts_that_hold_anything_else_are_refused) {
    const auto why = [](const std::string& text) { return keys_from_pem(text).error(); };
    EXPECT_THAT(why(private_pem(rsa().get())), HasSubstr("private key"));
    EXPECT_THAT(why(public_pem(rsa().get()) + private_pem(rsa().get())), HasSubstr("private key"));
    EXPECT_THAT(why(""), HasSubstr("no PEM block"));
    EXPECT_THAT(why("secret"), HasSubstr("no PEM block"));
    EXPECT_THAT(why("-----BEGIN PUBLIC KEY-----\nAAAA\n"), HasSubstr("does not end"));
    EXPECT_THAT(why("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), HasSubstr("cannot be read"));
    EXPECT_THAT(why("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n"), HasSubstr("not DH PARAMETERS"));
    EXPECT_THAT(why(public_pem(make_rsa_key(1024).get())), HasSubstr("2048 are the least"));
    EXPECT_THAT(why(public_pem(make_ec_key("secp256k1").get())), HasSubstr("not supported"));
    std::string many;
    for (int i = 0; i < 17; ++i) many += public_pem(ec().get());
    EXPECT_THAT(why(many), HasSubstr("more than 16"));
}

TEST(JwtKeys, a_short_secret_is_noted_and_a_PEM_text_is_no_secret) {
    std::vector<std::string> notes;
    EXPECT_TRUE(Key::from_secret(kSecret, notes));
    EXPECT_TRUE(notes.empty());
    EXPECT_TRUE(Key::from_secret("short", notes));
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_THAT(notes[0], HasSubstr("5 bytes"));
    EXPECT_FALSE(Key::from_secret("", notes));
    EXPECT_FALSE(Key::from_secret(public_pem(rsa().get()), notes));
}

TEST(JwtKeys, a_kid_chooses_and_without_one_sixteen_are_tried) {
    std::vector<std::shared_ptr<const Key>> all;
    for (char id = 'a'; id < 'a' + 16; ++id) all.push_back(Key::from_bytes(std::string(kSecret), {Algorithm::hs256}, std::string(1, id), true));
    EXPECT_EQ(KeySet(all).candidates("", false, Algorithm::hs256).more.size(), 15U);
    EXPECT_FALSE(KeySet(all).candidates("", false, Algorithm::hs256).left_out);
    all.push_back(Key::from_bytes(std::string(kSecret), {Algorithm::hs256}, "q", true));
    const KeySet keys(all);
    const auto one = keys.candidates("c", true, Algorithm::hs256);
    EXPECT_EQ(one.found, KeySet::Found::some);
    EXPECT_EQ((*one.first)->id(), "c");
    EXPECT_TRUE(one.more.empty());
    EXPECT_EQ(keys.candidates("", false, Algorithm::hs256).more.size(), KeySet::kMaxCandidates - 1);
    EXPECT_TRUE(keys.candidates("", false, Algorithm::hs256).left_out);
    EXPECT_EQ(keys.candidates("x", true, Algorithm::hs256).found, KeySet::Found::unknown_key);
    EXPECT_EQ(keys.candidates("a", true, Algorithm::hs512).found, KeySet::Found::wrong_algorithm);
    EXPECT_EQ(KeySet().candidates("", false, Algorithm::hs256).found, KeySet::Found::unknown_key);
}

}  // namespace
}  // namespace portico::policy::jwt
