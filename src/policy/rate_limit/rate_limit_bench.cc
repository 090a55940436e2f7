// What a decision in memory costs: one hot key and 100,000 keys, by 1 and 4 threads.
#include <benchmark/benchmark.h>

#include <random>

#include "policy/rate_limit/memory_table.h"

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;

Limit bench_limit(Algorithm a) {
    return {.name = "fair-use", .algorithm = a, .windows = {{1'000'000, 60s}}};
}

Micros now() {
    return std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch());
}

void hot_key(benchmark::State& state) {
    static MemoryTable table({}, {1, 2});
    const Limit l = bench_limit(static_cast<Algorithm>(state.range(0)));
    for (auto _ : state) benchmark::DoNotOptimize(table.charge(l, "203.0.113.77", 1, now()));
    state.SetLabel(std::string(name_of(l.algorithm)));
}
BENCHMARK(hot_key)->DenseRange(0, 3)->Threads(1)->Threads(4);

void many_keys(benchmark::State& state) {
    static MemoryTable table({}, {1, 2});
    const Limit l = bench_limit(static_cast<Algorithm>(state.range(0)));
    std::vector<std::string> clients;
    for (int i = 0; i < 100'000; ++i) clients.push_back("203.0.113." + std::to_string(i * 7919 % 100'000));
    size_t i = static_cast<size_t>(state.thread_index()) * 25'000;
    for (const std::string& c : clients) benchmark::DoNotOptimize(table.charge(l, c, 1, now()));
    for (auto _ : state) {
        benchmark::DoNotOptimize(table.charge(l, clients[i], 1, now()));
        if (++i == clients.size()) i = 0;
    }
    state.SetLabel(std::string(name_of(l.algorithm)));
}
BENCHMARK(many_keys)->DenseRange(0, 3)->Threads(1)->Threads(4);

// Refused by a full log, and a flood of clients that were never seen before, on a full table.
void refused(benchmark::State& state) {
    MemoryTable table({}, {1, 2});
    const Limit l{.name = "l", .windows = {{100, 60s}, {10'000, 3600s}}};
    for (int i = 0; i < 100; ++i) table.charge(l, "203.0.113.77", 1, now());
    for (auto _ : state) benchmark::DoNotOptimize(table.charge(l, "203.0.113.77", 1, now()));
}
BENCHMARK(refused);

void flood_of_new_keys(benchmark::State& state) {
    MemoryTable table({.keys = 100'000}, {1, 2});
    const Limit l = bench_limit(Algorithm::sliding_window);
    uint64_t i = 0;
    for (auto _ : state) {
        ++i;
        benchmark::DoNotOptimize(table.charge(l, {reinterpret_cast<const char*>(&i), sizeof i}, 1, now()));
    }
}
BENCHMARK(flood_of_new_keys);

}  // namespace
}  // namespace portico::policy::rate_limit
