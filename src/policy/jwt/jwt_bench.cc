#include <benchmark/benchmark.h>

#include "policy/jwt/jwt_fixture.h"
#include "policy/jwt/key_texts.h"
#include "policy/jwt/mint.h"
#include "policy/jwt/token_cache.h"

namespace portico::policy::jwt {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'850'000'000)};
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kClaims =
    R"({"iss":"https://id.example/realms/shop","sub":"5f0c1d2e-7a64-4f5e-9c1b-2f5d3a7e8b90","aud":["shop","mobile"],)"
    R"("exp":1900000000,"iat":1800000000,"jti":"b7d1a0c2","email":"ada@example.com","scope":"orders:read orders:write"})";
constexpr std::string_view kShortClaims = R"({"sub":"u-12345","email":"ada@example.com","exp":1900000000})";

TokenRules rules() {
    return {{Algorithm::hs256, Algorithm::rs256, Algorithm::ps256, Algorithm::es256, Algorithm::eddsa}, {}, {}};
}

void judge(benchmark::State& state, const std::string& token, const KeySet& keys) {
    const Judge judge(rules());
    VerifierContext context;
    for (auto _ : state) {
        auto verified = judge.judge(token, keys, kNow, context);
        if (!verified) state.SkipWithError("refused");
        benchmark::DoNotOptimize(verified);
    }
}

const KeySet& secret_keys() {
    static std::vector<std::string> notes;
    static const KeySet kKeys({*Key::from_secret(kSecret, notes)});
    return kKeys;
}
std::string hs256(std::string_view claims) {
    return mint(*SigningKey::from_secret(kSecret), Algorithm::hs256, claims).value();
}

void judge_hs256(benchmark::State& state) {
    judge(state, hs256(kClaims), secret_keys());
}
BENCHMARK(judge_hs256);

void judge_hs256_short(benchmark::State& state) {
    judge(state, hs256(kShortClaims), secret_keys());
}
BENCHMARK(judge_hs256_short);

void judge_with(benchmark::State& state, const evp::Pkey& key, Algorithm algorithm) {
    const auto signing = SigningKey::from_pem(private_pem(key.get()));
    judge(state, mint(*signing, algorithm, kClaims).value(), KeySet(*keys_from_pem(public_pem(key.get()))));
}
void judge_rs256(benchmark::State& state) {
    judge_with(state, make_rsa_key(), Algorithm::rs256);
}
BENCHMARK(judge_rs256);
void judge_ps256(benchmark::State& state) {
    judge_with(state, make_rsa_key(), Algorithm::ps256);
}
BENCHMARK(judge_ps256);
void judge_es256(benchmark::State& state) {
    judge_with(state, make_ec_key(), Algorithm::es256);
}
BENCHMARK(judge_es256);
void judge_eddsa(benchmark::State& state) {
    judge_with(state, make_ed25519_key(), Algorithm::eddsa);
}
BENCHMARK(judge_eddsa);

void judge_expired(benchmark::State& state) {
    const Judge judge(rules());
    const std::string token = hs256(R"({"sub":"u-12345","email":"ada@example.com","exp":1})");
    VerifierContext context;
    for (auto _ : state) {
        auto verified = judge.judge(token, secret_keys(), kNow, context);
        benchmark::DoNotOptimize(verified);
    }
}
BENCHMARK(judge_expired);

void only_open(benchmark::State& state) {
    const std::string token = hs256(kClaims);
    const TokenBounds bounds;
    for (auto _ : state) {
        auto open = open_token(token, bounds);
        benchmark::DoNotOptimize(open);
    }
}
BENCHMARK(only_open);

void only_signature_hs256(benchmark::State& state) {
    const std::string text = hs256(kClaims);
    const auto token = take_apart(text, TokenBounds{});
    VerifierContext context;
    for (auto _ : state) {
        auto fine = context.verify(secret_keys().keys()[0], Algorithm::hs256, token->signed_text, token->signature_text);
        benchmark::DoNotOptimize(fine);
    }
}
BENCHMARK(only_signature_hs256);

void cached(benchmark::State& state) {
    const Judge judge(rules());
    VerifierContext context;
    TokenCache cache({}, 7);
    std::vector<std::string> tokens;
    for (int64_t i = 0; i < state.range(0); ++i) {
        tokens.push_back(hs256(R"({"iss":"https://id.example/realms/shop","sub":"5f0c1d2e-7a64-4f5e-9c1b-)" + std::to_string(i) +
                               R"(","aud":["shop","mobile"],"exp":1900000000,"iat":1800000000,"email":"ada@example.com"})"));
    }
    size_t i = 0;
    for (auto _ : state) {
        auto verified = judge_cached(judge, tokens[i], secret_keys(), 1, kNow, context, cache);
        benchmark::DoNotOptimize(verified);
        if (++i == tokens.size()) i = 0;
    }
}
BENCHMARK(cached)->Arg(1)->Arg(100)->Arg(1000);

void bad_before(benchmark::State& state) {
    const Judge judge(rules());
    VerifierContext context;
    TokenCache cache({}, 7);
    std::string token = hs256(kClaims);
    token[token.size() - 5] = token[token.size() - 5] == 'A' ? 'B' : 'A';
    for (auto _ : state) {
        auto refused = judge_cached(judge, token, secret_keys(), 1, kNow, context, cache);
        benchmark::DoNotOptimize(refused);
    }
}
BENCHMARK(bad_before);

}  // namespace
}  // namespace portico::policy::jwt
