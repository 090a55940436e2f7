#include "gateway/template_string.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::gateway {
namespace {

using ::testing::HasSubstr;

struct Parsed {
    Template result;
    std::string fault;
};

Parsed parse(const std::string& text, bool literal = false) {
    static const std::vector<std::string> parameters = {"id", "name"};
    config::FaultList faults;
    TemplatePlace place;
    place.parameters = &parameters;
    Parsed p;
    p.result = Template::parse(config::Scope(faults), {text, {}, true, literal}, place);
    for (const auto& f : faults.all()) p.fault += f.message + " (" + f.hint + ")";
    return p;
}

TEST(Template, TextAndValuesBecomeParts) {
    const Parsed p = parse("/u/{id}/{header.X-A}");
    ASSERT_EQ(p.fault, "");
    ASSERT_EQ(p.result.parts().size(), 4u);
    EXPECT_EQ(p.result.parts()[1].source, Source::parameter);
    EXPECT_EQ(p.result.parts()[1].slot, 0u);
    EXPECT_EQ(p.result.parts()[3].source, Source::header);
    EXPECT_EQ(p.result.parts()[3].text, "X-A");
}

TEST(Template, DoubledBracesAndDollarsAreThemselves) {
    EXPECT_EQ(parse("a {{b}} c").result.literal_text(), "a {b} c");
    EXPECT_EQ(parse("$$x").result.literal_text(), "$x");
    EXPECT_EQ(parse("costs $5 and $.x").result.literal_text(), "costs $5 and $.x");
}

TEST(Template, WhatCameFromTheEnvironmentIsText) {
    EXPECT_EQ(parse("{nothing} $.x", true).result.literal_text(), "{nothing} $.x");
}

TEST(Template, OddNamesAreQuoted) {
    const Parsed p = parse("{header['X-Odd}Name']}");
    ASSERT_EQ(p.fault, "");
    EXPECT_EQ(p.result.parts()[0].text, "X-Odd}Name");
}

TEST(Template, AnUnknownValueIsAnErrorWithTheNearestOrWithDoubledBraces) {
    EXPECT_THAT(parse("{client.pi}").fault, HasSubstr("did you mean {client.ip}?"));
    EXPECT_THAT(parse("{zzzzzzzzz}").fault, HasSubstr("write {{ for a brace"));
    EXPECT_THAT(parse("{\"ok\":true}").fault, HasSubstr("mapping"));
    EXPECT_THAT(parse("{claims.sub}").fault, HasSubstr("identity"));
    EXPECT_THAT(parse("{unclosed").fault, HasSubstr("without its"));
    EXPECT_THAT(parse("$.a").fault, HasSubstr("JSONPath"));
    EXPECT_THAT(parse("{**}").fault, HasSubstr("/**"));
}

}  // namespace
}  // namespace portico::gateway
