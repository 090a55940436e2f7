#include "config/openapi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::config {
namespace {

using testing::ElementsAre;
using Verdict = SchemaStep::Verdict;

// A document with one operation, whose answer's schema is `schema`, beside those of `components`.
std::shared_ptr<const OpenApi> api_of(const std::string& schema, const std::string& components = "{}") {
    auto api = OpenApi::parse(
        "openapi: 3.1.0\npaths: { /x: { get: { responses: { 200: { content: { application/json: { schema: " + schema +
            " } } } } } } }\ncomponents: { schemas: " + components + " }\n",
        "test.yaml");
    EXPECT_TRUE(api) << (api ? "" : api.error());
    return *api;
}

std::vector<std::string> paths_found(const OpenApi& api, std::string_view method, std::string_view path) {
    std::vector<std::string> found;
    for (const auto* operation : api.find(method, path)) found.push_back(operation->method + " " + operation->path);
    return found;
}

Verdict member(const std::string& schema, std::string_view name, const std::string& components = "{}") {
    const auto api = api_of(schema, components);
    return api->member(api->operations()[0].answers, name).verdict;
}

TEST(OpenApi, SegmentsOfPathsEndAtTheQuery) {
    EXPECT_THAT(path_segments("/a/{b}/c{d}?x=/y"), ElementsAre("a", "{}", "{}"));
    EXPECT_THAT(path_segments("/a/{$.x['/'].y?}/b"), ElementsAre("a", "{}", "b"));
    EXPECT_THAT(path_segments("/"), ElementsAre(""));
    EXPECT_THAT(path_segments("/a/"), ElementsAre("a", ""));
}

TEST(OpenApi, TheMostFixedPathIsMet) {
    const auto api = OpenApi::parse(R"(
openapi: 3.0.0
servers: [{ url: "http://x:80/v1/" }]
paths:
  /users/{id}: { get: {}, delete: {} }
  /users/me: { get: {} }
  /users/{id}/orders/{order}: { $ref: "#/components/pathItems/orders" }
components: { pathItems: { orders: { post: {} } } }
)",
                                    "x");
    ASSERT_TRUE(api);
    EXPECT_THAT(paths_found(**api, "GET", "/v1/users/{claims.sub}?a=1"), ElementsAre("GET /v1/users/{id}"));
    EXPECT_THAT(paths_found(**api, "", "/v1/users/7"), ElementsAre("GET /v1/users/{id}", "DELETE /v1/users/{id}"));
    EXPECT_THAT(paths_found(**api, "GET", "/v1/users/me"), ElementsAre("GET /v1/users/me"));
    EXPECT_THAT(paths_found(**api, "", "/v1/users/{x}/orders/{y}"), ElementsAre("POST /v1/users/{id}/orders/{order}"));
    EXPECT_THAT(paths_found(**api, "GET", "/users/7"), ElementsAre());
    EXPECT_THAT(paths_found(**api, "PUT", "/v1/users/7"), ElementsAre());
}

TEST(OpenApi, AMemberIsDeclaredOrNot) {
    EXPECT_EQ(member("{ properties: { a: {} } }", "a"), Verdict::declared);
    EXPECT_EQ(member("{ properties: { a: {} } }", "b"), Verdict::undeclared);
    EXPECT_EQ(member("{ properties: { a: {} }, additionalProperties: false }", "b"), Verdict::refused);
    EXPECT_EQ(member("{ properties: { a: {} }, unevaluatedProperties: false }", "b"), Verdict::refused);
    EXPECT_EQ(member("{ properties: { a: {} }, additionalProperties: true }", "b"), Verdict::unsaid);
    EXPECT_EQ(member("{ additionalProperties: { type: string } }", "b"), Verdict::declared);
    EXPECT_EQ(member("{ patternProperties: { '^x-': {} } }", "x-b"), Verdict::declared);
    EXPECT_EQ(member("{ patternProperties: { '^x-': {}, '[': {} } }", "b"), Verdict::undeclared);
    EXPECT_EQ(member("{ type: object }", "b"), Verdict::unsaid);
    EXPECT_EQ(member("{ type: [string, 'null'] }", "b"), Verdict::wrong_type);
    EXPECT_EQ(member("{ type: [object, 'null'], properties: { a: {} } }", "a"), Verdict::declared);
    EXPECT_EQ(member("true", "b"), Verdict::unsaid);
    EXPECT_EQ(member("false", "b"), Verdict::wrong_type);
}

