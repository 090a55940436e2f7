// Properties of judging any bytes as a token: nothing passes that nobody signed; a token that is taken apart is its parts put
// together again; what is decoded has one spelling; an ECDSA signature keeps its halves; every refusal is a token's fault.
#include <array>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/base64url.h"
#include "policy/jwt/ecdsa_signature.h"
#include "policy/jwt/judge.h"
#include "policy/jwt/mint.h"
#include "policy/jwt/token_cache.h"

namespace {

using namespace portico;
using namespace portico::policy::jwt;

constexpr WallTime kNow{std::chrono::seconds(1'700'000'000)};
// Nobody but this file signs with it: a corpus cannot hold a good token of it.
constexpr std::string_view kSecret = "a secret that no input of this fuzzer was signed with";

void check_parts(std::string_view text, const TokenBounds& bounds) {
    const auto token = take_apart(text, bounds);
    if (!token) {
        PORTICO_CHECK(token.error().fault == Fault::token_malformed);
        return;
    }
    PORTICO_CHECK(token->compact == text && text.size() <= bounds.max_size);
    PORTICO_CHECK(std::string(token->header_text) + '.' + std::string(token->payload_text) + '.' + std::string(token->signature_text) == text);
    PORTICO_CHECK(token->signed_text.size() + 1 + token->signature_text.size() == text.size());
    PORTICO_CHECK(token->header.key_id.size() <= bounds.max_key_id);
}

// Padding is all that the other way takes.
void check_padded(std::string_view text, TokenBounds bounds) {
    const bool plain = take_apart(text, bounds).has_value();
    bounds.padding = Padding::allow;
    const auto token = take_apart(text, bounds);
    PORTICO_CHECK(!plain || token);
    if (!token) return;
    std::string bare;
    for (const char c : text) {
        if (c != '=') bare += c;
    }
    PORTICO_CHECK(std::string(token->header_text) + '.' + std::string(token->payload_text) + '.' + std::string(token->signature_text) == bare ||
                  !base64url_decode(token->payload_text) || !base64url_decode(token->signature_text));
    PORTICO_CHECK(token->compact == text && token->signed_text.size() < text.size());
}

void check_spelling(std::string_view text) {
    const auto bytes = base64url_decode(text);
    if (!bytes) return;
    std::string again;
    append_base64url(again, *bytes);
    PORTICO_CHECK(again == text);
}

void check_halves(std::string_view bytes) {
    std::array<uint8_t, kMaxEcdsaDer> der;
    for (const size_t half : {32, 48, 66}) {
        if (bytes.size() < 2 * half) continue;
        const std::string_view halves = bytes.substr(0, 2 * half);
        const size_t size = ecdsa_der_from_halves(halves, half, der);
        if (size == 0) continue;
        PORTICO_CHECK(ecdsa_halves_from_der({reinterpret_cast<const char*>(der.data()), size}, half) == halves);
    }
}

void check_judgement(std::string_view text, const Judge& judge, const KeySet& keys) {
    static VerifierContext context;
    static TokenCache cache({.tokens = 4, .bad_tokens = 4}, 7);
    const auto judged = judge.judge(text, keys, kNow, context);
    PORTICO_CHECK(!judged);
    PORTICO_CHECK(judged.error().code().starts_with("jwt."));
    const auto cached = judge_cached(judge, text, keys, 1, kNow, context, cache);
    PORTICO_CHECK(!cached && cached.error().fault == judged.error().fault);
    PORTICO_CHECK(cache.find(text, 1, kNow) == nullptr);
}

// Any bytes as claims, signed by us: only what the rules of claims allow passes.
void check_claims(std::string_view text, const Judge& judge, const KeySet& keys) {
    static VerifierContext context;
    const auto token = SigningKey::from_secret(kSecret)->sign(Algorithm::hs256, R"({"alg":"HS256"})", text);
    const auto judged = judge.judge(*token, keys, kNow, context);
    if (!judged) {
        PORTICO_CHECK(judged.error().fault != Fault::token_signature && judged.error().fault != Fault::token_key_unknown);
        return;
    }
    PORTICO_CHECK((*judged)->claims.text() == text && (*judged)->compact == *token);
    PORTICO_CHECK((*judged)->valid_until > kNow);
    PORTICO_CHECK(judge.judge(*token, keys, (*judged)->valid_until - Nanos(1), context).has_value());
    if ((*judged)->valid_until != WallTime::max()) PORTICO_CHECK(!judge.judge(*token, keys, (*judged)->valid_until, context));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 4096) return 0;
    static std::vector<std::string> notes;
    static const KeySet keys({*Key::from_secret(kSecret, notes)});
    static const Judge judge(TokenRules{kHmacAlgorithms, {}, {.leeway = std::chrono::seconds(10)}});
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_parts(text, judge.rules().token);
    check_padded(text, judge.rules().token);
    check_spelling(text);
    check_halves(text);
    check_judgement(text, judge, keys);
    check_claims(text, judge, keys);
    return 0;
}
