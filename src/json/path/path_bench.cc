#include <benchmark/benchmark.h>

#include "json/path/path.h"

namespace portico::json {
namespace {

std::string orders(size_t count) {
    std::string text = "{\"orders\":[";
    for (size_t i = 0; i < count; ++i) {
        if (i != 0) text += ',';
        text += R"({"id":)" + std::to_string(100000 + i) + R"(,"customer":"Ada Lovelace","total":)" + std::to_string(i % 300) +
                R"(.90,"currency":"EUR","open":true,"items":[{"sku":"A-17","quantity":2},{"sku":"B-4","quantity":1}]})";
    }
    return text + "],\"page\":{\"next\":{\"id\":7}}}";
}

void lookup(benchmark::State& state, const char* query) {
    const auto document = Document::parse(orders(7));  // about 1 KiB
    const auto path = Path::compile(query);
    for (auto _ : state) {
        auto value = path->find(document->root());
        benchmark::DoNotOptimize(value);
    }
}
BENCHMARK_CAPTURE(lookup, name, "$.page");
BENCHMARK_CAPTURE(lookup, names, "$.page.next.id");
BENCHMARK_CAPTURE(lookup, element, "$.orders[3].items[1].sku");

void select(benchmark::State& state, const char* query) {
    const std::string text = orders(10'000);
    const auto document = Document::parse(text);
    const auto path = Path::compile(query);
    std::vector<Value> nodes;
    for (auto _ : state) {
        nodes.clear();
        if (!path->evaluate(document->root(), nodes)) state.SkipWithError("past a bound");
        benchmark::DoNotOptimize(nodes);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
    state.counters["nodes"] = static_cast<double>(nodes.size());
}
BENCHMARK_CAPTURE(select, every, "$.orders[*].id");
BENCHMARK_CAPTURE(select, descendants, "$..id");
BENCHMARK_CAPTURE(select, filter_number, "$.orders[?@.total > 150]");
BENCHMARK_CAPTURE(select, filter_text_and, "$.orders[?@.currency == 'EUR' && @.open == true].id");
BENCHMARK_CAPTURE(select, filter_regex, "$.orders[?match(@.customer, 'Ada .*')]");
BENCHMARK_CAPTURE(select, filter_nested, "$.orders[?@.items[?@.quantity > 1]].id");

void parse_beside(benchmark::State& state) {
    const std::string text = orders(10'000);
    for (auto _ : state) {
        auto document = Document::parse(text);
        benchmark::DoNotOptimize(document);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(parse_beside);

void compile(benchmark::State& state, const char* query) {
    for (auto _ : state) {
        auto path = Path::compile(query);
        benchmark::DoNotOptimize(path);
    }
}
BENCHMARK_CAPTURE(compile, singular, "$.page.next.id");
BENCHMARK_CAPTURE(compile, filter, "$.orders[?@.currency == 'EUR' && @.total > 150].id");

}  // namespace
}  // namespace portico::json
