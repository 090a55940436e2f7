// What is wrong with a query and where, its one spelling, named roots, and the bounds of an evaluation.
#include <gtest/gtest.h>

#include "json/path/path.h"

namespace portico::json {
namespace {

Document parsed(std::string_view text, const ParseOptions& options = {}) {
    auto document = Document::parse(text, options);
    EXPECT_TRUE(document) << text;
    return document ? *std::move(document) : Document();
}

Path compiled(std::string_view query, const PathOptions& options = {.named_roots = true}) {
    auto path = Path::compile(query, options);
    EXPECT_TRUE(path) << query << ": " << path.error().what;
    return path ? *std::move(path) : *Path::compile("$");
}

TEST(JsonPathErrors, a_wrong_query_is_told_with_its_place) {
    struct Case {
        std::string_view query;
        size_t offset;
        std::string_view what;
    };
    const Case cases[] = {
        {"", 0, "it ends early: expected $"},
        {"a.b", 0, "expected $"},
        {" $", 0, "expected $"},
        {"$ ", 1, "white space ends the query"},
        {"$.a x", 4, "expected . or ["},
        {"$.", 2, "it ends early: expected a name or *"},
        {"$. a", 2, "expected a name or *"},
        {"$.1", 2, "expected a name or *"},
        {"$...a", 3, "expected a name, * or ["},
        {"$[0", 3, "it ends early: expected ] or ,"},
        {"$[0 1]", 4, "expected ] or , here"},
        {"$[a]", 2, "a name within [ ] stands in quotes"},
        {"$[]", 2, "expected a name in quotes"},
        {"$[01]", 2, "zeros in front"},
        {"$[-0]", 2, "-0 is no index"},
        {"$[9007199254740992]", 2, "2^53"},
        {"$['a]", 2, "not closed"},
        {"$['a\\x']", 4, "no such escape"},
        {R"($['\"'])", 3, "only in a string within such quotes"},
        {R"($['\ud800'])", 3, "half of a surrogate pair"},
        {"$['a\tb']", 4, "control character"},
        {"$['\xff']", 3, "not UTF-8"},
        {"$[?@.a = 1]", 7, "equality is written =="},
        {"$[?@.a == ]", 10, "expected a query"},
        {"$[?1]", 3, "a literal alone is no condition"},
        {"$[?length(@)]", 3, "length() gives a value"},
        {"$[?@.* == 1]", 3, "may select several"},
        {"$[?match(@, 'a') == true]", 3, "true or false already"},
        {"$[?!@.a == 1]", 8, "needs parentheses"},
        {"$[?!!@.a]", 4, "needs parentheses"},
        {"$[?(@.a]", 7, "expected ) here"},
        {"$[?@.a == abc]", 10, "text stands in quotes"},
        {"$[?lenght(@) == 1]", 3, "did you mean length()?"},
        {"$[?length(@, 1) == 1]", 3, "takes one argument"},
        {"$[?count(1) == 1]", 9, "count() takes a query"},
        {"$[?length(@.a == 1) == 1]", 14, "no condition"},
        {"$[?match(@, '(')]", 12, "I-Regexp): a group is not closed (byte 1"},
        {"$[?match(@, '\\\\d')]", 12, "write [0-9]"},
        {"$[?match(@, 'a{2000}')]", 12, "too large"},
        {"$[?@.a == 1.]", 12, "expected a digit behind the point"},
        {"$[?@.a == 1e]", 12, "expected a digit behind the e"},
    };
    for (const Case& c : cases) {
        const auto path = Path::compile(c.query);
        ASSERT_FALSE(path) << c.query;
        EXPECT_EQ(path.error().offset, c.offset) << c.query << ": " << path.error().what;
        EXPECT_NE(path.error().what.find(c.what), std::string::npos) << c.query << ": " << path.error().what;
    }
}

TEST(JsonPathErrors, each_beginning_of_a_query_compiles_or_is_told) {
    const std::string_view query = R"($a..['x y', -1, 1:2:-3, ?!(@.b[0] == "é\ud83d\ude00" || count(@..*) >= 1e-2) && match(@.c, 'a|b')].é_1)";
    for (size_t size = 0; size <= query.size(); ++size) {
        const auto path = Path::compile(query.substr(0, size), {.named_roots = true});
        if (path) continue;
        EXPECT_LE(path.error().offset, size);
        EXPECT_FALSE(path.error().what.empty());
    }
    EXPECT_TRUE(Path::compile(query, {.named_roots = true}));
}

TEST(JsonPathErrors, nesting_length_and_segments_are_bounded) {
    const auto nested = [](size_t depth) { return "$[?" + std::string(depth, '(') + "@" + std::string(depth, ')') + "]"; };
    EXPECT_TRUE(Path::compile(nested(Path::kMaxNesting - 1)));
    EXPECT_FALSE(Path::compile(nested(Path::kMaxNesting)));
    EXPECT_FALSE(Path::compile(nested(8000)));
    std::string filters = "$";
    for (unsigned i = 0; i < Path::kMaxNesting; ++i) filters += "[?@";
    EXPECT_TRUE(Path::compile(filters + std::string(Path::kMaxNesting, ']')));
    EXPECT_FALSE(Path::compile(filters + "[?@]" + std::string(Path::kMaxNesting, ']')));
    std::string segments = "$";
    for (unsigned i = 0; i < Path::kMaxSegments; ++i) segments += ".a";
    EXPECT_TRUE(Path::compile(segments));
    EXPECT_FALSE(Path::compile(segments + ".a"));
    EXPECT_FALSE(Path::compile("$['" + std::string(Path::kMaxSize, 'a') + "']"));
}

TEST(JsonPathText, a_query_has_one_spelling) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"$", "$"},
        {R"($ [ 'a' ]["b c"] .d)", "$.a['b c'].d"},
        {R"($["it's"]['a\u0000\\'])", R"($['it\'s']['a\u0000\\'])"},
        {"$..[*] [*]..[ 'a' ]..['a b']..[0]", "$..*[*]..a..['a b']..[0]"},
        {"$[ 1 : 2 : 1 , :: , ::-1, -3]", "$[1:2,:,::-1,-3]"},
        {"$[?(((@.a))) && ((@.b||@.c) || @.d)]", "$[?@.a && (@.b || @.c || @.d)]"},
        {"$[?@.a || (@.b && @.c)]", "$[?@.a || @.b && @.c]"},
        {"$[?! (@.a==1) && ! @.b && !(!@.c) && !(@.d || @.e)]", "$[?!(@.a == 1) && !@.b && !(!@.c) && !(@.d || @.e)]"},
        {R"($[?length( @.a )>=1.50&&match(@ , "a"),0])", "$[?length(@.a) >= 1.50 && match(@, 'a'),0]"},
        {"$x[?@.a==$y.b && $ && $x]", "$x[?@.a == $y.b && $ && $x]"},
        {"$.é.$", ""},
        {"$['é']", "$.é"},
    };
    for (const auto& [query, text] : cases) {
        const auto path = Path::compile(query, {.named_roots = true});
        EXPECT_EQ(path ? path->text() : "", text) << query;
        if (path) {
            EXPECT_EQ(compiled(text).text(), text);
        }
    }
}

