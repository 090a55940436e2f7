#include <benchmark/benchmark.h>

#include "policy/fields/selection.h"

namespace portico::policy::fields {
namespace {

constexpr std::string_view kAllowed = "id,name(first,last),orders(id,total,items(sku,quantity)),created_at";

void read_and_restrict(benchmark::State& state) {
    Arena allowed_arena;
    Selection allowed;
    (void)read_selection(kAllowed, allowed, allowed_arena);
    for (auto _ : state) {
        Arena arena;
        Selection asked;
        auto read = read_selection("id,name(first),orders.id,orders.items.sku", asked, arena);
        auto done = restrict_to(allowed, asked, arena);
        benchmark::DoNotOptimize(done);
    }
}
BENCHMARK(read_and_restrict);

void project_list(benchmark::State& state) {
    std::string text = "{\"orders\":[";
    for (int i = 0; i < 50'000; ++i) {
        if (i != 0) text += ',';
        text += R"({"id":)" + std::to_string(i) +
                R"(,"customer":"Ada Lovelace","total":12.90,"currency":"EUR","items":[{"sku":"A-17","quantity":2}]})";
    }
    text += "]}";
    const auto document = json::Document::parse(text);
    Arena arena;
    Selection asked;
    (void)read_selection("orders(id,items.sku)", asked, arena);
    std::string out;
    for (auto _ : state) {
        out.clear();
        benchmark::DoNotOptimize(project(document->root(), asked, out));
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(project_list);

}  // namespace
}  // namespace portico::policy::fields
