#include <benchmark/benchmark.h>

#include "policy/basic/credentials.h"
#include "policy/basic/password_hash.h"
#include "policy/basic/verified_cache.h"

namespace portico::policy::basic {
namespace {

// What a request costs whose credentials were verified a moment ago.
void remembered(benchmark::State& state) {
    const Fingerprinter fingerprints;
    VerifiedCache cache(1024, std::chrono::minutes(5));
    const Time now{};
    for (int i = 0; i < 1000; ++i) cache.add(fingerprints.of(std::to_string(i), "open sesame"), now);
    cache.add(fingerprints.of("Aladdin", "open sesame"), now);
    Arena arena;
    for (auto _ : state) {
        arena.release();
        const auto c = read_credentials("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", arena);
        benchmark::DoNotOptimize(cache.contains(fingerprints.of(c->user, c->password), now));
    }
}
BENCHMARK(remembered);

void verify(benchmark::State& state, const char* text) {
    std::string fault;
    const auto hash = PasswordHash::parse(text, fault);
    for (auto _ : state) benchmark::DoNotOptimize(hash->verify("open sesame"));
}
BENCHMARK_CAPTURE(verify, bcrypt_05, "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(verify, bcrypt_10, "$2a$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace portico::policy::basic