TEST(JsonPathRoots, named_roots_are_told_and_bound_in_order) {
    const Path path = compiled("$orders[?@.customer == $customer.id && @.open == $.open]");
    EXPECT_EQ(path.root_name(), "orders");
    ASSERT_EQ(path.root_names().size(), 3U);
    EXPECT_EQ(path.root_names()[1], "customer");
    EXPECT_EQ(path.root_names()[2], "");
    const Document orders = parsed(R"([{"n":1,"customer":7,"open":true},{"n":2,"customer":8,"open":true},{"n":3,"customer":7,"open":false}])");
    const Document customer = parsed(R"({"id":7.0})");
    const Document body = parsed(R"({"open":true})");
    const Value roots[] = {orders.root(), customer.root(), body.root()};
    std::vector<Value> nodes;
    ASSERT_TRUE(path.evaluate(roots, nodes));
    ASSERT_EQ(nodes.size(), 1U);
    EXPECT_EQ(nodes[0].find("n").number(), "1");
}

TEST(JsonPathRoots, a_root_that_is_not_there_selects_nothing) {
    const Path path = compiled("$.a[?@ == $gone.x]");
    const Document body = parsed(R"({"a":[1]})");
    const Value roots[] = {body.root(), Value()};
    std::vector<Value> nodes;
    ASSERT_TRUE(path.evaluate(roots, nodes));
    EXPECT_TRUE(nodes.empty());
    EXPECT_FALSE(compiled("$.a").find(Value()));
    EXPECT_FALSE(compiled("$").find(Value()));
    ASSERT_TRUE(compiled("$..*").evaluate(Value(), nodes));
    EXPECT_TRUE(nodes.empty());
}

