#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/contract/contract_made.h"
#include "gateway/contract/contract_path.h"
#include "gateway/templates/body_template_fixture.h"

namespace portico::gateway {
namespace {

using testing::ElementsAre;
using Verdict = config::SchemaStep::Verdict;

std::shared_ptr<const config::OpenApi> api_of(const std::string& schema) {
    auto api = config::OpenApi::parse(
        "openapi: 3.1.0\npaths: { /x: { get: { responses: { 200: { content: { application/json: { schema: " + schema +
            " } } } } } } }\n",
        "test.yaml");
    EXPECT_TRUE(api) << (api ? "" : api.error());
    return *api;
}

std::string judged(const std::string& schema, std::string_view path) {
    const auto api = api_of(schema);
    const auto judgement =
        judge_path(*api, api->operations()[0].answers, json::Path::compile(path, {.named_roots = true}).value());
    switch (judgement.verdict) {
        case Verdict::declared: return judgement.always ? "always" : "declared";
        case Verdict::unsaid: return "unsaid";
        case Verdict::undeclared: return "no " + judgement.step + " in " + judgement.before;
        case Verdict::refused: return "never " + judgement.step + " in " + judgement.before;
        case Verdict::wrong_type: return "no part " + judgement.step + " of " + judgement.before;
    }
    return "";
}

constexpr auto kOrder =
    "{ type: object, required: [id, items], properties: { id: { type: string }, note: { type: string }, "
    "items: { type: array, items: { type: object, required: [sku], additionalProperties: false, "
    "properties: { sku: { type: string }, price: { type: number } } } } } }";

TEST(ContractPath, IsWalkedThroughTheSchema) {
    EXPECT_EQ(judged(kOrder, "$.id"), "always");
    EXPECT_EQ(judged(kOrder, "$.note"), "declared");
    EXPECT_EQ(judged(kOrder, "$.items[*].sku"), "always") << "a list of them, be it empty";
    EXPECT_EQ(judged(kOrder, "$.items[0].sku"), "declared");
    EXPECT_EQ(judged(kOrder, "$order.items[?@.price > 1].price"), "declared");
    EXPECT_EQ(judged(kOrder, "$..sku"), "always");
    EXPECT_EQ(judged("{}", "$.a.b"), "unsaid");
}

TEST(ContractPath, SaysWhereItFails) {
    EXPECT_EQ(judged(kOrder, "$.nothing.at"), "no nothing in $");
    EXPECT_EQ(judged(kOrder, "$order.items[*].skv"), "never skv in $order.items[*]");
    EXPECT_EQ(judged(kOrder, "$.items.sku"), "no part sku of $.items");
    EXPECT_EQ(judged(kOrder, "$.id[0]"), "no part [0] of $.id");
    EXPECT_EQ(judged(kOrder, "$.items..skv"), "no skv in $.items");
    EXPECT_EQ(judged(kOrder, "$['id','other']"), "no other in $");
}

struct Compared {
    std::vector<std::string> missing, maybe;
};

Compared compared(const std::string& schema, const std::vector<BodyTemplate::Product>& products) {
    const auto api = api_of(schema);
    Made::Findings findings;
    Made::of(products).compare(*api, api->operations()[0].answers, findings);
    Compared result{{}, findings.maybe};
    for (const auto& missing : findings.missing) {
        result.missing.push_back(missing.path + (missing.near.empty() ? "" : "~" + std::string(missing.near)));
    }
    return result;
}

TEST(Made, WhatIsRequiredIsMadeOrNamed) {
    const Compared all = compared(kOrder, {{"id", false}, {"items", true}, {"items[].sku", true}});
    EXPECT_THAT(all.missing, ElementsAre());
    EXPECT_THAT(all.maybe, ElementsAre("id"));
    const Compared some = compared(kOrder, {{"Id", true}, {"items", true}, {"items[].name", true}});
    EXPECT_THAT(some.missing, ElementsAre("id~Id", "items[].sku"));
    EXPECT_THAT(compared(kOrder, {{"id", true}, {"items", true}}).missing, ElementsAre())
        << "what is copied may hold anything";
    EXPECT_THAT(compared(kOrder, {}).missing, ElementsAre());
    EXPECT_THAT(compared("{ type: array, items: " + std::string(kOrder) + " }", {{"[].id", true}}).missing,
                ElementsAre("[].items"));
    EXPECT_THAT(
        compared("{ required: [odd.name, a] }", {{"['odd.name']", true}, {"['odd.name'].x", true}, {"unlike", true}})
            .missing,
        ElementsAre("a"));
}

TEST(Made, NamesOfAnyCharactersAreReadAsTheyWereSpelt) {
    BodyFixture f;
    const auto body = f.compile(R"({ "a'][b": { x: 1 }, "it's": 1, "back\\.": 1, "[": 1, "]": 1, "\\'": 1, "": 1 })");
    ASSERT_NE(body, nullptr) << f.faults();
    const Compared all = compared(R"({ required: ["a'][b", "it's", "back\\.", "[", "]", "\\'", "", "other'"] })", body->products());
    EXPECT_THAT(all.missing, ElementsAre("other'"));
    EXPECT_THAT(all.maybe, ElementsAre());
}

TEST(Made, WhateverStandsInAPathItEnds) {
    for (const char* path : {"[", "[b']", "a[", ".", "..", "a.", "['", "['a", "['a'", "['a\\", "a'][b", "[[]", "]"}) {
        Made::of(std::vector<BodyTemplate::Product>{{path, true}});
    }
}

}  // namespace
}  // namespace portico::gateway
