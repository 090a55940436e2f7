#include "gateway/templates/body_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/templates/body_template_fixture.h"

namespace portico::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The template over one document.
std::string made(const std::string& yaml, const std::string& json) {
    return BodyFixture({{"", json}}).render(yaml);
}

TEST(BodyTemplate, TheLegacyAnswerLeavesInTheNewShape) {
    const std::string yaml = R"(
id: $.userId
email: $.emailAddress
name: { first: $.firstName, last: $.lastName }
created_at: $.createdDate
metadata: { source: legacy-transform, version: "2.0" }
)";
    EXPECT_EQ(made(yaml, R"({"userId": 7, "emailAddress": "a@b.example", "firstName": "Ada", "lastName": "L", "createdDate": "2020-01-01"})"),
              R"({"id":7,"email":"a@b.example","name":{"first":"Ada","last":"L"},"created_at":"2020-01-01",)"
              R"("metadata":{"source":"legacy-transform","version":"2.0"}})");
}

TEST(BodyTemplate, ASingularQueryYieldsItsValueAsItIsWritten) {
    EXPECT_EQ(made("v: $.x", R"({"x": 12345678901234567890})"), R"({"v":12345678901234567890})");
    EXPECT_EQ(made("v: $.x", R"({"x": 2.0})"), R"({"v":2.0})");
    EXPECT_EQ(made("v: $.x", R"({"x": "\u0041\/"})"), R"({"v":"\u0041\/"})");
    EXPECT_EQ(made("v: $.x", R"({"x": [1,  2]})"), R"({"v":[1,  2]})");
    EXPECT_EQ(made("v: $.x", R"({"x": null})"), R"({"v":null})");
    EXPECT_EQ(made("$.x", R"({"x": true})"), "true");
    EXPECT_EQ(made("$", " {} "), "{}");
}

TEST(BodyTemplate, ASingularQueryThatSelectsNothingLeavesItsFieldOut) {
    EXPECT_EQ(made("{ a: $.x, b: 1 }", "{}"), R"({"b":1})");
    EXPECT_EQ(made("{ b: 1, a: $.x }", "{}"), R"({"b":1})");
    EXPECT_EQ(made("{ b: 1, a: $.x, c: 2, d: $.y, e: $.z, f: 3 }", R"({"y":0})"), R"({"b":1,"c":2,"d":0,"f":3})");
    EXPECT_EQ(made("{ a: $.x, b: $.y }", R"({"y":1})"), R"({"b":1})");
    EXPECT_EQ(made("{ a: $.x }", "{}"), "{}");
    EXPECT_EQ(made("{ a: { b: $.x } }", "{}"), R"({"a":{}})");
}

TEST(BodyTemplate, AsAListsElementWhatIsMissingIsNull) {
    EXPECT_EQ(made("[$.x, 1, $.y]", R"({"y":2})"), "[null,1,2]");
}

TEST(BodyTemplate, AsTheWholeBodyWhatIsMissingIsAnErrorThatNamesIt) {
    EXPECT_EQ(made("$.a.b", "{}"), "failed: response.mapping: $.a.b is missing, and it is the whole body");
}

TEST(BodyTemplate, AnyOtherQueryYieldsAListMaybeEmpty) {
    EXPECT_EQ(made("tags: $.tags[*].name", R"({"tags":[{"name":"a"},{},{"name":null}]})"), R"({"tags":["a",null]})");
    EXPECT_EQ(made("tags: $.tags[*].name", R"({"tags":[]})"), R"({"tags":[]})");
    EXPECT_EQ(made("tags: $.tags[*].name", "{}"), R"({"tags":[]})");
    EXPECT_EQ(made("$..x", R"({"x":{"x":1}})"), R"([{"x":1},1])");
}

TEST(BodyTemplate, ConstantsAreWrittenAsTheyStand) {
    EXPECT_EQ(made("{ a: 12345678901234567890, b: 2.0, c: true, d: null, e: [1, [], {}], f: \"x\\\"y\" }", "{}"),
              R"({"a":12345678901234567890,"b":2.0,"c":true,"d":null,"e":[1,[],{}],"f":"x\"y"})");
    EXPECT_EQ(made("{}", "{}"), "{}");
    EXPECT_EQ(made("[]", "{}"), "[]");
    EXPECT_EQ(made("{ a: $$x, b: pa$$word, c: $$ }", "{}"), R"({"a":"$x","b":"pa$$word","c":"$"})");
}

