#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "http/h1/parser.h"
#include "http/h1/writer.h"

namespace portico::http::h1 {
namespace {

// A body of 64 KiB in chunks of the given size. Decoding is in place, so each turn begins with a copy (timed alone
// below).
std::string encoded(size_t chunk) {
    std::string bytes;
    for (size_t left = 64 * 1024; left > 0; left -= chunk) {
        char header[kChunkHeaderRoom];
        char* const end = header + sizeof header;
        bytes.append(write_chunk_header(end, chunk), end).append(chunk, 'x').append(kChunkEnd);
    }
    return bytes.append(kLastChunk).append(kChunkEnd);
}

void decode_chunked(benchmark::State& state) {
    const std::string bytes = encoded(static_cast<size_t>(state.range(0)));
    std::vector<char> buffer(bytes.size());
    ChunkedDecoder decoder(SpaceBeforeColon::refused);
    for (auto _ : state) {
        std::copy(bytes.begin(), bytes.end(), buffer.begin());
        decoder.reset();
        auto step = decoder.decode(buffer.data(), buffer.size());
        benchmark::DoNotOptimize(step);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(decode_chunked)->Arg(16)->Arg(1024)->Arg(16 * 1024);

void copy_only(benchmark::State& state) {
    const std::string bytes = encoded(16 * 1024);
    std::vector<char> buffer(bytes.size());
    for (auto _ : state) {
        std::copy(bytes.begin(), bytes.end(), buffer.begin());
        benchmark::DoNotOptimize(buffer.data());
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(copy_only);

}  // namespace
}  // namespace portico::http::h1
