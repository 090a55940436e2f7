#include <benchmark/benchmark.h>

#include "json/document.h"

namespace portico::json {
namespace {

constexpr std::string_view kClaims =
    R"({"iss":"https://id.example/realms/shop","sub":"5f0c1d2e-7a64-4f5e-9c1b-2f5d3a7e8b90","aud":["shop","mobile"],)"
    R"("exp":1900000000,"iat":1800000000,"nbf":1800000000,"jti":"b7d1a0c2","email":"ada@example.com","email_verified":true,)"
    R"("scope":"orders:read orders:write","realm_access":{"roles":["user","editor"]}})";

std::string orders(size_t count) {
    std::string text = "{\"orders\":[";
    for (size_t i = 0; i < count; ++i) {
        if (i != 0) text += ',';
        text += R"({"id":)" + std::to_string(100000 + i) +
                R"(,"customer":"Ada \"the first\" Lovelace","total":129.90,"currency":"EUR","open":true,)"
                R"("items":[{"sku":"A-17","name":"Analytical engine, small","quantity":2},{"sku":"B-4","quantity":1}]})";
    }
    return text + "]}";
}

void parse(benchmark::State& state, const std::string& text) {
    for (auto _ : state) {
        auto document = Document::parse(text);
        benchmark::DoNotOptimize(document);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK_CAPTURE(parse, claims, std::string(kClaims));
BENCHMARK_CAPTURE(parse, orders_4KiB, orders(20));
BENCHMARK_CAPTURE(parse, orders_1MiB, orders(5000));

void find_claim(benchmark::State& state) {
    const auto document = Document::parse(kClaims);
    for (auto _ : state) {
        auto value = document->root().find("scope");
        benchmark::DoNotOptimize(value);
    }
}
BENCHMARK(find_claim);

void copy_document(benchmark::State& state) {
    const auto document = Document::parse(kClaims);
    for (auto _ : state) {
        Document copy = *document;
        benchmark::DoNotOptimize(copy);
    }
}
BENCHMARK(copy_document);

void write_document(benchmark::State& state) {
    const auto document = Document::parse(orders(20));
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_value(out, document->root());
        benchmark::DoNotOptimize(out);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * document->text().size()));
}
BENCHMARK(write_document);

}  // namespace
}  // namespace portico::json
