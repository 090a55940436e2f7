#include "gateway/rewrite.h"

#include <gtest/gtest.h>

#include "gateway/templates/field_value.h"

namespace portico::gateway {
namespace {

// `text` as a target over a client's body `$`, a service's answer `$order` and a call `order`. @returns "path?query", or the fault's name
std::string built(const std::string& text, const std::string& body, const std::string& order, bool answer = false) {
    static const std::vector<std::string> names{"", "order"};
    static const std::vector<std::string> calls{"order"};
    config::FaultList faults;
    const TemplatePlace place{.roots = &names, .calls = &calls, .answer = answer};
    const auto target = TargetTemplate::parse(config::Scope(faults), {text, {1, 1, 2}, true, false}, place);
    if (faults.has_errors()) return "error: " + faults.all()[0].message;
    const auto documents = std::pair(json::Document::parse(body).value(), json::Document::parse(order).value());
    const std::vector<json::Value> roots{documents.first.root(), documents.second.root()};
    const std::vector<CallResult> results{{201, nullptr}};
    Values values;
    values.roots = roots;
    values.calls = results;
    Arena arena;
    const auto made = target.build(values, false, arena);
    if (!made) return std::string(made.error().code());
    return std::string(made->path) + (made->has_query ? "?" + std::string(made->query) : "");
}

TEST(TargetOfDocuments, AValueIsOneSegmentsText) {
    EXPECT_EQ(built("/products/{$order.id}?", "{}", R"({"id":7})"), "/products/7");
    EXPECT_EQ(built("/products/{$order.id}?", "{}", R"({"id":"a b|%"})"), "/products/a%20b%7C%25");
    EXPECT_EQ(built("/{$.a}/{$order.id}?x={$.b}&y={calls.order.status}", R"({"a":true,"b":"1&2 3"})", R"({"id":"é"})"),
              "/true/%C3%A9?x=1%262%203&y=201");
}

TEST(TargetOfDocuments, AnAnswersValueThatCannotStandThereIsTheServicesFault) {
    for (const char* bad : {R"({"id":".."})", R"({"id":""})", R"({"id":"a/b"})", R"({"id":null})", "{}", R"({"id":[1]})", R"({"id":{}})"}) {
        EXPECT_EQ(built("/products/{$order.id}?", "{}", bad), "response.mapping") << bad;
        EXPECT_EQ(built("/products/{$order.id}/{$.a}?", R"({"a":"x"})", bad), "response.mapping") << bad;
        EXPECT_EQ(built("/products/{$.id}?", bad, "{}", true), "response.mapping") << bad;
    }
}

TEST(TargetOfDocuments, AClientsValueThatCannotStandThereIsTheClients) {
    EXPECT_EQ(built("/products/{$.id}?", R"({"id":".."})", "{}"), "route.bad_rewrite");
    EXPECT_EQ(built("/products/{$.id}?", R"({"id":""})", "{}"), "route.value_refused");
    EXPECT_EQ(built("/products/{$.id}?", R"({"id":[1]})", "{}"), "route.value_refused");
    EXPECT_EQ(built("/{$.id}/{$order.id}?", R"({"id":".."})", R"({"id":".."})"), "route.bad_rewrite");
}

// A constant leaves as a value does, in a form that a request line can hold.
TEST(TargetOfConstants, WhatATargetMayNotHoldIsEncoded) {
    EXPECT_EQ(built("/a b/é<>?q=c d&é={$.x}&f g", R"({"x":" "})", "{}"), "/a%20b/%C3%A9%3C%3E?q=c%20d&%C3%A9=%20&f%20g");
    EXPECT_EQ(built("/%7euser?", "{}", "{}"), "/~user");
    EXPECT_EQ(built("/a?redirect=/b?c=d", "{}", "{}"), "/a?redirect=/b?c=d");
}

TEST(TargetOfConstants, AControlBehindTheQuestionMarkIsAFault) {
    for (const char* text : {"/x?a=b HTTP/1.1\r\nX-User-ID: admin", "/x?a\n", "/x?{$.x}\t&b", "/x?a=\x7f", "/x?a\r={$.x}"}) {
        EXPECT_EQ(built(text, "{}", "{}"), "error: a query holds no control characters") << text;
    }
    EXPECT_EQ(built("/x?a#b", "{}", "{}"), "error: a query has no fragment (\"#\")");
}

TEST(TargetOfDocuments, AQueryPairThatIsNothingButAMissingValueIsLeftOut) {
    EXPECT_EQ(built("/x?a={$.a}&b={$.b}&c=-{$.c}", R"({"b":null,"c":null})", "{}"), "/x?c=-");
    EXPECT_EQ(built("/x?a={$order.a}", "{}", R"({"a":[1]})"), "response.mapping");
    EXPECT_EQ(built("/x?a={$.a}", R"({"a":{}})", "{}"), "route.value_refused");
}

TEST(TargetOfDocuments, A28_a_semicolon_of_a_value_is_no_parameter_of_the_path) {
    EXPECT_EQ(built("/products/{$order.id}?", "{}", R"({"id":"7;role=admin"})"), "response.mapping");
    EXPECT_EQ(built("/products/{$.id}?", R"({"id":"..;"})", "{}"), "route.bad_rewrite");
    EXPECT_EQ(built("/x?a={$.id}", R"({"id":"7;b=1"})", "{}"), "/x?a=7%3Bb%3D1");
}

TEST(TargetOfDocuments, A28_values_make_no_target_of_any_length) {
    const std::string most(kMostTargetValues, 'x');
    const auto id = [](const std::string& text) { return R"({"id":")" + text + R"("})"; };
    EXPECT_EQ(built("/{$.id}?", id(most).c_str(), "{}"), "/" + most);
    EXPECT_EQ(built("/{$.id}?", id(most + "x").c_str(), "{}"), "route.value_refused");
    EXPECT_EQ(built("/{$order.id}?", "{}", id(most + "x").c_str()), "response.mapping");
    EXPECT_EQ(built("/x?a={$.id}", id(most + "x").c_str(), "{}"), "route.value_refused");
    EXPECT_EQ(built("/x?a={$order.id}", "{}", id(most + "x").c_str()), "response.mapping");
}

TEST(TargetOfDocuments, APathIsNoTarget) {
    EXPECT_EQ(built("$.path", R"({"path":"/x"})", "{}"), "error: a path begins with \"/\"");
    EXPECT_EQ(built("/x/{$order[*]}?", "{}", "[]").substr(0, 6), "error:");
}

}  // namespace
}  // namespace portico::gateway
