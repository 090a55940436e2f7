// What a worker does for a question to Redis beside the client: its words, and the reading of its answer.
#include <benchmark/benchmark.h>

#include "policy/rate_limit/redis_counter.h"
#include "policy/rate_limit/redis_question.h"

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;

Limit bench_limit(int64_t windows) {
    Limit limit{.name = "fair-use", .windows = {}};
    for (int64_t i = 1; i <= windows; ++i) limit.windows.push_back({100, i * 60s});
    return limit;
}

void question(benchmark::State& state) {
    const Limit limit = bench_limit(state.range(0));
    const RedisForm form(limit);
    for (auto _ : state) {
        const uint64_t costs[] = {1};
        const RedisQuestion q(form, "203.0.113.77", costs, 1000);
        benchmark::DoNotOptimize(q.keys().data());
        benchmark::DoNotOptimize(q.arguments().data());
        benchmark::ClobberMemory();
    }
}
BENCHMARK(question)->Arg(1)->Arg(3);

void answer(benchmark::State& state) {
    const Limit limit = bench_limit(state.range(0));
    std::string text = "*" + std::to_string(2 + 3 * state.range(0)) + "\r\n$4\r\n1000\r\n:1\r\n";
    for (int64_t i = 0; i < state.range(0); ++i) text += ":7\r\n:0\r\n:59000000\r\n";
    redis::ReplyReader reader;
    if (!reader.read(text)) return state.SkipWithError("no reply");
    const redis::Reply reply = reader.take();
    RedisDecisions read;
    for (auto _ : state) {
        if (!read.read(limit, 1, reply.value())) return state.SkipWithError("no answer");
        benchmark::DoNotOptimize(read.decision(limit, 0, 1));
    }
}
BENCHMARK(answer)->Arg(1)->Arg(3);

}  // namespace
}  // namespace portico::policy::rate_limit
