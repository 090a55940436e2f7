// Body templates beside a copy of the same bytes, and beside parsing alone: ours and simdjson's.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstring>

#include "config/document.h"
#include "gateway/templates/body_template.h"

namespace portico::gateway {
namespace {

constexpr std::string_view kLegacyTemplate = R"(
id: $.userId
email: $.emailAddress
name: { first: $.firstName, last: $.lastName }
created_at: $.createdDate
metadata: { source: legacy-transform, version: "2.0" }
)";
constexpr std::string_view kListTemplate = R"(
recentOrders:
  for_each: $.orders[*]
  as: order
  item: { id: $order.id, total: $order.total, status: $order.status }
)";

std::string legacy() {
    return R"({"userId":"5f0c1d2e","emailAddress":"ada@example.com","firstName":"Ada","lastName":"Lovelace","createdDate":"2019-12-10T08:15:30Z"})";
}

std::string orders(size_t count) {
    std::string text = "{\"orders\":[";
    for (size_t i = 0; i < count; ++i) {
        if (i != 0) text += ',';
        text += R"({"id":)" + std::to_string(100000 + i) + R"(,"customer":"Ada \"the first\" Lovelace","total":129.90,"currency":"EUR",)"
                R"("status":"shipped","items":[{"sku":"A-17","name":"Analytical engine, small","quantity":2},{"sku":"B-4","quantity":1}]})";
    }
    return text + "]}";
}

struct Case {
    std::string_view yaml;
    std::string json;
};
Case case_of(int64_t which) {
    switch (which) {
        case 0: return {kLegacyTemplate, legacy()};
        case 1: return {kListTemplate, orders(50)};
        default: return {kListTemplate, orders(50'000)};
    }
}
const json::ParseOptions kOptions{.max_size = size_t{64} << 20};

class Fixture {
  public:
    explicit Fixture(int64_t which) : which_(case_of(which)) {
        config::FaultList faults;
        yaml_ = config::Document::parse(std::string(which_.yaml), config::process_environment(), faults);
        TemplatePlace place;
        place.roots = &roots_;
        body_ = BodyTemplate::compile(config::Scope(faults), yaml_->root(), place);
    }
    void render(json::Value root, std::string& out) const {
        Values values;
        values.roots = std::span(&root, 1);
        out.clear();
        if (!body_->render(values, out)) std::abort();
    }
    const std::string& json() const { return which_.json; }

  private:
    Case which_;
    std::vector<std::string> roots_{""};
    std::shared_ptr<const config::Document> yaml_;
    std::unique_ptr<const BodyTemplate> body_;
};

void count(benchmark::State& state, size_t bytes) {
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
    state.SetLabel(std::to_string(bytes) + " bytes");
}

// Throughput counts the document's bytes everywhere.
void render(benchmark::State& state) {
    const Fixture fixture(state.range(0));
    const auto document = json::Document::parse(fixture.json(), kOptions).value();
    std::string out;
    for (auto _ : state) {
        fixture.render(document.root(), out);
        benchmark::DoNotOptimize(out.data());
    }
    count(state, fixture.json().size());
}
BENCHMARK(render)->DenseRange(0, 2);

void parse_and_render(benchmark::State& state) {
    const Fixture fixture(state.range(0));
    std::string out;
    for (auto _ : state) {
        const auto document = json::Document::parse(fixture.json(), kOptions);
        fixture.render(document->root(), out);
        benchmark::DoNotOptimize(out.data());
    }
    count(state, fixture.json().size());
}
BENCHMARK(parse_and_render)->DenseRange(0, 2);

void parse(benchmark::State& state) {
    const std::string json = case_of(state.range(0)).json;
    for (auto _ : state) {
        auto document = json::Document::parse(json, kOptions);
        benchmark::DoNotOptimize(document);
    }
    count(state, json.size());
}
BENCHMARK(parse)->DenseRange(0, 2);

void simdjson_parse(benchmark::State& state) {
    const simdjson::padded_string json(case_of(state.range(0)).json);
    simdjson::dom::parser parser;
    for (auto _ : state) {
        simdjson::dom::element root;
        if (parser.parse(json).get(root) != simdjson::SUCCESS) std::abort();
        benchmark::DoNotOptimize(root);
    }
    count(state, json.size());
}
BENCHMARK(simdjson_parse)->DenseRange(0, 2);

void copy(benchmark::State& state) {
    const std::string json = case_of(state.range(0)).json;
    std::string out(json.size(), '\0');
    for (auto _ : state) {
        std::memcpy(out.data(), json.data(), json.size());
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    count(state, json.size());
}
BENCHMARK(copy)->DenseRange(0, 2);

// What the result alone costs to write down.
void copy_result(benchmark::State& state) {
    const Fixture fixture(state.range(0));
    const auto document = json::Document::parse(fixture.json(), kOptions).value();
    std::string result;
    fixture.render(document.root(), result);
    std::string out(result.size(), '\0');
    for (auto _ : state) {
        std::memcpy(out.data(), result.data(), result.size());
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    count(state, result.size());
}
BENCHMARK(copy_result)->DenseRange(0, 2);

}  // namespace
}  // namespace portico::gateway
