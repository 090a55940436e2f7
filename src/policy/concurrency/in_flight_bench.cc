#include <benchmark/benchmark.h>

#include "policy/concurrency/in_flight.h"

namespace portico::policy::concurrency {
namespace {

InFlight table{HashKey::random(), 1000};

// A request's two steps: one key for all, or a key for each thread.
void enter_and_leave(benchmark::State& state, bool shared) {
    const std::string key = shared ? "192.0.2.1" : "192.0.2." + std::to_string(10 + state.thread_index());
    for (auto _ : state) {
        InFlight::Entry* place = table.enter(key);
        benchmark::DoNotOptimize(place);
        table.leave(place);
    }
}
BENCHMARK_CAPTURE(enter_and_leave, own_key, false)->Threads(1)->Threads(2);
BENCHMARK_CAPTURE(enter_and_leave, one_key, true)->Threads(1)->Threads(2);

}  // namespace
}  // namespace portico::policy::concurrency
