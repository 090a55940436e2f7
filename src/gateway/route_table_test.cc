#include "gateway/route_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "config/load.h"

namespace portico::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A table from routes alone; each route answers by itself.
struct Loaded {
    config::FaultList faults;
    std::optional<config::Config> config;
    RouteTable table;
};

std::unique_ptr<Loaded> load(const std::string& routes) {
    auto l = std::make_unique<Loaded>();
    l->config = config::load("listeners: [{ address: 127.0.0.1:0 }]\nroutes:\n" + routes, "t.yaml", {}, l->faults);
    if (l->config) l->table = RouteTable::build(*l->config, l->faults);
    return l;
}

std::string messages(const config::FaultList& faults) {
    std::string out;
    for (const auto& f : faults.all()) out += f.code + ": " + f.message + "\n";
    return out;
}

struct Request {
    std::string method = "GET";
    std::string path;
    std::string host;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string query;
};

class View {
  public:
    explicit View(const Request& r) {
        for (const auto& [n, v] : r.headers) fields_.add(n, v);
        view.method = http::method_of(r.method);
        view.method_text = r.method;
        view.host = r.host;
        view.path = r.path;
        view.query = r.query;
        view.has_query = !r.query.empty();
        view.fields = &fields_;
    }
    RequestView view;

  private:
    http::FieldList fields_;
};

std::string found(const Loaded& l, const Request& r) {
    const View v(r);
    Match m;
    return l.table.find(v.view, m) ? l.config->routes[m.route].name : "none";
}

TEST(RouteTable, TheLeftmostDifferenceOfTwoPathsDecides) {
    const auto l = load("  - { name: tree, match: /a/**, respond: {} }\n  - { name: deep, match: \"/{x}/b/c\", respond: {} }\n");
    EXPECT_EQ(found(*l, {.path = "/a/b/c"}), "tree");
    EXPECT_EQ(found(*l, {.path = "/z/b/c"}), "deep");
}

TEST(RouteTable, ManyConditionsOnMuchTextTakeLong) {
    std::string many;
    for (int i = 0; i < 200; ++i) many += "  - { name: q" + std::to_string(i) + ", match: { path: /a, query: { k: v" + std::to_string(i) + " } }, respond: {} }\n";
    const auto few = load("  - { name: one, match: /a, respond: {} }\n"), conditional = load(many);
    const std::string longer(16 << 10, 'a');
    EXPECT_FALSE(few->table.takes_long(View({.path = "/a", .query = longer}).view));
    EXPECT_FALSE(conditional->table.takes_long(View({.path = "/a", .query = "k=v7"}).view));
    EXPECT_TRUE(conditional->table.takes_long(View({.path = "/a", .query = longer}).view));
}

TEST(RouteTable, EqualRanksSoFarAreWalkedTogether) {
    // Two patterns take the first piece; what follows decides, whichever was written first.
    const auto l = load(
        "  - { name: loose, match: \"/{x:a.*}/{z}\", respond: {} }\n"
        "  - { name: fixed, match: \"/{y:.*b}/c\", respond: {} }\n");
    EXPECT_EQ(found(*l, {.path = "/ab/c"}), "fixed");
    EXPECT_EQ(found(*l, {.path = "/ab/d"}), "loose");
    EXPECT_EQ(found(*l, {.path = "/b/d"}), "none");
}

TEST(RouteTable, ATreeMatchesItsRootAndTheEndOfAFixedPathRanksBeforeIt) {
    const auto l = load("  - { name: tree, match: /x/**, respond: {} }\n  - { name: root, match: /x, respond: {} }\n");
    EXPECT_EQ(found(*l, {.path = "/x"}), "root");
    EXPECT_EQ(found(*l, {.path = "/x/"}), "tree");
    EXPECT_EQ(found(*l, {.path = "/x/y/z"}), "tree");
    EXPECT_EQ(found(*l, {.path = "/xy"}), "none");
}

TEST(RouteTable, AParameterIsNeverEmptyAndAFixedPathIsExact) {
    const auto l = load("  - { name: one, match: \"/u/{id}\", respond: {} }\n  - { name: two, match: /u, respond: {} }\n");
    EXPECT_EQ(found(*l, {.path = "/u/"}), "none");
    EXPECT_EQ(found(*l, {.path = "/u"}), "two");
    EXPECT_EQ(found(*l, {.path = "/u/1"}), "one");
    EXPECT_EQ(found(*l, {.path = "/u/1/"}), "none");
}

