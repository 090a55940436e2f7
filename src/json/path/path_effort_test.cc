// What evaluating a query says that it takes, beside what it really does.
#include <gtest/gtest.h>

#include "base/meter_fixture.h"
#include "json/path/path.h"

namespace portico::json {
namespace {

std::string repeated(std::string_view text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
}

struct Evaluated {
    uint64_t told = 0;
    size_t nodes = 0;
    bool whole = false;
};

Evaluated evaluated(std::string_view query, const std::string& json, uint64_t most = UINT64_MAX) {
    const Document document = Document::parse(json).value();
    const Path path = Path::compile(query).value();
    std::vector<Value> nodes;
    CountingMeter meter(most);
    const bool whole = path.evaluate(document.root(), nodes).has_value();
    return {meter.told, nodes.size(), whole};
}

TEST(JsonPathEffort, NumbersThatAreComparedArePaidByTheirDigits) {
    const std::string number = repeated("1", 32'000);
    const std::string json = "[" + number + repeated("," + number, 9) + "]";
    for (const char* query : {"$[?@ == $[0]]", "$[?@ <= $[0]]", "$[?@ > $[0]]"}) {
        EXPECT_GE(evaluated(query, json).told, 10u * 2 * 32'000 / 32) << query;
    }
}

TEST(JsonPathEffort, ObjectsThatAreComparedArePaidByTheirNames) {
    const std::string long_name = repeated("a", 64'000);
    const std::string one = "{\"" + long_name + "1\":1,\"" + long_name + "2\":1}";
    const std::string other = "{\"" + long_name + "2\":1,\"" + long_name + "1\":1}";
    const Evaluated same = evaluated("$[?@ == $[0]]", "[" + one + repeated("," + one, 9) + "]");
    EXPECT_EQ(same.nodes, 10u);
    EXPECT_GE(same.told, 9u * 2 * 1000);
    const Evaluated sorted = evaluated("$[?@ == $[0]]", "[" + one + repeated("," + other, 9) + "]");
    EXPECT_EQ(sorted.nodes, 10u);
    EXPECT_GE(sorted.told, 9u * 2 * 2 * 1000);
}

TEST(JsonPathEffort, ObjectsInAnotherOrderArePaidAsTheyAreSorted) {
    std::string forward = "{\"x\":0", backward = "\"x\":0}";
    for (int i = 0; i < 3000; ++i) {
        const std::string member = "\"n" + std::to_string(i) + "\":0";
        forward += "," + member;
        backward = member + "," + backward;
    }
    const std::string json = "[" + forward + "},{" + backward + "]";
    const Evaluated whole = evaluated("$[?@ == $[0]]", json);
    EXPECT_EQ(whole.nodes, 2u);
    EXPECT_GE(whole.told, 2u * 3000 * 11);
    const Evaluated ended = evaluated("$[?@ == $[0]]", json, 10'000);
    EXPECT_FALSE(ended.whole);
    EXPECT_LE(ended.told, 20'000u);
}

TEST(JsonPathEffort, AnExpressionOfADocumentIsPaidByItsProgram) {
    const auto json = [](size_t texts) {
        return R"({"r":"[a-z]{0,500}[a-z]{0,500}","v":[)" + repeated("\"aaaaaaaaaa\",", texts) + "\"\"]}";
    };
    const uint64_t compiled = evaluated("$.v[?search(@, $.r)]", json(0)).told;
    EXPECT_GE(compiled, 1000u + 2000 * 16 + 2000 * 2000 / 32) << "some 2,000 instructions";
    EXPECT_GE(evaluated("$.v[?search(@, $.r)]", json(10)).told, compiled + 10u * 11 * 2000 / 4) << "each byte may go through all of them";
    EXPECT_LE(evaluated("$.v[?search(@, '[a-z]{0,500}[a-z]{0,500}')]", json(10)).told, 200u) << "who wrote that one is trusted";
}

TEST(JsonPathEffort, WalkingThroughAnArrayIsPaidAsItGoes) {
    const std::string json = "[1" + repeated(",1", 40'000) + "]";
    for (const char* query : {"$[-1]", "$[39999:]", "$[0,-1]"}) {
        EXPECT_GE(evaluated(query, json).told, 2u * 40'000 / 8 - 1024) << query;
        EXPECT_LE(evaluated(query, json, 6000).nodes, evaluated(query, json).nodes - 1) << query;
    }
    const Evaluated backward = evaluated("$[:-10:-1]", json);
    EXPECT_EQ(backward.nodes, 9u);
    EXPECT_GE(backward.told, 40'000u);
    EXPECT_FALSE(evaluated("$[:-10:-1]", json, 20'000).whole);
}

TEST(JsonPathEffort, ABackwardSliceIsCountedAmongWhatIsHeld) {
    const std::string json = "[1" + repeated(",1", 40'000) + "]";
    const Document document = Document::parse(json).value();
    const Path path = Path::compile("$[::-20000]").value();
    std::vector<Value> nodes;
    EXPECT_TRUE(path.evaluate(document.root(), nodes));
    HeldMemory::here().limit(document.bytes() + 100'000);
    EXPECT_FALSE(path.evaluate(document.root(), nodes));
    HeldMemory::here().limit(UINT64_MAX);
    EXPECT_TRUE(path.evaluate(document.root(), nodes));
}

}  // namespace
}  // namespace portico::json