TEST(BodyTemplate, ANumberThatJsonCannotSpellIsAnError) {
    EXPECT_THAT(made("{ a: 0x1F, b: .5, c: .inf }", "{}"),
                ::testing::AllOf(HasSubstr("1:6 JSON cannot spell the number 0x1F"), HasSubstr("1:15"), HasSubstr("1:22")));
}

TEST(BodyTemplate, TextsTakeValuesOfTheDocument) {
    EXPECT_EQ(made("label: \"{$.first} {$.last}\"", R"({"first":"A\"","last":2.50})"), R"({"label":"A\" 2.50"})");
    EXPECT_EQ(made("label: \"{$.first}-{$.no}-{$.nil}\"", R"({"first":true,"nil":null})"), R"({"label":"true--"})");
    EXPECT_EQ(made("label: \"{$['a}b']}\"", R"({"a}b":"x"})"), R"({"label":"x"})");
}

TEST(BodyTemplate, AListOrObjectInATextIsAnError) {
    EXPECT_THAT(made("label: \"x {$.a}\"", R"({"a":[1]})"), HasSubstr("$.a is a list or an object"));
    EXPECT_THAT(made("label: \"x {$.a[*]}\"", R"({"a":[1]})"), HasSubstr("may select several values"));
}

TEST(BodyTemplate, ForEachGoesThroughAListsElementsOrAQuerysNodes) {
    const std::string orders = R"({"orders":[{"id":1,"t":5},{"id":2}]})";
    const std::string wanted = R"({"o":[{"id":1,"t":5},{"id":2}]})";
    EXPECT_EQ(made("o: { for_each: $.orders, as: x, item: { id: $x.id, t: $x.t } }", orders), wanted);
    EXPECT_EQ(made("o: { for_each: \"$.orders[*]\", as: x, item: { id: $x.id, t: $x.t } }", orders), wanted);
    EXPECT_EQ(made("o: { for_each: \"$.orders[?@.id]\", as: x, item: { id: $x.id, t: $x.t } }", orders), wanted);
    EXPECT_EQ(made("o: { for_each: $.orders, item: $item.t }", orders), R"({"o":[5,null]})");
}

TEST(BodyTemplate, ForEachOfNothingOrNullIsAnEmptyListAndOfAnythingElseAnError) {
    EXPECT_EQ(made("o: { for_each: $.x, item: 1 }", "{}"), R"({"o":[]})");
    EXPECT_EQ(made("o: { for_each: $.x, item: 1 }", R"({"x":null})"), R"({"o":[]})");
    EXPECT_EQ(made("o: { for_each: $.x, item: 1 }", R"({"x":"y"})"), "failed: response.mapping: $.x is a string, and for_each goes through a list");
    EXPECT_EQ(made("o: { for_each: $.x, item: 1 }", R"({"x":{}})"), "failed: response.mapping: $.x is an object, and for_each goes through a list");
}

TEST(BodyTemplate, ForEachStandsInForEachAndSeesAllVariables) {
    EXPECT_EQ(made("{ for_each: $.a, as: x, item: { for_each: $x.b, as: y, item: [$x.n, $y, \"{$x.n}{$y}{$.z}\"] } }",
                   R"({"z":9,"a":[{"n":1,"b":[2,3]},{"n":4}]})"),
              R"([[[1,2,"129"],[1,3,"139"]],[]])");
}

TEST(BodyTemplate, WhereKeepsWhatItsConditionHoldsFor) {
    const std::string json = R"({"least":2,"a":[{"n":1},{"n":2},{"n":3}]})";
    EXPECT_EQ(made("{ for_each: $.a, as: x, where: $x.n >= $.least, item: $x.n }", json), "[2,3]");
    EXPECT_EQ(made("{ for_each: $.a, as: x, where: $x.n >= $.least, limit: 1, item: $x.n }", json), "[2]");
}

TEST(BodyTemplate, SortByOrdersByKeysOneAfterAnother) {
    const std::string json = R"({"a":[{"n":2,"s":"b"},{"n":10,"s":"a"},{"s":"c"},{"n":2,"s":"a"},{"n":null,"s":"d"}]})";
    EXPECT_EQ(made("{ for_each: $.a, sort_by: $item.n, item: $item.s }", json), R"(["b","a","a","c","d"])");
    EXPECT_EQ(made("{ for_each: $.a, sort_by: [{ by: $item.n, order: desc }, $item.s], item: $item.s }", json), R"(["a","a","b","c","d"])");
    EXPECT_EQ(made("{ for_each: $.a, sort_by: { by: $item.s, order: desc }, limit: 2, item: $item.s }", json), R"(["d","c"])");
}

