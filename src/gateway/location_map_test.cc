#include "gateway/location_map.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace portico::gateway {
namespace {

struct Case {
    const char* route;    // path of the route
    const char* sent;     // what it becomes; "": as it is
    const char* request;  // a client's path
    const char* reached;  // the path that was sent
    const char* value;    // what the service says
    const char* wanted;   // "": it stays as it is
};

std::string mapped(const Case& c, config::LocationMode mode = config::LocationMode::automatic, bool endpoint_tls = false, const char* client_scheme = "http") {
    config::FaultList faults;
    config::Config config;
    config::RouteConfig& route = config.routes.emplace_back();
    route.match.paths.push_back({c.route, {1, 1, 2}, true, false});
    const RouteTable table = RouteTable::build(config, faults);
    const RouteTable::Rule& rule = table.rules()[0];
    const TargetTemplate sent = TargetTemplate::parse(config::Scope(faults), {c.sent, {1, 1, 2}, true, false},
                                                      {.parameters = &rule.parameters, .rest = rule.any_path_open});
    EXPECT_FALSE(faults.has_errors());
    const LocationMap map(mode, *c.sent == '\0' ? nullptr : &sent, table.ways_of(0));
    RequestView view;
    view.path = c.request;
    Match match;
    EXPECT_TRUE(table.find(view, match)) << c.request;
    const auto made = map.mapped({.authority = "svc:8080", .endpoint_tls = endpoint_tls, .client_scheme = client_scheme, .client_path = c.request,
                                  .prefix = stripped_prefix(c.request, c.reached, match.rest.empty() && sent.ends_in_rest()), .match = &match},
                                 c.value);
    return made.value_or("");
}

class LocationMaps : public ::testing::TestWithParam<Case> {};
TEST_P(LocationMaps, LeadBackThroughTheRoutesPath) { EXPECT_EQ(mapped(GetParam()), GetParam().wanted) << GetParam().route << " to " << GetParam().sent << ": " << GetParam().value; }

constexpr Case general(const char* value, const char* wanted) { return {"/{service}/**", "/{**}", "/users/42", "/42", value, wanted}; }
INSTANTIATE_TEST_SUITE_P(Stripped, LocationMaps,
                         ::testing::Values(general("/bar/", "/users/bar/"), general("/", "/users/"), general("/bar?a=/x#/y", "/users/bar?a=/x#/y"),
                                           general("http://svc:8080/bar", "/users/bar"), general("HTTP://SVC:8080", "/users/"), general("//svc:8080/bar", "/users/bar"),
                                           general("http://svc:8080?a", "/users/?a"),
                                           // Another host's, another scheme's, or another port's.
                                           general("http://other/bar", ""), general("//other/bar", ""), general("https://svc:8080/bar", ""), general("http://svc/bar", ""),
                                           general("http://user@svc:8080/bar", ""), general("http:/bar", ""), general("mailto:a@b", ""), general("", ""),
                                           // Relative to the request's own path.
                                           general("bar", ""), general("../bar", ""), general("?page=2", ""), general("#a", ""),
                                           // Mapped already; not one that only begins alike.
                                           general("/users/bar", "/users/bar"), general("/users", "/users"), general("http://svc:8080/users/bar", "/users/bar"),
                                           general("/users-old/bar", "/users/users-old/bar"),
                                           // What would climb out of its place.
                                           general("/../orders/1", ""), general("/a/%2E%2e/b", ""), general("/\\evil.test", ""), general("/a\\b", "")));
INSTANTIATE_TEST_SUITE_P(
    Others, LocationMaps,
    ::testing::Values(Case{"/shop/**", "/api/v2/{**}", "/shop/a", "/api/v2/a", "/api/v2/b", "/shop/b"}, Case{"/shop/**", "/api/{**}", "/shop/a", "/api/a", "/api", "/shop"},
                      Case{"/shop/**", "/api/{**}", "/shop/a", "/api/a", "/login", ""}, Case{"/shop/**", "/api/{**}", "/shop/a", "/api/a", "/apis/b", ""},
                      Case{"/api/**", "/api/v2/{**}", "/api/a", "/api/v2/a", "/api/v2/b", "/api/b"},
                      Case{"/t/{tenant}/items/**", "/{tenant}/{**}", "/t/a/items/1", "/a/1", "/b/2", "/t/b/items/2"},
                      Case{"/t/{tenant}/items/{id}", "/{id}.json", "/t/a/items/1", "/1.json", "/2.json", "/t/a/items/2"},
                      Case{"/t/{tenant}/items/{id}", "/{id}.json", "/t/a/items/1", "/1.json", "/.json", ""}, Case{"/i/{id:[0-9]+}", "/items/{id}", "/i/1", "/items/1", "/items/22", "/i/22"},
                      Case{"/i/{id:[0-9]+}", "/items/{id}", "/i/1", "/items/1", "/items/new", ""}, Case{"/a", "/b", "/a", "/b", "/b", "/a"}, Case{"/a", "/b", "/a", "/b", "/c", ""},
                      Case{"/{x}/**", "/{x}/{x}/{**}", "/a/1", "/a/a/1", "/b/b/2", "/b/2"}, Case{"/{x}/**", "/{x}/{x}/{**}", "/a/1", "/a/a/1", "/b/c/2", ""},
                      // What cannot be read back: the rest is lost, two parameters in a segment, a value of the query.
                      Case{"/a/**", "/b", "/a/1", "/b", "/b", ""}, Case{"/{x}/{y}", "/{x}-{y}", "/a/b", "/a-b", "/c-d", ""}, Case{"/{x}/**", "/{**}?x={x}", "/a/b", "/b", "/c", ""},
                      Case{"/{x}/**", "/{header.a}/{**}", "/a/b", "/h/b", "/h/c", ""},
                      // Another host's in the eyes of a browser.
                      Case{"/**", "/x/{**}", "/a", "/x/a", "/x//evil.test", ""},
                      // The path is sent as it is: only the service's address goes.
                      Case{"/users/**", "", "/users/1", "/users/1", "http://svc:8080/login?a", "/login?a"}, Case{"/users/**", "", "/users/1", "/users/1", "http://svc:8080//evil.test", ""},
                      Case{"/**", "/{**}", "/a", "/a", "/b", "/b"}));

// A service that builds addresses of what it is told of the client, and one that sends every client to https.
TEST(LocationMaps, ASchemeThatIsNobodysAsksForAChange) {
    constexpr Case kSecure = general("https://svc:8080/bar", "");
    EXPECT_EQ(mapped(kSecure, config::LocationMode::automatic, false, "https"), "/users/bar");
    EXPECT_EQ(mapped(kSecure, config::LocationMode::automatic, true, "http"), "/users/bar");
    EXPECT_EQ(mapped(kSecure, config::LocationMode::automatic, false, "http"), "");
}

TEST(LocationMaps, MapTakesNothingForMapped) {
    constexpr Case kSeems = general("/users/bar", "");
    EXPECT_EQ(mapped(kSeems, config::LocationMode::map), "/users/users/bar");
}

TEST(LocationMaps, OnlyTwoFieldsAreRead) {
    const TargetTemplate* const as_it_is = nullptr;
    http::FieldList fields;
    for (const char* name : {"Location", "content-location", "Link", "X-Location"}) fields.add(name, "http://svc/a");
    Arena arena;
    Match match;
    const LocationView view{.authority = "svc", .client_scheme = "http", .client_path = "/a", .prefix = {}, .match = &match};
    LocationMap(config::LocationMode::pass, as_it_is, {}).apply(view, fields, arena);
    EXPECT_EQ(fields.find("Location")->value, "http://svc/a");
    LocationMap(config::LocationMode::automatic, as_it_is, {}).apply(view, fields, arena);
    EXPECT_EQ(fields.find("Location")->value, "/a");
    EXPECT_EQ(fields.find("Content-Location")->value, "/a");
    EXPECT_EQ(fields.find("Link")->value, "http://svc/a");
    EXPECT_EQ(fields.find("X-Location")->value, "http://svc/a");
}

}  // namespace
}  // namespace portico::gateway