TEST(RouteTable, ValuesAreThoseOfTheRoutesOwnNames) {
    const auto l = load("  - { name: r, match: { path: [\"/a/{x}/{y}\", \"/b/{y}/{x}\"] }, respond: {} }\n");
    const Request request{.path = "/b/1/2"};
    const View v(request);
    Match m;
    ASSERT_TRUE(l->table.find(v.view, m));
    EXPECT_EQ(m.values[0], "2");
    EXPECT_EQ(m.values[1], "1");
}

TEST(RouteTable, TheRestIsWhatFollowsTheTreesSlash) {
    const auto l = load("  - { name: r, match: /x/**, respond: {} }\n");
    for (const auto& [path, rest] : std::vector<std::pair<std::string, std::string>>{
             {"/x", ""}, {"/x/", ""}, {"/x/a/b", "a/b"}, {"/x//a", "/a"}, {"/x/a/", "a/"}}) {
        const Request request{.path = path};
        const View v(request);
        Match m;
        ASSERT_TRUE(l->table.find(v.view, m)) << path;
        EXPECT_EQ(m.rest, rest) << path;
    }
}

TEST(RouteTable, HostsRankExactThenTheLongestWildcardThenNone) {
    const auto l = load(
        "  - { name: none, match: /**, respond: {} }\n"
        "  - { name: wide, match: { host: \"*.example.com\", path: /** }, respond: {} }\n"
        "  - { name: narrow, match: { host: \"*.a.example.com\", path: /** }, respond: {} }\n"
        "  - { name: exact, match: { host: x.a.example.com, path: /** }, respond: {} }\n");
    EXPECT_EQ(found(*l, {.path = "/", .host = "x.a.example.com"}), "exact");
    EXPECT_EQ(found(*l, {.path = "/", .host = "y.a.example.com"}), "narrow");
    EXPECT_EQ(found(*l, {.path = "/", .host = "z.y.a.example.com"}), "narrow");
    EXPECT_EQ(found(*l, {.path = "/", .host = "a.example.com"}), "wide");
    EXPECT_EQ(found(*l, {.path = "/", .host = "example.com"}), "none");
    EXPECT_EQ(found(*l, {.path = "/"}), "none");
}

TEST(RouteTable, ConditionsRankByMethodThenHeadersThenQuery) {
    const auto l = load(
        "  - { name: plain, match: /r, respond: {} }\n"
        "  - { name: query, match: { path: /r, query: { v: \"2\" } }, respond: {} }\n"
        "  - { name: header, match: { path: /r, headers: { X-A: \"1\" } }, respond: {} }\n"
        "  - { name: method, match: { path: /r, methods: [GET] }, respond: {} }\n");
    const std::vector<std::pair<std::string, std::string>> a = {{"x-a", "1"}};
    EXPECT_EQ(found(*l, {.path = "/r", .headers = a, .query = "v=2"}), "method");
    EXPECT_EQ(found(*l, {.method = "POST", .path = "/r", .headers = a, .query = "v=2"}), "header");
    EXPECT_EQ(found(*l, {.method = "POST", .path = "/r", .query = "v=2"}), "query");
    EXPECT_EQ(found(*l, {.method = "POST", .path = "/r"}), "plain");
    EXPECT_EQ(found(*l, {.method = "HEAD", .path = "/r"}), "method");
}

TEST(RouteTable, AllowNamesTheMethodsOfRoutesThatFailByNothingElse) {
    const auto l = load(
        "  - { name: get, match: { path: /r, methods: [GET] }, respond: {} }\n"
        "  - { name: put, match: { path: /r, methods: [PUT], headers: { X-A: \"1\" } }, respond: {} }\n");
    const Request request{.method = "POST", .path = "/r"};
    EXPECT_THAT(l->table.allowed_methods(View(request).view), ElementsAre("GET", "HEAD"));
    const Request other{.method = "POST", .path = "/s"};
    EXPECT_TRUE(l->table.allowed_methods(View(other).view).empty());
}