TEST(BodyTemplate, GetTakesADefaultWhereThereIsNothing) {
    EXPECT_EQ(made("a: { get: $.x, default: 0 }", "{}"), R"({"a":0})");
    EXPECT_EQ(made("a: { get: $.x, default: 0 }", R"({"x":null})"), R"({"a":null})");
    EXPECT_EQ(made("a: { get: $.x, default: 0, omit_null: true }", R"({"x":null})"), R"({"a":0})");
    EXPECT_EQ(made("a: { get: $.x, omit_null: true }", R"({"x":null})"), "{}");
    EXPECT_EQ(made("[{ get: $.x }]", "{}"), "[null]");
    EXPECT_EQ(made("a: { get: $.x, default: { b: $.y } }", R"({"y":1})"), R"({"a":{"b":1}})");
    EXPECT_EQ(made("a: { get: $.x, default: $.y }", "{}"), "{}");
}

TEST(BodyTemplate, GetRequiredIsAnErrorThatNamesThePathFromTheDocumentOn) {
    EXPECT_EQ(made("a: { get: $.x.y, required: true }", "{}"), "failed: response.mapping: $.x.y is missing");
    EXPECT_EQ(made("{ for_each: $.a, as: x, item: { get: $x.n, required: true } }", R"({"a":[{}]})"), "failed: response.mapping: $.a[*].n is missing");
}

TEST(BodyTemplate, AMappingWithoutDirectiveWordIsData) {
    EXPECT_EQ(made("price: { value: $.amount, default: 1, date: $.at }", R"({"amount":3,"at":"x"})"),
              R"({"price":{"value":3,"default":1,"date":"x"}})");
}

TEST(BodyTemplate, LiteralWritesItsKeysAsTheyStand) {
    EXPECT_EQ(made("{ literal: { get: $.x, for_each: 1, literal: 2 } }", R"({"x":3})"), R"({"get":3,"for_each":1,"literal":2})");
    EXPECT_THAT(made("{ literal: 1 }", "{}"), HasSubstr("a mapping"));
}

TEST(BodyTemplate, ADirectivesUnknownKeyIsAnErrorWithTheNearest) {
    EXPECT_THAT(made("a: { get: $.x, defualt: 1 }", "{}"), HasSubstr("1:16 a mapping with \"get\" is a directive, which knows no key \"defualt\" (did you mean \"default\"?)"));
    EXPECT_THAT(made("a: { for_each: $.x, item: 1, name: 2 }", "{}"), HasSubstr("literal"));
    EXPECT_THAT(made("a: { for_each: $.x }", "{}"), HasSubstr("needs the key \"item\""));
}

TEST(BodyTemplate, AnUnknownRootIsAnErrorWithTheNearest) {
    BodyFixture f({{"user", "{}"}, {"orders", "{}"}});
    EXPECT_THAT(f.render("a: $usr.name"), HasSubstr("1:4 nothing is known as $usr here (did you mean $user?)"));
    f.place().no_body = "an aggregate has no body of its own: name a call";
    EXPECT_THAT(f.render("a: $.name"), HasSubstr("$ is nothing here: an aggregate has no body of its own: name a call"));
}

TEST(BodyTemplate, WithoutDocumentsAPathIsAnError) {
    BodyFixture f;
    f.place().roots = nullptr;
    EXPECT_THAT(f.render("a: $.name"), HasSubstr("there is no document here"));
    EXPECT_THAT(f.render("a: { for_each: $.x, item: 1 }"), HasSubstr("there is no document here"));
    EXPECT_EQ(f.render("a: b"), R"({"a":"b"})");
}

TEST(BodyTemplate, APathsFaultStandsAtItsColumn) {
    EXPECT_THAT(made("a: $.x[", "{}"), StartsWith("error: 1:8 this is no JSONPath: "));
    EXPECT_THAT(made("a: \"{claims} {$.x[}\"", "{}"), HasSubstr("1:"));
}

