#include <openssl/core_names.h>
#include <openssl/err.h>

#include <algorithm>

#include "base/meter.h"
#include "base/base64url.h"
#include "policy/jwt/key_texts.h"

namespace portico::policy::jwt {
namespace {

constexpr size_t kMaxKeyId = 256;

// A member, or no value where it is `null`: serialisers of objects write that for what is not there.
json::Value member_of(json::Value jwk, std::string_view name) {
    const json::Value value = jwk.find(name);
    return value.is_null() ? json::Value() : value;
}

// The bytes of a member in base64url, padded or not. @returns empty if it is not there or spelt wrongly
std::string bytes_of(json::Value jwk, std::string_view name, size_t most) {
    const std::string_view text = without_padding(jwk.find(name).string());
    if (base64url_decoded_size(text.size()) > most) return {};
    return base64url_decode(text).value_or(std::string());
}

evp::Pkey key_from_params(const char* type, OSSL_PARAM* params) {
    const evp::PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
    if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) return nullptr;
    return evp::Pkey(key);
}

evp::Pkey rsa_key(json::Value jwk) {
    const std::string modulus = bytes_of(jwk, "n", 1025);
    const std::string exponent = bytes_of(jwk, "e", 16);
    if (modulus.empty() || exponent.empty()) return nullptr;
    const auto number = [](const std::string& bytes) {
        return evp::Number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
    };
    const evp::Number n = number(modulus);
    const evp::Number e = number(exponent);
    const evp::ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return nullptr;
    }
    const evp::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    return params ? key_from_params("RSA", params.get()) : nullptr;
}

struct Curve {
    std::string_view name;
    size_t size;  // bytes of a coordinate
};
constexpr Curve kCurves[] = {{"P-256", 32}, {"P-384", 48}, {"P-521", 66}};

evp::Pkey ec_key(json::Value jwk, const Curve& curve) {
    const std::string x = bytes_of(jwk, "x", curve.size);
    const std::string y = bytes_of(jwk, "y", curve.size);
    // RFC 7518 §6.2.1.2: the full size, leading zeros included.
    if (x.size() != curve.size || y.size() != curve.size) return nullptr;
    std::string point = '\x04' + x + y;
    std::string group(curve.name);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
                           OSSL_PARAM_construct_end()};
    return key_from_params("EC", params);
}

evp::Pkey ed25519_key(json::Value jwk) {
    const std::string x = bytes_of(jwk, "x", 32);
    if (x.size() != 32) return nullptr;
    return evp::Pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(x.data()), x.size()));
}

Readable<evp::Pkey> public_key(json::Value jwk) {
    const std::string_view type = jwk.find("kty").string();
    const std::string_view curve_name = jwk.find("crv").string();
    evp::Pkey key;
    if (type == "RSA") {
        key = rsa_key(jwk);
    } else if (type == "EC") {
        const auto* const curve = std::ranges::find(kCurves, curve_name, &Curve::name);
        if (curve == std::end(kCurves)) return std::unexpected("its curve is not supported");
        key = ec_key(jwk, *curve);
    } else if (type == "OKP") {
        if (curve_name != "Ed25519") return std::unexpected("its curve is not supported");
        key = ed25519_key(jwk);
    } else {
        return std::unexpected("its type is not supported");
    }
    ERR_clear_error();
    if (!key) return std::unexpected("its " + std::string(type) + " parameters are wrong");
    return key;
}

// Its `alg` narrows what its type can do.
Readable<AlgorithmSet> narrowed(AlgorithmSet algorithms, json::Value jwk) {
    const json::Value alg = member_of(jwk, "alg");
    if (!alg) return algorithms;
    const auto named = algorithm_named(alg.string());
    if (!named || !algorithms.has(*named)) return std::unexpected("its alg is not one that such a key can verify");
    return AlgorithmSet{*named};
}

// RFC 7518 §3.2: a key as long as the hash, or longer.
Readable<std::shared_ptr<const Key>> secret_key(json::Value jwk, const std::string& id, bool has_id) {
    std::string secret = bytes_of(jwk, "k", 1024);
    AlgorithmSet long_enough;
    for (const Algorithm a : {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512}) {
        if (secret.size() * 8 >= hash_bits(a)) long_enough.add(a);
    }
    if (long_enough.empty()) return std::unexpected("its secret is missing, spelt wrongly or shorter than 32 bytes");
    const auto algorithms = narrowed(long_enough, jwk);
    if (!algorithms) return std::unexpected(algorithms.error());
    return Key::from_bytes(std::move(secret), *algorithms, id, has_id);
}

bool is_for_verifying(json::Value jwk) {
    const json::Value use = member_of(jwk, "use");
    if (use && use.string() != "sig") return false;
    const json::Value operations = member_of(jwk, "key_ops");
    if (!operations) return true;
    return std::ranges::any_of(operations.elements(), [](json::Value v) { return v.string() == "verify"; });
}

Readable<std::shared_ptr<const Key>> key_from_jwk(json::Value jwk, KeyOrigin origin) {
    if (!jwk.is_object()) return std::unexpected("it is no object");
    const json::Value kid = member_of(jwk, "kid");
    if ((kid && !kid.is_string()) || kid.string().size() > kMaxKeyId) return std::unexpected("its kid is no text of at most 256 bytes");
    if (!is_for_verifying(jwk)) return std::unexpected("its use or key_ops is not to verify");
    const std::string id(kid.string());
    if (jwk.find("kty").string() == "oct") {
        if (origin == KeyOrigin::published) return std::unexpected("it is a secret, and was published");
        return secret_key(jwk, id, static_cast<bool>(kid));
    }
    auto key = public_key(jwk);
    if (!key) return std::unexpected(std::move(key).error());
    const auto all = algorithms_of(key->get());
    if (!all) return std::unexpected(all.error());
    const auto algorithms = narrowed(*all, jwk);
    if (!algorithms) return std::unexpected(algorithms.error());
    return Key::from_public(*std::move(key), *algorithms, id, static_cast<bool>(kid));
}

