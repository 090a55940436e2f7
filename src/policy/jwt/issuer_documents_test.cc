#include "policy/jwt/issuer_documents.h"

#include <gtest/gtest.h>

namespace portico::policy::jwt {
namespace {

using std::chrono::seconds;

constexpr std::string_view kIssuer = "https://id.example/realms/shop";

Readable<Discovery> discovered(std::string_view keys_url, KeyTransport transport = KeyTransport::https) {
    return read_discovery(R"({"issuer":"https://id.example/realms/shop","jwks_uri":")" + std::string(keys_url) +
                              R"(","id_token_signing_alg_values_supported":["RS256","none","ES256","x"]})",
                          kIssuer, transport);
}

TEST(JwtIssuer, a_discovery_document_names_its_keys) {
    const auto discovery = discovered("https://id.example/realms/shop/keys");
    ASSERT_TRUE(discovery) << discovery.error();
    EXPECT_EQ(discovery->keys_url, "https://id.example/realms/shop/keys");
    EXPECT_EQ(discovery->algorithms, (AlgorithmSet{Algorithm::rs256, Algorithm::es256}));
}

TEST(JwtIssuer, keys_over_plain_HTTP_need_permission) {
    EXPECT_FALSE(discovered("http://id.example/keys"));
    EXPECT_TRUE(discovered("http://127.0.0.1:9000/keys", KeyTransport::http_allowed));
}

TEST(JwtIssuer, a_keys_url_that_is_none_is_refused) {
    for (const std::string_view url : {"", "keys", "/keys", "//id.example/keys", "https:id.example", "https://", "https:///keys", "file:///etc/passwd",
                                       "https://user@id.example/keys", "https://id.example/keys#a", "https://id.example/a b",
                                       "https://id.example:99999999/", "gopher://id.example/"}) {
        EXPECT_FALSE(discovered(url, KeyTransport::http_allowed)) << url;
    }
}

TEST(JwtIssuer, the_issuer_must_be_the_configured_one) {
    const auto of = [](std::string_view issuer) {
        return read_discovery(R"({"issuer":)" + std::string(issuer) + R"(,"jwks_uri":"https://id.example/keys"})", kIssuer, KeyTransport::https);
    };
    EXPECT_TRUE(of(R"("https://id.example/realms/shop")"));
    for (const std::string_view other : {R"("https://id.example/realms/shop/")", R"("https://evil.example")", R"("HTTPS://id.example/realms/shop")",
                                         "null", "1", R"(["https://id.example/realms/shop"])"}) {
        EXPECT_FALSE(of(other)) << other;
    }
    EXPECT_FALSE(read_discovery("{}", "", KeyTransport::https));
    EXPECT_FALSE(read_discovery("<html>", kIssuer, KeyTransport::https));
}

TEST(JwtIssuer, the_documents_place_follows_from_the_issuer) {
    EXPECT_EQ(discovery_url("https://id.example"), "https://id.example/.well-known/openid-configuration");
    EXPECT_EQ(discovery_url("https://id.example/"), "https://id.example/.well-known/openid-configuration");
    EXPECT_EQ(discovery_url("https://id.example/a"), "https://id.example/a/.well-known/openid-configuration");
}

TEST(JwtFreshness, answers_are_kept_as_long_as_they_say_within_bounds) {
    const FreshnessBounds bounds{seconds(30), seconds(3600), seconds(300)};
    constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
    constexpr std::string_view kLater = "Sun, 06 Nov 1994 09:04:37 GMT";
    const struct {
        FreshnessFields fields;
        int64_t wanted;
    } cases[] = {
        {{}, 300},
        {{.cache_control = "max-age=600"}, 600},
        {{.cache_control = "public, MAX-AGE=\"600\" , must-revalidate"}, 600},
        {{.cache_control = "max-age=600", .age = "100"}, 500},
        {{.cache_control = "max-age=600", .age = "x"}, 600},
        {{.cache_control = "max-age=600", .age = "99999999999999999999999"}, 30},
        {{.cache_control = "max-age=1"}, 30},
        {{.cache_control = "max-age=0"}, 30},
        {{.cache_control = "max-age=86400"}, 3600},
        {{.cache_control = "max-age=99999999999999999999999"}, 3600},
        {{.cache_control = "max-age=-5"}, 30},
        {{.cache_control = "max-age"}, 30},
        {{.cache_control = "max-age=600, max-age=700"}, 30},
        {{.cache_control = "no-store, max-age=600"}, 30},
        {{.cache_control = "no-cache"}, 30},
        {{.cache_control = "s-maxage=600"}, 300},
        {{.date = kDate, .expires = kLater}, 900},
        {{.age = "100", .date = kDate, .expires = kLater}, 800},
        {{.date = kLater, .expires = kDate}, 30},
        {{.cache_control = "max-age=600", .date = kDate, .expires = kLater}, 600},
        {{.date = kDate, .expires = "0"}, 30},
        {{.expires = kLater}, 30},
        {{.date = kDate, .expires = "Sun, 06 Nov 9994 09:04:37 GMT"}, 3600},
        {{.date = kDate, .expires = "Sun, 31 Feb 1995 09:04:37 GMT"}, 30},
        {{.date = kDate, .expires = "Sun, 06 Xxx 1994 09:04:37 GMT"}, 30},
        {{.date = kDate, .expires = "Sun, 06 Nov 1994 29:04:37 GMT"}, 30},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(freshness(c.fields, bounds), seconds(c.wanted)) << c.fields.cache_control << '|' << c.fields.age << '|' << c.fields.expires;
    }
}

}  // namespace
}  // namespace portico::policy::jwt
