#include <benchmark/benchmark.h>

#include "http/uri.h"

namespace portico::http {
namespace {

void normalise(benchmark::State& state, std::string_view path) {
    Arena arena;
    for (auto _ : state) {
        arena.release();
        benchmark::DoNotOptimize(path);
        auto normal = normalise_path(path, arena);
        benchmark::DoNotOptimize(normal);
    }
}
BENCHMARK_CAPTURE(normalise, plain, "/users/12345/orders/recent");
BENCHMARK_CAPTURE(normalise, escaped, "/files/annual%20report%202025.pdf");
BENCHMARK_CAPTURE(normalise, dots, "/a/b/../c/./d/%2e%2e/e");

void take_target_apart(benchmark::State& state) {
    std::string_view text = "/users/12345/orders?limit=20&sort=created_at";
    for (auto _ : state) {
        benchmark::DoNotOptimize(text);
        auto target = parse_target(text, Method::get);
        benchmark::DoNotOptimize(target);
    }
}
BENCHMARK(take_target_apart);

void name_of_field(benchmark::State& state) {
    constexpr std::string_view kNames[] = {"Host",   "User-Agent",      "Accept",       "Accept-Encoding",
                                           "Cookie", "X-Forwarded-For", "Content-Type", "Cache-Control"};
    size_t i = 0;
    for (auto _ : state) benchmark::DoNotOptimize(field_name(kNames[i++ % std::size(kNames)]));
}
BENCHMARK(name_of_field);

}  // namespace
}  // namespace portico::http
