#include "gateway/templates/template_string.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/meter_fixture.h"
#include "gateway/exchange.h"

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

// What rendering a text costs: as a part of a body, and by itself.
class TemplateCosts : public ::testing::Test {
  protected:
    TemplateCosts() : loop_(std::move(*io::Loop::make(io::BackendChoice::epoll, clock_))), context_(*loop_, registry_, 1), x_(context_) {
        x_.view.fields = &x_.request.fields;
        x_.view.has_query = true;
    }

    uint64_t in_a_body(const std::string& text) {
        std::string out;
        uint64_t cost = 0;
        EXPECT_TRUE(compiled(text).append(values(), out, cost));
        return cost;
    }
    uint64_t alone(const std::string& text) {
        const Template compiled_text = compiled(text);
        const CountingMeter meter;
        std::string out;
        compiled_text.render(values(), out);
        return meter.told;
    }
    Template compiled(const std::string& text) {
        config::FaultList faults;
        const TemplatePlace place{.identity = true, .roots = &kNames, .calls = &kCalls};
        Template parsed = Template::parse(config::Scope(faults), {text, {}, true, false}, place);
        EXPECT_FALSE(faults.has_errors()) << text;
        return parsed;
    }
    Values values() {
        Values v = x_.values();
        v.roots = roots_;
        v.calls = calls_;
        return v;
    }

    static inline const std::vector<std::string> kNames = {""}, kCalls = {"user"};
    SystemClock clock_;
    observe::Registry registry_;
    std::unique_ptr<io::Loop> loop_;
    Context context_;
    Exchange x_;
    std::vector<json::Value> roots_{1};
    std::vector<CallResult> calls_{{200, &x_.request.fields}};
};

TEST_F(TemplateCosts, AQueryIsGoneThroughForEachOfItsValues) {
    std::string query = "x=1";
    for (int i = 0; i < 8000; ++i) query += "&a";
    x_.view.query = query;
    EXPECT_GE(in_a_body("{query.x}"), 8000u);
    EXPECT_GE(alone("{query.x}"), 8000u);
    x_.view.query = "x=1&y=2";
    EXPECT_LE(in_a_body("{query.x}"), 10u);
}

TEST_F(TemplateCosts, FieldsAreComparedForEachHeader) {
    for (int i = 0; i < 4000; ++i) x_.request.fields.add("A", "1");
    EXPECT_GE(in_a_body("{header.x}"), 1000u);
    EXPECT_GE(in_a_body("{calls.user.header.x}"), 1000u);
    EXPECT_GE(alone("{header.x}{calls.user.header.x}"), 2000u);
}

TEST_F(TemplateCosts, WhatIsPutThereIsPaidFor) {
    const std::string value(64'000, 'v');
    x_.request.fields.add("X", value);
    EXPECT_GE(in_a_body("{header.x}"), 1000u);
    EXPECT_GE(alone("<{header.x}>"), 1000u);
}

TEST_F(TemplateCosts, ALookUpInADocumentIsPaidForWhoeverAsks) {
    std::string text = "{\"x\":1";
    for (int i = 0; i < 8000; ++i) text += ",\"" + std::to_string(i) + "\":1";
    const auto document = json::Document::parse(text + "}").value();
    roots_[0] = document.root();
    x_.claims = document;
    EXPECT_GE(in_a_body("{$.x}"), 1000u);
    EXPECT_GE(alone("{$.x}"), 1000u);
    EXPECT_GE(alone("{claims.x}"), 1000u);
    const Template path = compiled("{$.x}{claims.x}");
    const CountingMeter meter;
    EXPECT_EQ(path.compound(values()), nullptr);
    EXPECT_GE(meter.told, 2000u);
}

}  // namespace
}  // namespace portico::gateway