TEST(JsonPathRoots, named_roots_are_refused_where_they_are_not_allowed) {
    const auto path = Path::compile("$order.id");
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().offset, 1U);
    EXPECT_FALSE(Path::compile("$[?@.a == $b]"));
    EXPECT_FALSE(Path::compile("$é.a", {.named_roots = true}));
}

TEST(JsonPathSingular, is_told_and_looked_up_without_a_list) {
    for (const auto query : {"$", "$.a", "$['a'][0]", "$[-1]", "$name.a", "$[ 'a' ]"}) EXPECT_TRUE(compiled(query).is_singular()) << query;
    for (const auto query : {"$..a", "$.*", "$[0,1]", "$[0:1]", "$[?@]", "$['a','a']"}) EXPECT_FALSE(compiled(query).is_singular()) << query;
    const Document d = parsed(R"({"a":[1,{"b":null}]})");
    EXPECT_EQ(compiled("$.a[0]").find(d.root()).number(), "1");
    EXPECT_TRUE(compiled("$.a[-1].b").find(d.root()).is_null());
    for (const auto query : {"$.b", "$.a[2]", "$.a[-3]", "$.a.b", "$[0]", "$.a[1].b.c"}) EXPECT_FALSE(compiled(query).find(d.root())) << query;
}

TEST(JsonPathRegexes, one_that_is_none_matches_nothing_where_the_caller_wants_that) {
    const Document d = parsed(R"(["a"])");
    std::vector<Value> nodes;
    ASSERT_TRUE(compiled("$[?match(@, '(')]", {.lenient_regex = true}).evaluate(d.root(), nodes));
    EXPECT_TRUE(nodes.empty());
    ASSERT_TRUE(compiled("$[?!search(@, '(?i)a')]", {.lenient_regex = true}).evaluate(d.root(), nodes));
    EXPECT_EQ(nodes.size(), 1U);
}

TEST(JsonPathRegexes, those_of_a_document_are_read_there) {
    const Document d = parsed(R"([{"v":"abc","r":"a.*"},{"v":"abc","r":"b"},{"v":"abc","r":"("},{"v":"abc","r":1},{"v":"xbc","r":"a.*"},
        {"v":"1","r":"1"},{"v":"2","r":"2"},{"v":"3","r":"3"},{"v":"4","r":"4"},{"v":"5","r":"5"},{"v":"abc","r":"a.*"}])");
    std::vector<Value> nodes;
    ASSERT_TRUE(compiled("$[?match(@.v, @.r)]").evaluate(d.root(), nodes));
    EXPECT_EQ(nodes.size(), 7U);
    nodes.clear();
    ASSERT_TRUE(compiled("$[?search(@.v, @.r)]").evaluate(d.root(), nodes));
    EXPECT_EQ(nodes.size(), 8U);
    const Document large = parsed(R"([{"v":"a","r":"(a{1000}){1000}"}])");
    const auto stopped = compiled("$[?search(@.v, @.r)]").evaluate(large.root(), nodes);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error(), PathStop::regex_too_large);
}

