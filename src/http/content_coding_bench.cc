#include <benchmark/benchmark.h>

#include "http/content_coding.h"

namespace portico::http {
namespace {

std::string orders(size_t count) {
    std::string text = "[";
    for (unsigned i = 0; i < count; ++i) {
        if (i != 0) text += ',';
        text += R"({"id":)" + std::to_string(i * 2654435761U) + R"(,"customer":"Ada Lovelace","total":)" +
                std::to_string(i % 300) + R"(.90,"currency":"EUR","open":true})";
    }
    return text + "]";
}

void encode(benchmark::State& state, Coding coding) {
    const std::string text = orders(static_cast<size_t>(state.range(0)));
    std::string out;
    for (auto _ : state) {
        out.clear();
        Encoder(coding, text.size()).take(text, Encoder::Flush::end, out);
        benchmark::DoNotOptimize(out);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
    state.counters["part_left"] = static_cast<double>(out.size()) / static_cast<double>(text.size());
}
BENCHMARK_CAPTURE(encode, gzip, Coding::gzip)->Arg(12)->Arg(10'000);
BENCHMARK_CAPTURE(encode, br, Coding::br)->Arg(12)->Arg(10'000);

void decode(benchmark::State& state, Coding coding) {
    const std::string text = orders(static_cast<size_t>(state.range(0)));
    std::string bytes;
    Encoder(coding, text.size()).take(text, Encoder::Flush::end, bytes);
    CodingList codings;
    codings.add(coding);
    std::string out;
    for (auto _ : state) {
        out.clear();
        std::string_view part = bytes;
        auto all = Decoder(codings).take(part, true, out);
        benchmark::DoNotOptimize(all);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK_CAPTURE(decode, gzip, Coding::gzip)->Arg(12)->Arg(10'000);
BENCHMARK_CAPTURE(decode, br, Coding::br)->Arg(12)->Arg(10'000);

}  // namespace
}  // namespace portico::http