TEST(BodyTemplate, AVariableHasANameOfItsOwn) {
    BodyFixture f({{"user", "{}"}});
    EXPECT_THAT(f.render("{ for_each: $user.a, as: user, item: 1 }"), HasSubstr("$user is a call already"));
    EXPECT_THAT(f.render("{ for_each: $user.a, as: x, item: { for_each: $x, as: x, item: 1 } }"), HasSubstr("$x is a variable of the for_each around this one"));
    EXPECT_THAT(f.render("{ for_each: $user.a, as: $x, item: 1 }"), HasSubstr("without the dollar"));
}

TEST(BodyTemplate, ADollarWithinATextIsTextAndCheckAsks) {
    BodyFixture f({{"", R"({"total":5})"}});
    EXPECT_EQ(f.render("label: \"{$.total} owes $.total\""), R"({"label":"5 owes $.total"})");
    EXPECT_THAT(f.faults(), HasSubstr("was {$.total} meant?"));
    EXPECT_EQ(f.render("label: costs $5 or $.50"), R"({"label":"costs $5 or $.50"})");
    EXPECT_EQ(f.faults(), "");
}

TEST(BodyTemplate, CallsGiveTheirStatusAndHeaders) {
    BodyFixture f({{"user", "{}"}});
    const std::vector<std::string> names{"user"};
    f.place().calls = &names;
    http::FieldList fields;
    fields.add("ETag", "\"v1\"");
    f.calls = {{200, &fields}};
    EXPECT_EQ(f.render("[\"{calls.user.status}\", \"s{calls.user.status}\", \"{calls.user.header.etag}\"]"), R"([200,"s200","\"v1\""])");
    EXPECT_THAT(f.render("\"{calls.usr.status}\""), HasSubstr("did you mean \"user\"?"));
    EXPECT_THAT(f.render("\"{calls.user.stats}\""), HasSubstr("names nothing of a call"));
}

TEST(BodyTemplate, ItTellsWhatItReadsAndProduces) {
    BodyFixture f({{"user", "{}"}, {"orders", "{}"}, {"tips", "{}"}});
    const auto body = f.compile("{ name: { first: $user.name }, orders: { for_each: $orders.o, as: x, item: { id: $x.id, n: 1 } } }");
    ASSERT_NE(body, nullptr);
    EXPECT_TRUE(body->reads(0));
    EXPECT_TRUE(body->reads(1));
    EXPECT_FALSE(body->reads(2));
    std::string reads, products;
    for (const auto& read : body->read_paths()) reads += read.path + " ";
    for (const auto& product : body->products()) products += product.path + (product.always ? "! " : " ");
    EXPECT_EQ(reads, "$user.name $orders.o $orders.o[*].id ");
    EXPECT_EQ(products, "name! name.first orders! orders[].id orders[].n! ");
}

TEST(BodyTemplate, OddNamesOfWhatItProducesAreQuoted) {
    BodyFixture f;
    const auto body = f.compile(R"({ "a'][b": { x.y: 1 }, 'back\slash': 1, '\[': 1 })");
    ASSERT_NE(body, nullptr);
    std::string products;
    for (const auto& product : body->products()) products += product.path + " ";
    EXPECT_EQ(products, R"(['a\'][b'] ['a\'][b']['x.y'] back\slash ['\\['] )");
}

TEST(DocumentCondition, HoldsAsAFilterDoes) {
    BodyFixture f({{"user", R"({"plan":"gold"})"}, {"cart", R"({"items":[1]})"}});
    const auto holds = [&](const std::string& text) {
        config::FaultList faults;
        const auto condition = DocumentCondition::compile(config::Scope(faults), {text, {1, 1, 2}, true, false}, f.place());
        if (condition == nullptr) return "error: " + faults.all()[0].message;
        const auto holds = condition->holds(f.values());
        return std::string(!holds ? "failed" : *holds ? "yes" : "no");
    };
    EXPECT_EQ(holds("$user.plan == 'gold' && $cart.items[0]"), "yes");
    EXPECT_EQ(holds("$user.plan == 'gold' && $cart.items[1]"), "no");
    EXPECT_EQ(holds("$cart.items[?@ == 1]"), "yes");
    EXPECT_EQ(holds("count($cart.items[*]) > 1"), "no");
    EXPECT_THAT(holds("@.x == 1"), HasSubstr("begin with $"));
    EXPECT_THAT(holds("$usr.x"), HasSubstr("nothing is known as $usr"));
    EXPECT_THAT(holds("$user.plan = 1"), HasSubstr("equality is written =="));
}

}  // namespace
}  // namespace portico::gateway