// A key that we would use if it were well made: one that shares its kid is not told apart from it.
bool is_of_our_kind(json::Value jwk) {
    const std::string_view type = jwk.find("kty").string();
    const std::string_view curve = jwk.find("crv").string();
    const json::Value alg = member_of(jwk, "alg");
    if (!is_for_verifying(jwk) || (alg && !algorithm_named(alg.string()))) return false;
    return type == "RSA" || type == "oct" || (type == "OKP" && curve == "Ed25519") ||
           (type == "EC" && std::ranges::find(kCurves, curve, &Curve::name) != std::end(kCurves));
}

bool is_same_key(const Key& a, const Key& b) {
    if (a.public_key() == nullptr || b.public_key() == nullptr) return a.secret() == b.secret();
    return EVP_PKEY_eq(a.public_key(), b.public_key()) == 1;
}

// What libcrypto takes to make a key, and to compare two.
constexpr uint64_t kStepsAKey = 4096, kStepsAComparison = 128;

// A key of the set as it is being read.
struct ReadKey {
    std::shared_ptr<const Key> key;
    size_t place;
    bool is_again = false;    // the same as one before it
    std::string_view fault{};  // why it cannot be used after all
};

constexpr std::string_view kShared = "another key shares its kid: no token says which it means";
constexpr std::string_view kBesideBroken = "another key of its kid cannot be used: no token says which it means";

// Marks every key whose `kid` another one with the same algorithm has, or all but the first where they are the same.
void mark_ambiguous(std::vector<ReadKey>& keys) {
    for (size_t i = 0; i < keys.size(); ++i) {
        for (size_t j = i + 1; j < keys.size(); ++j) {
            const Key& a = *keys[i].key;
            const Key& b = *keys[j].key;
            if (!a.has_id() || !b.has_id() || a.id() != b.id() || (a.algorithms() & b.algorithms()).empty()) continue;
            if (!Meter::spend(kStepsAComparison)) return;
            if (is_same_key(a, b) && a.algorithms() == b.algorithms()) {
                keys[j].is_again = true;
                continue;
            }
            keys[i].fault = keys[j].fault = kShared;
        }
    }
}

bool mixes_secrets(const std::vector<ReadKey>& keys) {
    const auto is_secret = [](const ReadKey& read) { return read.key->public_key() == nullptr; };
    return std::ranges::any_of(keys, is_secret) && !std::ranges::all_of(keys, is_secret);
}

}  // namespace

Readable<KeySet> keys_from_json(std::string_view text, KeyOrigin origin, const KeySetBounds& bounds) {
    const auto document = json::Document::parse(
        text, {.max_size = bounds.max_size, .max_depth = 16, .byte_order_mark = json::ByteOrderMark::pass_over});
    if (!document) return std::unexpected("no JSON: " + std::string(document.error().what()));
    const json::Value root = document->root();
    const json::Value list = root.find("keys");
    if (!list.is_array() && !member_of(root, "kty")) return std::unexpected("neither a key (kty) nor a set of keys");
    if (list.size() > bounds.max_keys) return std::unexpected("the set holds more than " + std::to_string(bounds.max_keys) + " keys");
    std::vector<ReadKey> read;
    std::vector<PassedOverKey> passed_over;
    std::vector<std::string_view> broken;
    size_t place = 0;
    const auto take = [&](json::Value jwk) {
        ++place;
        if (!Meter::spend(kStepsAKey)) return;
        auto key = key_from_jwk(jwk, origin);
        if (key) {
            read.push_back({*std::move(key), place});
            return;
        }
        const std::string_view id = jwk.find("kid").string();
        if (is_of_our_kind(jwk) && jwk.find("kid").is_string()) broken.push_back(id);
        passed_over.push_back({place, std::string(id.size() > kMaxKeyId ? std::string_view() : id), std::move(key).error()});
    };
    if (list.is_array()) {
        for (const json::Value jwk : list.elements()) take(jwk);
    } else {
        take(root);
    }
    if (mixes_secrets(read)) return std::unexpected("the set holds secrets beside public keys");
    mark_ambiguous(read);
    std::vector<std::shared_ptr<const Key>> keys;
    for (ReadKey& one : read) {
        if (one.fault.empty() && one.key->has_id() && std::ranges::find(broken, one.key->id()) != broken.end()) one.fault = kBesideBroken;
        if (!one.fault.empty()) passed_over.push_back({one.place, one.key->id(), std::string(one.fault)});
        else if (!one.is_again) keys.push_back(std::move(one.key));
    }
    std::ranges::sort(passed_over, {}, &PassedOverKey::place);
    if (keys.empty() && !(bounds.may_be_empty && list.is_array())) {
        return std::unexpected(passed_over.empty() ? "the set is empty" : "key \"" + passed_over.front().name() + "\" passed over: " + passed_over.front().why);
    }
    return KeySet(std::move(keys), std::move(passed_over));
}

}  // namespace portico::policy::jwt
