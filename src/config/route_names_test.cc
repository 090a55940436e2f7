#include "config/route_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::config {
namespace {

using ::testing::ElementsAre;

RouteConfig matching(std::vector<Text> methods, std::vector<Text> hosts, std::vector<Text> paths) {
    RouteConfig r;
    r.match.methods = std::move(methods);
    r.match.hosts = std::move(hosts);
    r.match.paths = std::move(paths);
    return r;
}

RouteConfig at(const std::string& path) { return matching({}, {}, {Text{path, {}}}); }

std::vector<std::string> names(std::vector<RouteConfig> routes) {
    name_routes(routes);
    std::vector<std::string> all;
    for (const RouteConfig& r : routes) all.push_back(r.name);
    return all;
}

TEST(RouteNames, SayWhatARouteMatches) {
    RouteConfig asked = at("/x");
    asked.match.headers.push_back({ValueMatch::Kind::exact, "x-beta", "secret", {}});
    asked.match.query.push_back({ValueMatch::Kind::present, "a", "", {}});
    EXPECT_THAT(names({matching({{"GET", {}}}, {{"api.example.com", {}}}, {{"/users/{id}", {}}}), at("/**"), asked,
                       matching({{"GET", {}}, {"PUT", {}}}, {{"a.test", {}}, {"b.test", {}}}, {{"/1", {}}, {"/2", {}}, {"/3", {}}})}),
                ElementsAre("GET api.example.com/users/{id}", "/**", "/x [x-beta, ?a]", "GET,PUT a.test(+1)/1(+2)"));
}

TEST(RouteNames, StayWhereARouteStands) {
    const auto before = names({at("/a"), at("/b")});
    const auto after = names({at("/new"), at("/b"), at("/a")});
    EXPECT_EQ(before[0], after[2]);
    EXPECT_EQ(before[1], after[1]);
}

TEST(RouteNames, AreUnique) {
    RouteConfig written = at("/z");
    written.named = true;
    written.name = "/a #2";
    EXPECT_THAT(names({at("/a"), at("/a"), written, at("/a")}), ElementsAre("/a", "/a #3", "/a #2", "/a #4"));
}

TEST(RouteNames, AreShort) {
    std::string path = "/";
    while (path.size() < 1000) path += "é";
    const std::string name = names({at(path)})[0];
    EXPECT_LE(name.size(), 210u);
    EXPECT_TRUE(name.ends_with("é…")) << name;
}

}  // namespace
}  // namespace portico::config
