#include <benchmark/benchmark.h>

#include "gateway/exchange.h"
#include "policy/any_of/choice.h"

namespace portico::policy::any_of {
namespace {

class Way final : public gateway::Policy {
  public:
    bool sees_credential(gateway::Exchange&) const override { return here; }
    bool here = false;
};

void choose_last_of(benchmark::State& state) {
    static const SystemClock clock;
    auto loop = io::Loop::make(io::BackendChoice::epoll, clock);
    observe::Registry registry;
    gateway::Context context(**loop, registry, 1);
    gateway::Exchange x(context);
    std::vector<Way> ways(static_cast<size_t>(state.range(0)));
    ways.back().here = true;
    std::vector<const gateway::Policy*> policies;
    for (const Way& w : ways) policies.push_back(&w);
    for (auto _ : state) benchmark::DoNotOptimize(choose(policies.size(), [&](size_t i) { return policies[i]->sees_credential(x); }));
}
BENCHMARK(choose_last_of)->Arg(2)->Arg(5);

}  // namespace
}  // namespace portico::policy::any_of
