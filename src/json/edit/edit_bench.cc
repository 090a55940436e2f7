#include <benchmark/benchmark.h>

#include "json/edit/edit.h"

namespace portico::json {
namespace {

// About 10 MiB for 50,000.
std::string orders(size_t count) {
    std::string text = "{\"orders\":[";
    for (size_t i = 0; i < count; ++i) {
        if (i != 0) text += ',';
        text +=
            R"({"id":)" + std::to_string(100000 + i) + R"(,"customer":"Ada Lovelace","total":)" +
            std::to_string(i % 300) +
            R"(.90,"currency":"EUR","open":true,"items":[{"sku":"A-17","quantity":2},{"sku":"B-4","quantity":1}],)" +
            R"("address":{"street":"12 St James's Square","city":"London"}})";
    }
    return text + "],\"page\":{\"next\":{\"id\":7}}}";
}

class One final : public EditValues {
    Outcome give(size_t, Value, std::string& out) override {
        out += "1";
        return Outcome::value;
    }
};

void edit(benchmark::State& state, const std::vector<EditStep>& steps) {
    const std::string text = orders(50'000);
    const auto document = Document::parse(text);
    const auto plan = EditPlan::compile(steps);
    One values;
    std::string out;
    for (auto _ : state) {
        out.clear();
        if (!plan->apply(document->root(), values, out)) state.SkipWithError("a fault");
        benchmark::DoNotOptimize(out);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
using Kind = EditKind;
BENCHMARK_CAPTURE(edit, copy, {});
BENCHMARK_CAPTURE(edit, keep_three,
                  {{Kind::keep, "$.orders[*].id", ""},
                   {Kind::keep, "$.orders[*].total", ""},
                   {Kind::keep, "$.orders[*].items[*].sku", ""}});
BENCHMARK_CAPTURE(edit, remove_one, {{Kind::remove, "$.orders[*].address", ""}});
BENCHMARK_CAPTURE(edit, remove_everywhere, {{Kind::remove, "$..sku", ""}});
BENCHMARK_CAPTURE(edit, remove_by_filter, {{Kind::remove, "$.orders[?@.total > 150]", ""}});
BENCHMARK_CAPTURE(edit, rename, {{Kind::rename, "$.orders[*].customer", "name"}});
BENCHMARK_CAPTURE(edit, set, {{Kind::set, "$.orders[*].version", ""}});
BENCHMARK_CAPTURE(edit, set_one, {{Kind::set, "$.page.version", ""}});

void parse_and_keep(benchmark::State& state) {
    const std::string text = orders(50'000);
    const std::vector<EditStep> steps = {{Kind::keep, "$.orders[*].id", ""}, {Kind::keep, "$.orders[*].total", ""}};
    const auto plan = EditPlan::compile(steps);
    std::string out;
    for (auto _ : state) {
        out.clear();
        const auto document = Document::parse(text);
        if (!plan->apply(document->root(), out)) state.SkipWithError("a fault");
        benchmark::DoNotOptimize(out);
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(parse_and_keep);

}  // namespace
}  // namespace portico::json
