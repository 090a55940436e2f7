#include <benchmark/benchmark.h>

#include <array>

#include "redis/resp.h"

namespace portico::redis {
namespace {

void read_reply(benchmark::State& state, std::string_view bytes) {
    ReplyReader reader;
    for (auto _ : state) {
        benchmark::DoNotOptimize(bytes);
        auto progress = reader.read(bytes);
        benchmark::DoNotOptimize(progress);
        Reply reply = reader.take();
        benchmark::DoNotOptimize(reply);
    }
}
BENCHMARK_CAPTURE(read_reply, of_a_limit, "*3\r\n:1\r\n:99\r\n:59874\r\n");
BENCHMARK_CAPTURE(read_reply, status, "+OK\r\n");
BENCHMARK_CAPTURE(read_reply, string, "$36\r\n0b8b2f0e-6c1c-4a43-9b52-0d4a0d1c2e3f\r\n");

void write_command(benchmark::State& state) {
    const std::array<std::string_view, 8> words{"EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "1",
                                                "rl:fair-use:192.0.2.1", "100", "60000", "1", "7f3a2c"};
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_command(out, words);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(write_command);

}  // namespace
}  // namespace portico::redis
