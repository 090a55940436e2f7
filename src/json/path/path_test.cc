// The tables of RFC 9535 that show what queries mean. Errors, roots and bounds: path_rules_test.cc.
#include "json/path/path.h"

#include <gtest/gtest.h>

namespace portico::json {
namespace {

struct Row {
    std::string_view query;
    std::string_view result;  // the values, as a JSON array
};

std::string selected(std::string_view query, Value root, bool places = false) {
    const auto path = Path::compile(query);
    if (!path) return path.error().what + " at " + std::to_string(path.error().offset);
    std::vector<Value> nodes;
    if (!path->evaluate(root, nodes)) return "stopped";
    std::string out = places ? "" : "[";
    for (const Value node : nodes) {
        if (out.size() > 1) out += places ? " " : ",";
        if (places) {
            out += location_of(root, node);
        } else {
            append_value(out, node);
        }
    }
    return places ? out : out + "]";
}

void check(std::string_view document, std::span<const Row> rows) {
    const auto parsed = Document::parse(document);
    ASSERT_TRUE(parsed);
    for (const Row& row : rows) EXPECT_EQ(selected(row.query, parsed->root()), row.result) << row.query;
}

constexpr std::string_view kStore = R"({"store":{"book":[
    {"category":"reference","author":"Nigel Rees","title":"Sayings of the Century","price":8.95},
    {"category":"fiction","author":"Evelyn Waugh","title":"Sword of Honour","price":12.99},
    {"category":"fiction","author":"Herman Melville","title":"Moby Dick","isbn":"0-553-21311-3","price":8.99},
    {"category":"fiction","author":"J. R. R. Tolkien","title":"The Lord of the Rings","isbn":"0-395-19395-8","price":22.99}],
    "bicycle":{"color":"red","price":399}}})";

TEST(JsonPath, the_bookstore_of_section_1_5) {
    const auto store = Document::parse(kStore);
    ASSERT_TRUE(store);
    const std::string all_authors = R"(["Nigel Rees","Evelyn Waugh","Herman Melville","J. R. R. Tolkien"])";
    EXPECT_EQ(selected("$.store.book[*].author", store->root()), all_authors);
    EXPECT_EQ(selected("$..author", store->root()), all_authors);
    EXPECT_EQ(selected("$.store..price", store->root()), "[8.95,12.99,8.99,22.99,399]");
    EXPECT_EQ(selected("$.store.*", store->root(), true), "$['store']['book'] $['store']['bicycle']");
    EXPECT_EQ(selected("$..book[2].author", store->root()), R"(["Herman Melville"])");
    EXPECT_EQ(selected("$..book[2].publisher", store->root()), "[]");
    for (const auto two : {"$..book[0,1]", "$..book[:2]"}) {
        EXPECT_EQ(selected(two, store->root(), true), "$['store']['book'][0] $['store']['book'][1]");
    }
    EXPECT_EQ(selected("$..book[-1]", store->root(), true), "$['store']['book'][3]");
    EXPECT_EQ(selected("$..book[?@.isbn]", store->root(), true), "$['store']['book'][2] $['store']['book'][3]");
    EXPECT_EQ(selected("$..book[?@.price<10]", store->root(), true), "$['store']['book'][0] $['store']['book'][2]");
    EXPECT_EQ(selected("$..book[?@.price<10].title", store->root()), R"(["Sayings of the Century","Moby Dick"])");
    const auto every = Path::compile("$..*");
    std::vector<Value> nodes;
    ASSERT_TRUE(every && every->evaluate(store->root(), nodes));
    EXPECT_EQ(nodes.size(), 27U);
}

TEST(JsonPath, selectors_of_section_2_3) {
    check(R"({"o":{"j j":{"k.k":3}},"'":{"@":2}})", std::array<Row, 4>{{
        {R"($.o['j j'])", R"([{"k.k":3}])"},
        {R"($.o['j j']['k.k'])", "[3]"},
        {R"($.o["j j"]["k.k"])", "[3]"},
        {R"($["'"]["@"])", "[2]"},
    }});
    check(R"({"o":{"j":1,"k":2},"a":[5,3]})", std::array<Row, 5>{{
        {"$[*]", R"([{"j":1,"k":2},[5,3]])"},
        {"$.o[*]", "[1,2]"},
        {"$.o.*", "[1,2]"},
        {"$.o[*, *]", "[1,2,1,2]"},
        {"$.a[*]", "[5,3]"},
    }});
    check(R"(["a","b"])", std::array<Row, 3>{{{"$[1]", R"(["b"])"}, {"$[-2]", R"(["a"])"}, {"$[-3]", "[]"}}});
    check(R"(["a","b","c","d","e","f","g"])", std::array<Row, 8>{{
        {"$[1:3]", R"(["b","c"])"},
        {"$[5:]", R"(["f","g"])"},
        {"$[1:5:2]", R"(["b","d"])"},
        {"$[5:1:-2]", R"(["f","d"])"},
        {"$[::-1]", R"(["g","f","e","d","c","b","a"])"},
        {"$[::0]", "[]"},
        {"$[-9007199254740991:9007199254740991:9007199254740991]", R"(["a"])"},
        {"$[9007199254740991:-9007199254740991:-9007199254740991]", R"(["g"])"},
    }});
}

