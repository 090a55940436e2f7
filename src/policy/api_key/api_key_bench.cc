#include <benchmark/benchmark.h>

#include "policy/api_key/key_table.h"
#include "policy/api_key/presented.h"

namespace portico::policy::api_key {
namespace {

void find_key(benchmark::State& state) {
    KeyTable table;
    for (int64_t i = 0; i < state.range(0); ++i) table.add(sha256("key-" + std::to_string(i)), static_cast<uint32_t>(i));
    const std::string key = "key-7";
    for (auto _ : state) benchmark::DoNotOptimize(table.find(key));
}
BENCHMARK(find_key)->Arg(10)->Arg(100'000);

void take_key_out_of_query(benchmark::State& state) {
    Arena arena;
    for (auto _ : state) {
        arena.release();
        benchmark::DoNotOptimize(key_in("limit=20&api_key=0123456789abcdef0123456789abcdef&sort=created_at", "api_key", arena));
        benchmark::DoNotOptimize(without_key("limit=20&api_key=0123456789abcdef0123456789abcdef&sort=created_at", "api_key", arena));
    }
}
BENCHMARK(take_key_out_of_query);

}  // namespace
}  // namespace portico::policy::api_key
