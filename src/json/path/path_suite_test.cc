// The outside suite: jsonpath-compliance-test-suite's cts.json, all of it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/suites_fixture.h"
#include "json/path/path.h"

namespace portico::json {
namespace {

std::filesystem::path suite() { return published_suite(PORTICO_SOURCE_DIR, "rfc9535/cts.json"); }

std::string written(Value value) {
    std::string out;
    append_value(out, value);
    return out;
}

// The lists that a case allows: one, or several where the order of members is open.
std::vector<Value> allowed(Value test, std::string_view one, std::string_view several) {
    if (const Value only = test.find(one)) return {only};
    const Elements all = test.find(several).elements();
    return {all.begin(), all.end()};
}

std::string locations(Value root, const std::vector<Value>& nodes) {
    std::string out;
    for (const Value node : nodes) out += location_of(root, node) + "\n";
    return out;
}

void check_selection(Value test, const Path& path) {
    const Value document = test.find("document");
    std::vector<Value> nodes;
    ASSERT_TRUE(path.evaluate(document, nodes));
    std::string got = "[";
    for (const Value node : nodes) got += (got.size() == 1 ? "" : ",") + written(node);
    got += "]";
    bool values_fit = false;
    for (const Value list : allowed(test, "result", "results")) values_fit = values_fit || written(list) == got;
    EXPECT_TRUE(values_fit) << got;
    bool places_fit = false;
    for (const Value list : allowed(test, "result_paths", "results_paths")) {
        std::string wanted;
        for (const Value place : list.elements()) wanted += std::string(place.string()) + "\n";
        places_fit = places_fit || wanted == locations(document, nodes);
    }
    EXPECT_TRUE(places_fit) << locations(document, nodes);
    if (path.is_singular()) {
        EXPECT_EQ(path.find(document), nodes.empty() ? Value() : nodes.front());
    }
    const auto exists = path.exists(std::span(&document, 1));
    EXPECT_EQ(exists.value_or(false), !nodes.empty());
}

TEST(JsonPathSuite, every_case_of_the_compliance_suite_holds) {
    PORTICO_SKIP_WITHOUT(suite());
    std::ifstream in(suite(), std::ios::binary);
    ASSERT_TRUE(in) << suite() << " cannot be read";
    const auto cases = Document::parse(std::string{std::istreambuf_iterator<char>(in), {}});
    ASSERT_TRUE(cases);
    size_t count = 0;
    for (const Value test : cases->root().find("tests").elements()) {
        ++count;
        const std::string_view selector = test.find("selector").string();
        SCOPED_TRACE(std::string(test.find("name").string()) + ": " + std::string(selector));
        const auto path = Path::compile(selector, {.lenient_regex = true});
        if (test.find("invalid_selector").boolean()) {
            EXPECT_FALSE(path);
            continue;
        }
        if (!path) {
            ADD_FAILURE() << path.error().what << " at " << path.error().offset;
            continue;
        }
        check_selection(test, *path);
        const auto again = Path::compile(path->text(), {.lenient_regex = true});
        if (!again) {
            ADD_FAILURE() << path->text() << ": " << again.error().what;
            continue;
        }
        EXPECT_EQ(again->text(), path->text());
        check_selection(test, *again);
    }
    EXPECT_EQ(count, 703U);
}

}  // namespace
}  // namespace portico::json