TEST(OpenApi, SchemasArePutTogether) {
    constexpr auto kParts =
        "{ A: { properties: { a: {} } }, B: { properties: { b: {} } }, C: { $ref: '#/components/schemas/A' }, S: { "
        "type: string } }";
    EXPECT_EQ(member("{ $ref: '#/components/schemas/C' }", "a", kParts), Verdict::declared);
    EXPECT_EQ(
        member("{ allOf: [{ $ref: '#/components/schemas/A' }, { $ref: '#/components/schemas/B' }] }", "b", kParts),
        Verdict::declared);
    EXPECT_EQ(member("{ allOf: [{ $ref: '#/components/schemas/A' }, { type: object }] }", "c", kParts),
              Verdict::undeclared);
    EXPECT_EQ(member("{ allOf: [{ $ref: '#/components/schemas/A' }], additionalProperties: false }", "c", kParts),
              Verdict::refused);
    EXPECT_EQ(
        member("{ oneOf: [{ $ref: '#/components/schemas/A' }, { $ref: '#/components/schemas/S' }] }", "a", kParts),
        Verdict::declared);
    EXPECT_EQ(
        member("{ anyOf: [{ $ref: '#/components/schemas/A' }, { $ref: '#/components/schemas/S' }] }", "c", kParts),
        Verdict::undeclared);
    EXPECT_EQ(member("{ anyOf: [{ $ref: '#/components/schemas/S' }] }", "a", kParts), Verdict::wrong_type);
    EXPECT_EQ(member("{ $ref: 'other.yaml#/A' }", "a", kParts), Verdict::unsaid);
    EXPECT_EQ(member("{ $ref: '#/components/schemas/None' }", "a", kParts), Verdict::unsaid);
    EXPECT_EQ(member("{ $ref: '#/components/schemas/a~1b%20c' }", "a", "{ 'a/b c': { properties: { a: {} } } }"),
              Verdict::declared);
}

TEST(OpenApi, WhatOneOfThemLeavesOpenStaysOpen) {
    const auto api = api_of("{ anyOf: [{ properties: { a: { type: string } } }, { type: object }] }");
    const auto step = api->member(api->operations()[0].answers, "a");
    EXPECT_EQ(step.verdict, Verdict::declared);
    EXPECT_EQ(api->member(step.schemas, "b").verdict, Verdict::unsaid);
}

TEST(OpenApi, CyclesEnd) {
    constexpr auto kParts =
        "{ A: { anyOf: [{ $ref: '#/components/schemas/A' }, { $ref: '#/components/schemas/A' }, { properties: { a: { "
        "$ref: '#/components/schemas/A' } } }] } }";
    const auto api = api_of("{ $ref: '#/components/schemas/A' }", kParts);
    const auto& answers = api->operations()[0].answers;
    EXPECT_EQ(api->member(answers, "a").verdict, Verdict::declared);
    EXPECT_LT(api->all_inside(answers).size(), 20'001U);
    EXPECT_THAT(api->required(answers), ElementsAre());
}

TEST(OpenApi, ElementsAndChildren) {
    const auto element = [](const std::string& schema) {
        const auto api = api_of(schema);
        return api->element(api->operations()[0].answers).verdict;
    };
    EXPECT_EQ(element("{ type: array, items: { type: string } }"), Verdict::declared);
    EXPECT_EQ(element("{ type: array, prefixItems: [{}], items: false }"), Verdict::declared);
    EXPECT_EQ(element("{ type: array, items: false }"), Verdict::refused);
    EXPECT_EQ(element("{ type: array }"), Verdict::unsaid);
    EXPECT_EQ(element("{ type: object }"), Verdict::wrong_type);
    const auto api = api_of("{ properties: { a: {}, b: {} }, additionalProperties: {} }");
    EXPECT_EQ(api->children(api->operations()[0].answers).schemas.size(), 3U);
}

TEST(OpenApi, WhatIsRequiredIsGathered) {
    const auto api = api_of("{ required: [a], allOf: [{ required: [b, a] }, { $ref: '#/components/schemas/R' }] }",
                            "{ R: { required: [c] } }");
    EXPECT_THAT(api->required(api->operations()[0].answers), ElementsAre("a", "b", "c"));
    EXPECT_TRUE(api->member(api->operations()[0].answers, "c").always);
    EXPECT_FALSE(api->member(api->operations()[0].answers, "d").always);
}

TEST(OpenApi, WhatIsNoneIsSaidWithItsPlace) {
    EXPECT_EQ(OpenApi::parse("openapi: 2.0\n", "x.yaml").error(),
              "x.yaml is no OpenAPI document of version 3: it does not begin with openapi: 3.…");
    EXPECT_EQ(OpenApi::parse("openapi: 3.0.0\na: 1\na: 2\n", "x.yaml").error().substr(0, 12), "x.yaml:3:1: ");
    EXPECT_TRUE(OpenApi::parse("openapi: 3.0.0\nx: ${UNSET}\n", "x.yaml")) << "it is no configuration";
}

}  // namespace
}  // namespace portico::config
