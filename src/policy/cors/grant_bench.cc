#include <benchmark/benchmark.h>

#include "policy/cors/grant.h"

namespace portico::policy::cors {
namespace {

void write_answer(benchmark::State& state, std::string_view origin) {
    Grant grant;
    for (int i = 0; i < 20; ++i) (void)grant.origins.add("https://app" + std::to_string(i) + ".example.com");
    (void)grant.origins.add("https://*.example.org");
    Arena arena;
    http::FieldList fields;
    for (auto _ : state) {
        arena.release();
        fields.clear();
        fields.add("Content-Type", "application/json");
        fields.add("Vary", "Accept-Encoding");
        benchmark::DoNotOptimize(origin);
        grant.write_answer(origin, fields, arena);
        benchmark::DoNotOptimize(fields);
    }
}
BENCHMARK_CAPTURE(write_answer, exact, "https://app7.example.com");
BENCHMARK_CAPTURE(write_answer, family, "https://a.b.example.org");
BENCHMARK_CAPTURE(write_answer, none, "");

}  // namespace
}  // namespace portico::policy::cors
