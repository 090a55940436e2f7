#include <benchmark/benchmark.h>

#include "policy/ip_access/address_rules.h"

namespace portico::policy::ip_access {
namespace {

// A list of so many networks, none of which holds the client: all of them are looked at.
void judge(benchmark::State& state) {
    AddressRules rules;
    for (int64_t i = 0; i < state.range(0); ++i) {
        rules.deny.push_back(*Cidr::parse("10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24"));
    }
    const IpAddress client = *IpAddress::parse("192.0.2.1");
    for (auto _ : state) benchmark::DoNotOptimize(rules.admits(client));
}
BENCHMARK(judge)->Arg(1)->Arg(10)->Arg(1000);

}  // namespace
}  // namespace portico::policy::ip_access
