#include "gateway/templates/template_string.h"

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

// With documents: `$` is {"n":2.0,"t":"x","l":[1],"z":null}, `$user` is not there.
struct OverDocuments {
    std::string text, fault;
};

OverDocuments over_documents(const std::string& text) {
    static const std::vector<std::string> names = {"", "user"};
    static const json::Document document = json::Document::parse(R"({"n":2.0,"t":"x","l":[1],"z":null})").value();
    config::FaultList faults;
    const TemplatePlace place{.roots = &names};
    const Template parsed = Template::parse(config::Scope(faults), {text, {4, 9, static_cast<uint32_t>(11 + text.size())}, true, false}, place);
    OverDocuments over;
    for (const auto& f : faults.all()) over.fault += std::to_string(f.mark.column) + " " + f.message + " (" + f.hint + ")";
    const std::vector<json::Value> roots{document.root(), json::Value()};
    Values values;
    values.roots = roots;
    uint64_t cost = 0;
    const auto there = parsed.append(values, over.text, cost);
    if (!there) over.text = "refused: " + std::string(there.error().code()) + " " + there.error().context;
    else if (!*there) over.text = "none";
    return over;
}

TEST(TemplateOfDocuments, ATextThatIsAPathIsItsValueAsText) {
    EXPECT_EQ(over_documents("$.n").text, "2.0");
    EXPECT_EQ(over_documents("$.t").text, "x");
    EXPECT_EQ(over_documents("$.z").text, "none");
    EXPECT_EQ(over_documents("$user.id").text, "none");
    EXPECT_EQ(over_documents("$.l").text, "refused: route.value_refused $.l is a list or an object");
}

TEST(TemplateOfDocuments, PathsStandInBracesAmongText) {
    EXPECT_EQ(over_documents("<{$.n}|{$.z}|{$['t']}|{$.l[0]}>").text, "<2.0||x|1>");
    EXPECT_EQ(over_documents("a {$user} b").text, "a  b");
    EXPECT_EQ(over_documents("{$}").text, "refused: route.value_refused $ is a list or an object");
}

TEST(TemplateOfDocuments, WhatIsWrongIsToldAtItsColumn) {
    EXPECT_THAT(over_documents("ab {$.x[} c").fault, HasSubstr("18 this is no JSONPath"));  // quoted: the text begins at 10
    EXPECT_THAT(over_documents("$5 off").fault, HasSubstr("write $$ for a text that begins with a dollar"));
    EXPECT_THAT(over_documents("e{$usr.x}").fault, HasSubstr("12 nothing is known as $usr here (did you mean $user?)"));
    EXPECT_THAT(over_documents("{$.l[*]}").fault, HasSubstr("may select several values"));
}

TEST(TemplateOfDocuments, ADollarWithinATextIsAskedAbout) {
    const auto over = over_documents("{$.t} owes $.total");
    EXPECT_EQ(over.text, "x owes $.total");
    EXPECT_THAT(over.fault, HasSubstr("21 \"$.total\" is text here: a $ within a text is itself (was {$.total} meant?)"));
    EXPECT_EQ(over_documents("$$.total and $5.00 and $x.y and a$.5").fault, "");
    EXPECT_THAT(over_documents("by $user.name.").fault, HasSubstr("was {$user.name} meant?"));
}

}  // namespace
}  // namespace portico::gateway