TEST(JsonPath, comparisons_of_section_2_3_5_3) {
    const auto d = Document::parse(R"({"obj":{"x":"y"},"arr":[2,3]})");
    ASSERT_TRUE(d);
    const std::pair<std::string_view, bool> rows[] = {
        {"$.absent1 == $.absent2", true},  {"$.absent1 <= $.absent2", true}, {"$.absent == 'g'", false},
        {"$.absent1 != $.absent2", false}, {"$.absent != 'g'", true},        {"1 <= 2", true},
        {"1 > 2", false},                  {"13 == '13'", false},            {"'a' <= 'b'", true},
        {"'a' > 'b'", false},              {"$.obj == $.arr", false},        {"$.obj != $.arr", true},
        {"$.obj == $.obj", true},          {"$.obj != $.obj", false},        {"$.arr == $.arr", true},
        {"$.arr != $.arr", false},         {"$.obj == 17", false},           {"$.obj != 17", true},
        {"$.obj <= $.arr", false},         {"$.obj < $.arr", false},         {"$.obj <= $.obj", true},
        {"$.arr <= $.arr", true},          {"1 <= $.arr", false},            {"1 >= $.arr", false},
        {"1 > $.arr", false},              {"1 < $.arr", false},             {"true <= true", true},
        {"true > true", false},
    };
    for (const auto& [comparison, holds] : rows) {
        EXPECT_EQ(selected("$[?" + std::string(comparison) + "]", d->root()), holds ? R"([{"x":"y"},[2,3]])" : "[]") << comparison;
    }
}

TEST(JsonPath, filters_of_section_2_3_5_3) {
    check(R"({"a":[3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}],"o":{"p":1,"q":2,"r":3,"s":5,"t":{"u":6}},"e":"f"})",
          std::array<Row, 16>{{
              {"$.a[?@.b == 'kilo']", R"([{"b":"kilo"}])"},
              {"$.a[?(@.b == 'kilo')]", R"([{"b":"kilo"}])"},
              {"$.a[?@>3.5]", "[5,4,6]"},
              {"$.a[?@.b]", R"([{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}])"},
              {"$[?@.*]", R"([[3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}],{"p":1,"q":2,"r":3,"s":5,"t":{"u":6}}])"},
              {"$[?@[?@.b]]", R"([[3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}]])"},
              {"$.o[?@<3, ?@<3]", "[1,2,1,2]"},
              {R"($.a[?@<2 || @.b == "k"])", R"([1,{"b":"k"}])"},
              {R"($.a[?match(@.b, "[jk]")])", R"([{"b":"j"},{"b":"k"}])"},
              {R"($.a[?search(@.b, "[jk]")])", R"([{"b":"j"},{"b":"k"},{"b":"kilo"}])"},
              {"$.o[?@>1 && @<4]", "[2,3]"},
              {"$.o[?@.u || @.x]", R"([{"u":6}])"},
              {"$.a[?@.b == $.x]", "[3,5,1,2,4,6]"},
              {"$.a[?@ == @]", R"([3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}])"},
              {"$.a[?!@.b && @ <= 2]", "[1,2]"},
              {"$.o[?@ == 1 || @ == 2 && @ == 3]", "[1]"},
          }});
}

TEST(JsonPath, function_expressions_of_section_2_4_are_judged_by_their_types) {
    const std::pair<std::string_view, bool> rows[] = {
        {"$[?length(@) < 3]", true},          {"$[?length(@.*) < 3]", false},      {"$[?count(@.*) == 1]", true},
        {"$[?count(1) == 1]", false},         {"$[?match(@.timezone, 'Europe/.*')]", true},
        {"$[?match(@.timezone, 'Europe/.*') == true]", false},                     {"$[?value(@..color) == 'red']", true},
        {"$[?value(@..color)]", false},       {"$[?length(value(@.*)) > 1]", true}, {"$[?count(value(@.*)) > 1]", false},
        {"$[?length(match(@.a, 'b')) > 1]", false}, {"$[?length(@ == 1) > 1]", false}, {"$[?match(@.*, 'a')]", false},
        {"$[?search(@.a, @.*)]", false},      {"$[?length(length(@)) > 1]", true}, {"$[?1 == length(@)]", true},
    };
    for (const auto& [query, valid] : rows) EXPECT_EQ(Path::compile(query).has_value(), valid) << query;
}

