#include <benchmark/benchmark.h>

#include "policy/authorize/settings.h"

namespace portico::policy::authorize {
namespace {

Rules rules_of(const char* yaml) {
    config::FaultList faults;
    const auto document = config::Document::parse(yaml, {}, faults);
    Rules rules;
    read_rules(config::Scope(faults), document->root(), rules);
    return rules;
}

void judge(benchmark::State& state, const char* yaml) {
    const Rules rules = rules_of(yaml);
    const auto claims = json::Document::parse(R"({"iss":"https://id.example.com/","sub":"auth0|5f7c8ec7c33c6c004bbafe82","aud":"api",)"
                                              R"("scope":"openid profile email orders:read orders:write","tenant":"acme","level":2,)"
                                              R"("realm_access":{"roles":["user","ops","admin"]}})");
    for (auto _ : state) benchmark::DoNotOptimize(rules.judge(*claims));
}
BENCHMARK_CAPTURE(judge, one_scope, "scopes: { all: ['orders:write'] }");
BENCHMARK_CAPTURE(judge, all_kinds, "scopes: { all: ['orders:write'] }\nroles: { from: realm_access.roles, any: [admin] }\nclaims: { all: { tenant: acme, level: [1, 2] } }");
BENCHMARK_CAPTURE(judge, refusal, "scopes: { all: ['orders:delete'] }");

}  // namespace
}  // namespace portico::policy::authorize