// One beside which others wait: what it takes is not left in the middle.
TEST(JsonPathRegexes, those_of_a_document_are_as_small_as_others_can_wait_for) {
    const auto search = [](std::string_view pattern, size_t size) {
        const std::string text = R"([{"v":")" + std::string(size, 'a') + R"(","r":")" + std::string(pattern) + R"("}])";
        const Document d = parsed(text);
        std::vector<Value> nodes;
        const auto done = compiled("$[?search(@.v, @.r)]").evaluate(d.root(), nodes);
        return done ? std::to_string(nodes.size()) : std::string(what(done.error()));
    };
    const std::string too_large(what(PathStop::regex_too_large));
    EXPECT_EQ(search("[a-c]+x|(a|b){20}", 20'000), "1");
    EXPECT_EQ(search("[a-z]{0,1000}[a-z]{0,1000}[a-z]{0,1000}[a-z]{0,1000}[a-z]{0,1000}[a-z]{0,1000}", 10), too_large) << "to compile it";
    EXPECT_EQ(search("([a-z]{0,200}x)?b", 100), "0");
    EXPECT_EQ(search("([a-z]{0,200}x)?b", 100'000), too_large) << "to run it";
}

TEST(JsonPathBounds, end_an_evaluation_and_leave_the_list_as_it_was) {
    const Document d = parsed("[[1,2],[3,[4,[5]]]]");
    const auto stop_of = [&](std::string_view query, const PathBounds& bounds) -> std::optional<PathStop> {
        std::vector<Value> nodes = {d.root()};
        const auto done = compiled(query).evaluate(d.root(), nodes, bounds);
        if (done) return std::nullopt;
        EXPECT_EQ(nodes.size(), 1U);
        EXPECT_FALSE(what(done.error()).empty());
        return done.error();
    };
    EXPECT_EQ(stop_of("$..*", {.max_nodes = 9}), std::nullopt);
    EXPECT_EQ(stop_of("$..*", {.max_nodes = 8}), PathStop::too_many_nodes);
    EXPECT_EQ(stop_of("$..*", {.max_steps = 10}), PathStop::too_many_steps);
    EXPECT_EQ(stop_of("$[?!($..[?$..[?$..*]])]", {.max_steps = 6}), PathStop::too_many_steps);
    EXPECT_EQ(stop_of("$..*", {.max_depth = 4}), std::nullopt);
    EXPECT_EQ(stop_of("$..*", {.max_depth = 3}), PathStop::too_deep);
    EXPECT_EQ(compiled("$..*").exists(std::array{d.root()}, {.max_nodes = 0}).value_or(false), true);
}

TEST(JsonPathBounds, a_query_made_to_take_forever_does_not) {
    std::string text = "[";
    for (int i = 0; i < 2000; ++i) text += "[" + std::to_string(i) + "],";
    const Document d = parsed(text + "0]");
    std::vector<Value> nodes;
    const auto done = compiled("$[?count($..[?count($..[?count($..*) > 1]) > 1]) > 1]").evaluate(d.root(), nodes);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error(), PathStop::too_many_steps);
}

// A9: what a document's expressions cost to compile counts, by what they become and not by their length.
TEST(JsonPathBounds, expressions_of_a_document_that_are_short_and_large_end_an_evaluation) {
    std::string text = "[";
    for (int i = 0; i < 19'000; ++i) text += R"({"v":"a","r":"([a-z]{0,30}){0,30})" + std::to_string(i) + R"("},)";
    const Document d = parsed(text + "0]");
    std::vector<Value> nodes;
    const auto begin = std::chrono::steady_clock::now();
    const auto done = compiled("$[?match(@.v, @.r)]").evaluate(d.root(), nodes);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error(), PathStop::too_many_steps);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8)) << "0.6 s here; 15 s to the end";
    // Those that are as small as usual are many before that.
    text = "[";
    for (int i = 0; i < 3000; ++i) text += R"({"v":"order-17","r":"order-[0-9]+|item-)" + std::to_string(i) + R"("},)";
    const Document usual = parsed(text + "0]");
    nodes.clear();
    EXPECT_TRUE(compiled("$[?match(@.v, @.r)]").evaluate(usual.root(), nodes));
    EXPECT_EQ(nodes.size(), 3000u);
}

TEST(JsonPathBounds, a_document_as_deep_as_may_be_is_walked_and_compared) {
    const size_t depth = Document::kMaxDepth - 1;
    const std::string deep = std::string(depth, '[') + "1" + std::string(depth, ']');
    const Document d = parsed(R"({"a":)" + deep + R"(,"b":)" + deep + "}", {.max_depth = Document::kMaxDepth});
    std::vector<Value> nodes;
    ASSERT_TRUE(compiled("$..[?@ == 1]").evaluate(d.root(), nodes));
    EXPECT_EQ(nodes.size(), 2U);
    nodes.clear();
    ASSERT_TRUE(compiled("$[?@ == $.a]").evaluate(d.root(), nodes));
    EXPECT_EQ(nodes.size(), 2U);
    EXPECT_FALSE(compiled("$[?@ == $.a]").evaluate(d.root(), nodes, {.max_depth = 100}));
}

TEST(JsonPathDuplicates, a_name_selects_the_last_and_equality_sees_the_last) {
    const Document d = parsed(R"([{"a":1,"a":2},{"a":2},{"a":2,"a":1}])", {.duplicates = Duplicates::keep});
    std::vector<Value> nodes;
    ASSERT_TRUE(compiled("$[?@ == $[1]]").evaluate(d.root(), nodes));
    ASSERT_EQ(nodes.size(), 2U);
    EXPECT_EQ(nodes[0], d.root().at(0));
    EXPECT_EQ(compiled("$[0].a").find(d.root()).number(), "2");
    nodes.clear();
    ASSERT_TRUE(compiled("$[0].*").evaluate(d.root(), nodes));
    EXPECT_EQ(nodes.size(), 2U);
}

}  // namespace
}  // namespace portico::json