TEST(RouteTable, EqualsAreAnErrorThatShowsARequestOfBoth) {
    const auto l = load(
        "  - { name: a, match: { path: \"/u/{x}\", methods: [GET, POST] }, respond: {} }\n"
        "  - { name: b, match: { path: \"/u/{y}\", methods: [POST] }, respond: {} }\n");
    EXPECT_THAT(messages(l->faults), HasSubstr("could both take POST /u/"));
}

TEST(RouteTable, ValuesThatNoRequestCanHaveBothAreNoTie) {
    const auto l = load(
        "  - { name: a, match: { path: /r, headers: { X-A: \"1\" } }, respond: {} }\n"
        "  - { name: b, match: { path: /r, headers: { x-a: \"2\" } }, respond: {} }\n");
    EXPECT_EQ(messages(l->faults), "");
}

TEST(RouteTable, ATieBreakThatBreaksNoneIsAnError) {
    const auto idle = load(
        "  - { name: tree, match: /o/**, respond: {}, tie_break: 9 }\n"
        "  - { name: one, match: \"/o/{id}\", respond: {} }\n");
    EXPECT_THAT(messages(idle->faults), HasSubstr("breaks no tie"));
    const auto good = load(
        "  - { name: a, match: \"/o/{x}\", respond: {}, tie_break: 1 }\n"
        "  - { name: b, match: \"/o/{y}\", respond: {} }\n");
    EXPECT_EQ(messages(good->faults), "");
    EXPECT_EQ(found(*good, {.path = "/o/5"}), "a");
}

// The plain rule, without a tree: every entry is tried, the best rank wins. FIELD-CASES R9: fast and slow must agree.
std::string found_slowly(const Loaded& l, const Request& r) {
    const View v(r);
    const RouteTable::Entry* best = nullptr;
    const auto host_rank = [](const std::string& h) { return h.empty() ? 0 : h.starts_with('*') ? 1 + static_cast<int>(h.size()) : 1000; };
    const auto kind = [](const PathPattern& p, size_t i) {
        if (i < p.segments().size()) return 3 - static_cast<int>(p.segments()[i].kind);  // fixed 3, pattern 2, parameter 1
        return p.open() ? 0 : 4;                                                          // ** last, an end before it
    };
    const auto before = [&](const RouteTable::Entry& a, const RouteTable::Entry& b) {
        if (host_rank(a.host) != host_rank(b.host)) return host_rank(a.host) > host_rank(b.host);
        const size_t n = std::max(a.path.segments().size(), b.path.segments().size()) + 1;
        for (size_t i = 0; i < n; ++i) {
            if (kind(a.path, i) != kind(b.path, i)) return kind(a.path, i) > kind(b.path, i);
            if (kind(a.path, i) == 0) break;
        }
        return l.table.conditions_before(a.route, b.route);
    };
    for (const RouteTable::Entry& e : l.table.entries()) {
        const Conditions& c = l.table.rules()[e.route].conditions;
        if (!RouteTable::host_matches(e.host, r.host) || !e.path.matches(r.path) || !c.method_holds(v.view) || !c.values_hold(v.view)) continue;
        if (best == nullptr || before(e, *best)) best = &e;
    }
    return best == nullptr ? "none" : l.config->routes[best->route].name;
}

TEST(RouteTable, TheTreeAgreesWithThePlainRule) {
    std::mt19937 random(7);
    const auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
    const std::vector<std::string> pieces = {"a", "b", "ab", "{p}", "{p:a.*}", "{p:.*b}"};
    size_t compared = 0;
    for (int round = 0; round < 300; ++round) {
        std::string routes;
        for (int i = 0; i < 8; ++i) {
            std::string path;
            const size_t depth = 1 + random() % 3;
            for (size_t d = 0; d < depth; ++d) {
                std::string piece = pick(pieces);
                if (piece.starts_with('{')) piece.insert(2, std::to_string(d));
                path += "/" + piece;
            }
            if (random() % 3 == 0) path += "/**";
            routes += "  - { name: r" + std::to_string(i) + ", match: { path: \"" + path + "\"";
            if (random() % 3 == 0) routes += ", methods: [" + pick({"GET", "POST"}) + "]";
            if (random() % 4 == 0) routes += ", host: \"" + pick({"x.com", "*.com", "*.x.com"}) + "\"";
            if (random() % 5 == 0) routes += ", headers: { X-A: \"" + pick({"1", "2"}) + "\" }";
            routes += " }, respond: {} }\n";
        }
        const auto l = load(routes);
        if (l->faults.has_errors()) continue;  // ambiguous: refused at load
        for (int i = 0; i < 60; ++i) {
            Request r;
            const size_t depth = 1 + random() % 4;
            for (size_t d = 0; d < depth; ++d) r.path += "/" + pick({"a", "b", "ab", "c", ""});
            r.method = pick({"GET", "POST", "HEAD"});
            r.host = pick({"", "x.com", "y.x.com", "z.com"});
            if (random() % 2 == 0) r.headers.emplace_back("X-A", pick({"1", "2"}));
            ASSERT_EQ(found(*l, r), found_slowly(*l, r)) << routes << r.method << " " << r.host << " " << r.path;
            ++compared;
        }
    }
    EXPECT_GT(compared, 1000u);
}