TEST(JsonPath, functions_of_section_2_4) {
    check(R"([{"t":"a\u0000\ud83d\ude00é"},{"t":[1,2,3]},{"t":{"x":1}},{"t":7},{},{"t":""}])", std::array<Row, 5>{{
        {"$[?length(@.t) == 4].t", "[\"a\\u0000\U0001F600é\"]"},
        {"$[?length(@.t) == 3].t", "[[1,2,3]]"},
        {"$[?length(@.t) == 1].t", R"([{"x":1}])"},
        {"$[?length(@.t) == length(@.nothing)]", R"([{"t":7},{}])"},
        {"$[?count(@.t[*]) == 3 || value(@.t.*) == 1].t", R"([[1,2,3],{"x":1}])"},
    }});
}

TEST(JsonPath, segments_of_section_2_5) {
    check(R"(["a","b","c","d","e","f","g"])", std::array<Row, 3>{{
        {"$[0, 3]", R"(["a","d"])"}, {"$[0:2, 5]", R"(["a","b","f"])"}, {"$[0, 0]", R"(["a","a"])"}}});
    check(R"({"o":{"j":1,"k":2},"a":[5,3,[{"j":4},{"k":6}]]})", std::array<Row, 7>{{
        {"$..j", "[1,4]"},
        {"$..[0]", R"([5,{"j":4}])"},
        {"$..[*]", R"([{"j":1,"k":2},[5,3,[{"j":4},{"k":6}]],1,2,5,3,[{"j":4},{"k":6}],{"j":4},{"k":6},4,6])"},
        {"$..*", R"([{"j":1,"k":2},[5,3,[{"j":4},{"k":6}]],1,2,5,3,[{"j":4},{"k":6}],{"j":4},{"k":6},4,6])"},
        {"$..o", R"([{"j":1,"k":2}])"},
        {"$.o..[*, *]", "[1,2,1,2]"},
        {"$.a..[0, 1]", R"([5,3,{"j":4},{"k":6}])"},
    }});
}

TEST(JsonPath, null_is_a_value_as_section_2_6_says) {
    check(R"({"a":null,"b":[null],"c":[{}],"null":1})", std::array<Row, 8>{{
        {"$.a", "[null]"}, {"$.a[0]", "[]"}, {"$.a.d", "[]"}, {"$.b[0]", "[null]"}, {"$.b[*]", "[null]"}, {"$.b[?@]", "[null]"},
        {"$.b[?@==null]", "[null]"}, {"$.c[?@.d==null]", "[]"},
    }});
}

TEST(JsonPath, places_are_written_as_section_2_7_says) {
    const auto d = Document::parse(R"({"a":[{"b":1}],"\u000b":2,"\u0061'\\\n":3,"é\u007f":4})");
    ASSERT_TRUE(d);
    EXPECT_EQ(selected("$..*", d->root(), true),
              "$['a'] $['\\u000b'] $['a\\'\\\\\\n'] $['é\x7f'] $['a'][0] $['a'][0]['b']");
    EXPECT_EQ(location_of(d->root(), d->root()), "$");
    EXPECT_EQ(location_of(d->root().find("a"), d->root()), "");
    EXPECT_EQ(location_of(d->root().find("a"), d->root().find("a").at(0)), "$[0]");
    EXPECT_EQ(location_of(Document::parse("[[1]]")->root(), Value()), "");
}

TEST(JsonPath, objects_are_equal_whatever_the_order_of_their_members) {
    check(R"([{"a":1,"b":[{"c":2.0},"x"]},{"b":[{"c":2},"x"],"a":1e0},{"a":1,"b":[{"c":3},"x"]},{"a":1},{"a":1,"c":[{"c":2},"x"]}])",
          std::array<Row, 1>{{{"$[?@ == $[1]].a", "[1,1e0]"}}});
}

TEST(JsonPath, numbers_are_compared_exactly) {
    check(R"([9007199254740992,9007199254740993,9007199254740993.0,0.1,0.10000000000000000001,1e400,1e401,-0])", std::array<Row, 6>{{
        {"$[?@ == 9007199254740993]", "[9007199254740993,9007199254740993.0]"},
        {"$[?@ == 0.1]", "[0.1]"},
        {"$[?@ > 0.1 && @ < 1]", "[0.10000000000000000001]"},
        {"$[?@ > 1e400]", "[1e401]"},
        {"$[?@ == 0]", "[-0]"},
        {"$[?@ == -0]", "[-0]"},
    }});
}

TEST(JsonPath, strings_are_compared_by_code_points) {
    check("[\"\uFFFD\",\"\U00010000\",\"a\",\"ab\",\"\"]", std::array<Row, 2>{{
        {R"($[?@ > '\uFFFD'])", "[\"\U00010000\"]"},
        {"$[?@ < 'ab']", R"(["a",""])"},
    }});
}

}  // namespace
}  // namespace portico::json
