// Properties of JSONPath: a query that compiles has one spelling, which compiles to itself; evaluating it stays within its
// bounds, gives the same again by either spelling, and only values of the document; a singular one selects one value at most,
// the one that find() gives; one that is refused is told with a place inside it.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "json/path/path.h"

namespace {

using namespace portico::json;

constexpr std::string_view kNasty = R"({"a":[1,2.0,-0,1e400,9007199254740993,"a","","é\ud83d\ude00\u0000",null,true,[],{}],
    "b":{"a":{"b":{"a":[[[[[[0]]]]]]}},"":"", "a b":"a.*", "'":"(", "r":"[a-c]{2,3}"},"é":[{"id":1,"v":"abc"},{"id":2,"v":"\n"},{"id":"1"}],
    "deep":[[[[[[[[[[{"x":[1,[2,[3]]]}]]]]]]]]]],"o":[{"p":1,"q":[1,2]},{"q":[1,2],"p":1.0}],"null":null})";

const Value kRoot = [] {
    static const Document document = Document::parse(kNasty).value();
    return document.root();
}();

std::vector<Value> roots_of(const Path& path) {
    std::vector<Value> roots(path.root_names().size(), kRoot);
    if (roots.size() > 1) roots.back() = kRoot.find("b");
    if (roots.size() > 2) roots[1] = Value();
    return roots;
}

void check_nodes(const Path& path, const std::vector<Value>& nodes, const PathBounds& bounds) {
    PORTICO_CHECK(nodes.size() <= bounds.max_nodes);
    for (const Value node : nodes) {
        PORTICO_CHECK(!location_of(kRoot, node).empty());
    }
    if (!path.is_singular()) return;
    PORTICO_CHECK(nodes.size() <= 1 && path.find(kRoot) == (nodes.empty() ? Value() : nodes.front()));
}

void check(std::string_view text, const PathOptions& options) {
    const auto path = Path::compile(text, options);
    if (!path) {
        PORTICO_CHECK(path.error().offset <= text.size() && !path.error().what.empty());
        return;
    }
    const auto again = Path::compile(path->text(), options);
    PORTICO_CHECK(again && again->text() == path->text() && again->is_singular() == path->is_singular());
    PORTICO_CHECK(std::ranges::equal(again->root_names(), path->root_names()));

    const PathBounds bounds{.max_nodes = 1000, .max_steps = 50'000};
    std::vector<Value> nodes;
    std::vector<Value> same;
    const auto roots = roots_of(*path);
    const bool done = path->evaluate(roots, nodes, bounds).has_value();
    PORTICO_CHECK(again->evaluate(roots, same, bounds).has_value() == done);
    PORTICO_CHECK(nodes == same && (done || nodes.empty()));
    if (!done) return;
    if (roots.front() == kRoot) check_nodes(*path, nodes, bounds);
    const auto exists = path->exists(roots, bounds);
    PORTICO_CHECK(exists && *exists == !nodes.empty());
}

// A condition has one spelling too, holds alike by either, and tells queries that are queries.
void check_condition(std::string_view text) {
    const PathOptions options{.named_roots = true};
    const auto condition = Condition::compile(text, options);
    if (!condition) {
        PORTICO_CHECK(condition.error().offset <= text.size() && !condition.error().what.empty());
        return;
    }
    const auto again = Condition::compile(condition->text(), options);
    PORTICO_CHECK(again && again->text() == condition->text());
    for (const std::string& query : condition->queries()) PORTICO_CHECK(Path::compile(query, options).has_value());
    const std::vector<Value> roots(condition->root_names().size(), kRoot);
    const PathBounds bounds{.max_nodes = 1000, .max_steps = 50'000};
    const auto holds = condition->holds(roots, bounds);
    PORTICO_CHECK(again->holds(roots, bounds) == holds);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 1024) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check(text, {.named_roots = true});
    check(text, {.lenient_regex = true});
    check_condition(text);
    return 0;
}