// What is told of ties by comparing each with each: the routes that cannot be told from an earlier one, and the tie_breaks that decide nothing.
std::vector<std::string> ties_slowly(const Loaded& l) {
    std::vector<std::string> told;
    const auto& entries = l.table.entries();
    std::vector<bool> decides(l.config->routes.size());
    for (size_t i = 0; i < entries.size(); ++i) {
        bool ambiguous = false;
        for (size_t j = 0; j < i; ++j) {
            const auto &a = l.table.rules()[entries[j].route], &b = l.table.rules()[entries[i].route];
            if (a.conditions.methods.any() != b.conditions.methods.any() || a.conditions.headers.size() != b.conditions.headers.size() ||
                a.conditions.query.size() != b.conditions.query.size() || entries[i].path.shape() != entries[j].path.shape() || !a.conditions.overlaps(b.conditions)) {
                continue;
            }
            if (a.tie_break == b.tie_break) ambiguous = true;
            else decides[entries[i].route] = decides[entries[j].route] = true;
        }
        if (ambiguous) told.push_back("ambiguous-routes routes[" + std::to_string(entries[i].route) + "].match");
    }
    for (size_t r = 0; r < decides.size(); ++r) {
        if (l.config->routes[r].tie_break_written && !decides[r]) told.push_back("idle-tie-break routes[" + std::to_string(r) + "].tie_break");
    }
    std::ranges::sort(told);
    return told;
}

TEST(RouteTable, TiesAreFoundWithoutComparingEachWithEach) {
    std::mt19937 random(11);
    const auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
    size_t ambiguous = 0, idle = 0, fine = 0;
    for (int round = 0; round < 400; ++round) {
        std::string routes;
        const size_t count = 2 + random() % (round % 4 == 0 ? 80 : 12);
        // With many texts most routes are apart, with few most are not.
        const size_t texts = round % 3 == 0 ? 3 : 60;
        const auto condition = [&] {
            if (random() % 8 == 0) return pick({"{ regex: \"1.*\" }", "{ regex: \".*2\" }", "{ present: true }", "{ present: false }"});
            return "v" + std::to_string(random() % texts);
        };
        for (size_t i = 0; i < count; ++i) {
            routes += "  - { name: r" + std::to_string(i) + ", match: { path: " + pick({"/a", "/a", "\"/{x}\""});
            if (random() % 4 != 0) routes += ", headers: { " + pick({"X-A", "x-a", "X-B"}) + ": " + condition() + " }";
            if (random() % 3 != 0) routes += ", query: { " + pick({"k", "l"}) + ": " + condition() + " }";
            if (random() % 9 == 0) routes += ", methods: [" + pick({"GET", "POST"}) + "]";
            routes += " }, respond: {}";
            if (random() % 3 == 0) routes += ", tie_break: " + std::to_string(1 + random() % 40);
            routes += " }\n";
        }
        const auto l = load(routes);
        ASSERT_TRUE(l->config) << messages(l->faults);
        std::vector<std::string> told;
        for (const auto& f : l->faults.all()) told.push_back(f.code + " " + f.path);
        std::ranges::sort(told);
        ASSERT_EQ(told, ties_slowly(*l)) << routes << messages(l->faults);
        for (const std::string& t : told) ++(t.starts_with('a') ? ambiguous : idle);
        fine += told.empty();
    }
    EXPECT_GT(ambiguous, 500u);
    EXPECT_GT(idle, 100u);
    EXPECT_GT(fine, 20u);
}

}  // namespace
}  // namespace portico::gateway
