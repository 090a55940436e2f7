#include "policy/jwt/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>

#include "config/read.h"
#include "gateway/snapshot.h"
#include "policy/jwt/jwt_fixture.h"

namespace portico::policy::jwt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Build final : public gateway::PolicyBuild {
  public:
    Build() {
        for (const char* name : {"open", "keys"}) config_.services.emplace_back().name = name;
        config_.services[1].internal = true;
        for (const char* name : {"local", "shared"}) config_.stores.emplace_back().name = name;
        config_.stores[1].redis.value = "redis://127.0.0.1";
    }
    config::ServiceConfig& keys() { return config_.services[1]; }
    gateway::Resources& resources() override { return resources_; }
    const config::Config& config() const override { return config_; }
    int32_t service(const config::Scope& scope, const config::Node& name) override { return find(scope, name, config_.services); }
    int32_t store(const config::Scope& scope, const config::Node& name) override { return find(scope, name, config_.stores); }
    void reads_of_client(const config::Scope&, const config::Node&) override {}
    std::vector<gateway::ChainLink> use(const config::Scope&, const config::Node&) override { return {}; }

  private:
    template <class T>
    static int32_t find(const config::Scope& scope, const config::Node& name, const std::vector<T>& all) {
        for (size_t i = 0; i < all.size(); ++i) {
            if (all[i].name == name.text) return static_cast<int32_t>(i);
        }
        scope.error(name.mark, "unknown-name", "there is no " + name.text);
        return -1;
    }
    gateway::Resources resources_;
    config::Config config_;
};

std::vector<std::string> texts(const std::vector<gateway::ClaimConstant>& values) {
    std::vector<std::string> all;
    for (const gateway::ClaimConstant& v : values) all.push_back(v.text);
    return all;
}

struct Read {
    std::optional<Settings> settings;
    std::string faults;
};

Read read(const std::string& yaml, const std::function<void(config::ServiceConfig& keys)>& change = {}) {
    config::FaultList faults;
    const auto document = config::Document::parse(yaml, {}, faults);
    Build build;
    if (change) change(build.keys());
    Read r;
    r.settings = read_settings({"guard", document->root(), "policies.guard.jwt", "guard", false, true, build}, faults);
    for (const auto& f : faults.all()) r.faults += f.code + ": " + f.message + " (" + f.hint + ")\n";
    EXPECT_EQ(r.settings.has_value(), faults.errors() == 0) << r.faults;
    return r;
}

// Text as a block scalar under a key.
std::string block(std::string_view text) {
    std::string out = "|\n";
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        out.append("  ").append(text.substr(at, end - at)).append("\n");
        at = end + 1;
    }
    return out;
}

const std::string kSecret = "algorithms: [HS256]\nsecret: 0123456789abcdef0123456789abcdef\n";

TEST(JwtSettings, ASecretIsEnoughAndEverythingElseHasItsDefault) {
    const Read r = read(kSecret);
    ASSERT_EQ(r.faults, "");
    ASSERT_EQ(r.settings->issuers.size(), 1u);
    const IssuerSettings& issuer = r.settings->issuers[0];
    EXPECT_TRUE(issuer.rules.algorithms.has(Algorithm::hs256));
    EXPECT_FALSE(issuer.rules.algorithms.has(Algorithm::hs384));
    EXPECT_EQ(issuer.fixed.keys().size(), 1u);
    EXPECT_FALSE(issuer.remote);
    EXPECT_EQ(issuer.rules.claims.leeway, Duration::zero());
    EXPECT_EQ(issuer.rules.claims.max_age, kForever);
    ASSERT_EQ(r.settings->from.size(), 1u);
    EXPECT_EQ(r.settings->from[0].kind, TokenPlace::Kind::authorization);
    EXPECT_FALSE(r.settings->optional);
    EXPECT_FALSE(r.settings->forward_token);
    EXPECT_FALSE(r.settings->revocation);
}

TEST(JwtSettings, T11_padding_is_refused_unless_it_is_allowed) {
    const std::string secret = "algorithms: HS256\nsecret: 0123456789abcdef0123456789abcdef\n";
    EXPECT_EQ(read(secret).settings->padding, Padding::refuse);
    EXPECT_EQ(read(secret + "padding: refuse").settings->padding, Padding::refuse);
    EXPECT_EQ(read(secret + "padding: allow").settings->padding, Padding::allow);
    EXPECT_THAT(read(secret + "padding: true").faults, HasSubstr("one of refuse allow"));
}

TEST(JwtSettings, T10_a_secrets_last_newline_is_dropped_wherever_it_comes_from) {
    const std::string secret = "0123456789abcdef0123456789abcdef";
    const std::string path = ::testing::TempDir() + "jwt_settings_base64";
    std::ofstream(path) << "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
    for (const std::string& written : {std::string(R"("0123456789abcdef0123456789abcdef\n")"), std::string(R"("0123456789abcdef0123456789abcdef\r\n")"),
                                       std::string("|\n  0123456789abcdef0123456789abcdef\n"), std::string("{ base64: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= }"),
                                       std::string("{ base64: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY }"),
                                       std::string("{ base64: \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0\\nNTY3ODlhYmNkZWY=\\n\" }"), "{ base64: { file: " + path + " } }"}) {
        const Read r = read("algorithms: HS256\nsecret: " + written);
        ASSERT_EQ(r.faults, "") << written;
        EXPECT_EQ(r.settings->issuers[0].fixed.keys()[0]->secret(), secret) << written;
    }
    const Read bytes = read("algorithms: HS256\nsecret: { base64: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHgr_ }");
    ASSERT_EQ(bytes.faults, "");
    EXPECT_EQ(bytes.settings->issuers[0].fixed.keys()[0]->secret().substr(31), "\x0a\xff") << "bytes in base64 are what they are";
    const Read ends = read("algorithms: HS256\nsecret: { base64: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8K }");
    EXPECT_EQ(ends.settings->issuers[0].fixed.keys()[0]->secret().size(), 33U) << "also where they end in a newline's";
    for (const char* bad : {"{ base64: 'a b!' }", "{ base64: A }", "{ base64: '' }", "{ base64: 'MDE=MDE=' }", "{ base64: MDEyMzR }", "{ base64: 'MDEyMzQ1==' }", "{ base64: 'MD==' }"}) {
        const Read r = read(std::string("algorithms: HS256\nsecret: ") + bad);
        EXPECT_FALSE(r.settings) << bad;
    }
    EXPECT_THAT(read("algorithms: HS256\nsecret: { base64: [a] }").faults, HasSubstr("{ base64: … }"));
}

TEST(JwtSettings, T10_a_path_in_place_of_a_text_gets_the_hint) {
    EXPECT_THAT(read("algorithms: RS256\npublic_key: /etc/keys/x.pem").faults, HasSubstr("did you mean { file: /etc/keys/x.pem }?"));
    EXPECT_THAT(read("algorithms: RS256\npublic_key: issuer.pem").faults, HasSubstr("did you mean { file: issuer.pem }?"));
    EXPECT_THAT(read("algorithms: RS256\nkeys: ./keys.json").faults, HasSubstr("did you mean { file: ./keys.json }?"));
    EXPECT_THAT(read("algorithms: RS256\nkeys: https://id.test/keys").faults, HasSubstr("jwks: https://"));
    EXPECT_THAT(read("algorithms: HS256\nsecret: /run/secrets/jwt").faults, HasSubstr("did you mean { file: … }?"));
    for (const char* secret : {"/8fK3kdJ2mQpZx7vRt5yWc1aBn9eLs6gHu4iOj0TqXD", "0123456789abcdef0123456789abcdef", "//x", "a/b/c/d/e/f/g/h/a/b/c/d/e/f/g/h"}) {
        EXPECT_THAT(read(std::string("algorithms: HS256\nsecret: ") + secret).faults, Not(HasSubstr("file"))) << secret;
    }
}

TEST(JwtSettings, ASecretMayStandInAFileWhoseLastNewlineIsDropped) {
    const std::string path = ::testing::TempDir() + "jwt_settings_secret";
    std::ofstream(path) << "0123456789abcdef0123456789abcdef\n";
    const Read r = read("algorithms: HS256\nsecret: { file: " + path + " }");
    ASSERT_EQ(r.faults, "");
    EXPECT_EQ(r.settings->issuers[0].fixed.keys()[0]->secret(), "0123456789abcdef0123456789abcdef");
}

TEST(JwtSettings, AShortSecretIsAWarning) { EXPECT_THAT(read("algorithms: [HS256]\nsecret: short").faults, HasSubstr("weak-key")); }

TEST(JwtSettings, KeysComeAsPemAsJwkOrAsASetOfThem) {
    const auto rsa = make_rsa_key();
    const auto ec = make_ec_key();
    EXPECT_EQ(read("algorithms: [RS256, PS512]\npublic_key: " + block(public_pem(rsa.get()))).faults, "");
    EXPECT_EQ(read("algorithms: [ES256]\nkeys: '" + ec_jwk(ec.get(), "e1") + "'").faults, "");
    const Read set = read("algorithms: [RS256, ES256]\nkeys: '{\"keys\":[" + rsa_jwk(rsa.get(), "r1") + "," + ec_jwk(ec.get(), "e1") + "]}'");
    ASSERT_EQ(set.faults, "");
    EXPECT_EQ(set.settings->issuers[0].fixed.keys().size(), 2u);
}

TEST(JwtSettings, KeysThatAreFetchedHaveBoundsOfTheirOwn) {
    const Read r = read("algorithms: [RS256]\njwks: { url: https://id.test/keys, timeout: 1s, cooldown: 10s, refresh: 1m, stale: 2h }\nissuer: https://id.test\naudience: shop");
    ASSERT_EQ(r.faults, "");
    const RemoteKeySettings& remote = *r.settings->issuers[0].remote;
    EXPECT_FALSE(remote.discovery);
    EXPECT_EQ(remote.url, "https://id.test/keys");
    EXPECT_EQ(remote.timeout, std::chrono::seconds(1));
    EXPECT_EQ(remote.cooldown, std::chrono::seconds(10));
    EXPECT_EQ(remote.refresh, std::chrono::minutes(1));
    EXPECT_EQ(remote.stale, std::chrono::hours(2));
}

TEST(JwtSettings, AnIssuersTokensForAnyAudienceAreWarnedOf) {
    EXPECT_THAT(read("algorithms: [RS256]\njwks: https://id.test/keys").faults, HasSubstr("any-audience"));
    EXPECT_EQ(read("algorithms: [RS256]\njwks: https://id.test/keys\naudience: shop").faults, "");
}

TEST(JwtSettings, CertificatesThatAreNoneAreAnError) {
    const std::string path = ::testing::TempDir() + "jwt_settings_ca";
    std::ofstream(path) << "no certificates\n";
    for (const char* kind : {"jwks: { url", "oidc: { issuer"}) {
        const Read r = read(std::string("algorithms: [RS256]\n") + kind + ": https://id.test, ca: " + path + " }");
        EXPECT_FALSE(r.settings);
        EXPECT_THAT(r.faults, HasSubstr("bad-ca"));
    }
}

TEST(JwtSettings, OidcExpectsTheIssuerThatItNamesUnlessAnotherIsWritten) {
    EXPECT_THAT(read("algorithms: [RS256]\noidc: https://id.test").settings->issuers[0].rules.claims.issuers, ::testing::ElementsAre("https://id.test"));
    for (const char* yaml : {"algorithms: [RS256]\noidc: https://id.test\nissuer: other", "algorithms: [RS256]\nissuer: other\noidc: https://id.test"}) {
        EXPECT_THAT(read(yaml).settings->issuers[0].rules.claims.issuers, ::testing::ElementsAre("other"));
    }
}

TEST(JwtSettings, AServiceMayHaveTheKeysOrTheIssuersDocument) {
    const Read keys = read("algorithms: [RS256]\njwks: { service: keys, path: /jwks }\naudience: shop");
    ASSERT_EQ(keys.faults, "");
    EXPECT_EQ(keys.settings->issuers[0].remote->service, 1);
    EXPECT_EQ(keys.settings->issuers[0].remote->url, "service keys /jwks");
    const Read document = read("algorithms: [RS256]\noidc: { issuer: https://id.test, service: keys, path: /.well-known/openid-configuration }\naudience: shop");
    ASSERT_EQ(document.faults, "");
    EXPECT_TRUE(document.settings->issuers[0].remote->discovery);
    EXPECT_EQ(document.settings->issuers[0].remote->issuer, "https://id.test");
    EXPECT_THAT(read("algorithms: [RS256]\njwks: { service: open, path: /jwks }").faults, HasSubstr("can be reached by name"));
}

TEST(JwtSettings, SourcesAreOneExactlyWhereNothingTellsThemApart) {
    const auto identity = [](const std::string& yaml) { return read("algorithms: [RS256]\n" + yaml).settings->issuers[0].remote->identity(); };
    EXPECT_EQ(identity("jwks: https://a.test/k"), identity("jwks: { url: https://a.test/k, timeout: 1s }"));
    const std::string one = identity("jwks: https://a.test/k");
    for (const char* other : {"jwks: https://a.test/l", "jwks: { url: https://a.test/k, stale: 1h }", "jwks: { url: https://a.test/k, cooldown: 1s }",
                              "oidc: https://a.test/k", "jwks: { service: keys, path: /k }"}) {
        EXPECT_NE(one, identity(other)) << other;
    }
}

TEST(JwtSettings, A75_a_service_that_is_pointed_elsewhere_is_another_source) {
    const auto source = [](const std::function<void(config::ServiceConfig&)>& change) {
        const Read r = read("algorithms: [RS256]\njwks: { service: keys, path: /k }\naudience: a", change);
        return r.settings ? r.settings->issuers[0].remote->identity() : r.faults;
    };
    const auto at = [](const char* host, uint16_t port, bool tls = false) {
        return [=](config::ServiceConfig& s) { s.endpoints = {{.tls = tls, .host = host, .port = port, .authority = host, .mark = {}}}; };
    };
    const auto secure = [&](auto&& change) {
        return source([&](config::ServiceConfig& s) {
            at("a", 443, true)(s);
            change(s.tls);
        });
    };
    const std::string here = source(at("a", 80)), safe = secure([](auto&) {});
    EXPECT_EQ(source(at("a", 80)), here);
    EXPECT_NE(source(at("b", 80)), here);
    EXPECT_NE(source(at("a", 81)), here);
    EXPECT_NE(safe, here);
    EXPECT_EQ(secure([](auto&) {}), safe);
    EXPECT_NE(secure([](auto& tls) { tls.verify = false; }), safe);
    EXPECT_NE(secure([](auto& tls) { tls.server_name.value = "other"; }), safe);
    EXPECT_EQ(source([&](config::ServiceConfig& s) {
        at("a", 80)(s);
        s.max_idle = 1;
    }), here) << "what has no part in whose keys they are";
}

TEST(JwtSettings, A78_what_an_issuer_writes_holds_though_it_is_the_default) {
    const auto claims = [](const char* own) {
        const Read r = read("leeway: 60s\nmax_age: 5m\nissuers:\n  - { issuer: a, algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef" + std::string(own) + " }\n");
        return r.settings ? r.settings->issuers[0].rules.claims : ClaimRules{};
    };
    EXPECT_EQ(claims("").leeway, std::chrono::seconds(60));
    EXPECT_EQ(claims("").max_age, std::chrono::minutes(5));
    EXPECT_EQ(claims(", leeway: 0s").leeway, Duration::zero());
    EXPECT_EQ(claims(", max_age: none").max_age, kForever);
    EXPECT_EQ(claims(", max_age: 1m").max_age, std::chrono::minutes(1));
}

TEST(JwtSettings, IssuersTakeWhatStandsAtTheTop) {
    const Read r = read(
        "audience: api\nleeway: 5s\nmax_age: 1h\nrequired_claims: [sub]\nissuers:\n"
        "  - { issuer: a, algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef }\n"
        "  - { issuer: [b, c], algorithms: [RS256], jwks: https://b.test/k, audience: other, leeway: 1s, required_claims: { tenant: [x, y] } }\n");
    ASSERT_EQ(r.faults, "");
    ASSERT_EQ(r.settings->issuers.size(), 2u);
    const ClaimRules& a = r.settings->issuers[0].rules.claims;
    const ClaimRules& b = r.settings->issuers[1].rules.claims;
    EXPECT_THAT(a.audiences, ::testing::ElementsAre("api"));
    EXPECT_THAT(b.audiences, ::testing::ElementsAre("other"));
    EXPECT_EQ(a.leeway, std::chrono::seconds(5));
    EXPECT_EQ(b.leeway, std::chrono::seconds(1));
    EXPECT_EQ(a.max_age, std::chrono::hours(1));
    ASSERT_EQ(b.required.size(), 2u);
    EXPECT_THAT(texts(b.required[0].any_of), ::testing::ElementsAre("x", "y"));
    EXPECT_THAT(b.required[1].path, ::testing::ElementsAre("sub"));
}

TEST(JwtSettings, RequiredClaimsHavePathsAndValues) {
    const Read r = read(kSecret + "required_claims: { org.id: 7, roles: [a, b] }");
    ASSERT_EQ(r.faults, "");
    const auto& required = r.settings->issuers[0].rules.claims.required;
    ASSERT_EQ(required.size(), 2u);
    EXPECT_THAT(required[0].path, ::testing::ElementsAre("org", "id"));
    ASSERT_EQ(required[0].any_of.size(), 1u);
    EXPECT_EQ(required[0].any_of[0].kind, json::Kind::number);
    EXPECT_THAT(texts(required[1].any_of), ::testing::ElementsAre("a", "b"));
    EXPECT_THAT(read(kSecret + "required_claims: { org: { present: true } }").faults, HasSubstr("a text, a number, true or false"));
    EXPECT_THAT(read(kSecret + "required_claims: { org: [] }").faults, HasSubstr("empty-list"));
}

TEST(JwtSettings, TheTokenMayStandInSeveralPlaces) {
    const Read r = read(kSecret + "from: [{ header: authorization }, { header: X-Token }, { cookie: session }, { query: 'access token' }]");
    EXPECT_THAT(r.faults, HasSubstr("token-in-query"));
    ASSERT_TRUE(r.settings);
    ASSERT_EQ(r.settings->from.size(), 4u);
    EXPECT_EQ(r.settings->from[0].kind, TokenPlace::Kind::authorization);
    EXPECT_EQ(r.settings->from[1].kind, TokenPlace::Kind::header);
    EXPECT_EQ(r.settings->from[2].kind, TokenPlace::Kind::cookie);
    EXPECT_EQ(r.settings->from[3].kind, TokenPlace::Kind::query);
}

TEST(JwtSettings, RevocationHasListsAndAStore) {
    const Read r = read(kSecret + "revocation: { store: shared, on_store_failure: allow, tokens: [t1], subjects: mallory }");
    ASSERT_EQ(r.faults, "");
    EXPECT_EQ(r.settings->revocation->store, 1);
    EXPECT_TRUE(r.settings->revocation->allow_on_failure);
    EXPECT_THAT(r.settings->revocation->subjects, ::testing::ElementsAre("mallory"));
    EXPECT_FALSE(read(kSecret + "revocation: { store: shared }").settings->revocation->allow_on_failure);
}

TEST(JwtSettings, ASecretIsNeverShown) {
    EXPECT_THAT(read("algorithms: [RS256]\nsecret: my-very-secret-text").faults, Not(HasSubstr("my-very")));
    EXPECT_THAT(read("algorithms: [RS256]\npublic_key: my-very-secret-text").faults, Not(HasSubstr("my-very")));
}

class JwtFaults : public ::testing::TestWithParam<std::pair<std::string, const char*>> {};
TEST_P(JwtFaults, SayWhatIsWrong) {
    const Read r = read(GetParam().first);
    EXPECT_FALSE(r.settings);
    EXPECT_THAT(r.faults, HasSubstr(GetParam().second));
}

const std::string kRs = "algorithms: [RS256]\n";
INSTANTIATE_TEST_SUITE_P(Keys, JwtFaults, ::testing::Values(
    std::pair{std::string("algorithms: [HS256]"), "no keys: one of secret, public_key, keys, jwks and oidc is needed"},
    std::pair{kSecret + "jwks: https://a.test/k", "more than one of secret"},
    std::pair{std::string("secret: 0123456789abcdef0123456789abcdef"), "jwt needs the key \"algorithms\""},
    std::pair{std::string("secret: x\nalgorithms: []"), "the list is empty"},
    std::pair{std::string("secret: x\nalgorithms: [none]"), "a token without a signature proves nothing"},
    std::pair{std::string("secret: x\nalgorithms: [None]"), "a token without a signature proves nothing"},
    std::pair{std::string("secret: x\nalgorithms: [HS265]"), "did you mean HS256?"},
    std::pair{std::string("secret: x\nalgorithms: [rs256]"), "did you mean RS256?"},
    std::pair{std::string("algorithms: [HS256, HS512]\njwks: https://a.test/k"), "HS256 and its kind need secret"},
    std::pair{std::string("algorithms: [HS256]\noidc: https://a.test"), "HS256 and its kind need secret"},
    std::pair{std::string("secret: 0123456789abcdef0123456789abcdef\nalgorithms: [RS256]"), "no key here can verify"},
    std::pair{std::string("secret: ''\nalgorithms: [HS256]"), "empty"},
    std::pair{std::string("secret: { file: /nowhere/secret }\nalgorithms: [HS256]"), "/nowhere/secret"},
    std::pair{"algorithms: [HS256]\nsecret: " + block("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "bad-key"},
    std::pair{kRs + "public_key: { file: /nowhere/key.pem }", "/nowhere/key.pem"}, std::pair{kRs + "public_key: hello", "bad-key"},
    std::pair{kRs + "public_key: " + block("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "bad-key"},
    std::pair{kRs + "keys: '{'", "bad-key"}, std::pair{kRs + "keys: '{\"keys\":[]}'", "bad-key"}));

INSTANTIATE_TEST_SUITE_P(Remote, JwtFaults, ::testing::Values(
    std::pair{kRs + "jwks: id.test/keys", "is not a URL such as"}, std::pair{kRs + "jwks: 'https://u:p@a.test/'", "is not a URL"},
    std::pair{kRs + "jwks: {}", "either a URL or a service"}, std::pair{kRs + "jwks: { url: https://a.test, service: keys, path: /k }", "either a URL or a service"},
    std::pair{kRs + "jwks: { url: https://a.test, path: /k }", "goes with a service"},
    std::pair{kRs + "jwks: { service: keys }", "path: /.well-known/jwks.json"}, std::pair{kRs + "jwks: { service: keys, path: k }", "begins with \"/\""},
    std::pair{kRs + "jwks: { service: nobody, path: /k }", "there is no nobody"}, std::pair{kRs + "jwks: { issuer: https://a.test }", "issuer"},
    std::pair{kRs + "oidc: { service: keys, path: /d }", "oidc needs the key \"issuer\""},
    std::pair{kRs + "oidc: { issuer: https://a.test, service: keys }", "path: /.well-known/openid-configuration"},
    std::pair{kRs + "jwks: { url: https://a.test, ca: /nowhere/ca.pem }", "/nowhere/ca.pem cannot be read"},
    std::pair{kRs + "jwks: { url: https://a.test, cooldown: 30 }", "30s"}, std::pair{kRs + "jwks: { url: https://a.test, timeout: 0s }", "0"}));

INSTANTIATE_TEST_SUITE_P(Others, JwtFaults, ::testing::Values(
    std::pair{std::string("issuers: []"), "a list of issuers, each with its keys"}, std::pair{std::string("issuers: { a: b }"), "a list of issuers"},
    std::pair{"issuers: [{ algorithms: [HS256], secret: x }]", "one issuer of several needs the key \"issuer\""},
    std::pair{"issuers: [{ issuer: a, secret: x }]", "needs the key \"algorithms\""},
    std::pair{"issuers: [{ issuer: a, algorithms: [HS256] }]", "no keys"},
    std::pair{"issuers: [{ issuer: a, algorithms: [HS256], secret: x }, { issuer: [b, a], algorithms: [HS256], secret: y }]", "two of the issuers are named \"a\""},
    std::pair{kSecret + "issuers: [{ issuer: a, algorithms: [HS256], secret: x }]", "not in both"},
    std::pair{kSecret + "from: Authorization", "{ cookie: session }"}, std::pair{kSecret + "from: { body: x }", "{ cookie: session }"},
    std::pair{kSecret + "from: { header: 'a b' }", "is no name of a header"}, std::pair{kSecret + "from: { cookie: '' }", "is no name of a cookie"},
    std::pair{kSecret + "from: { header: A, cookie: b }", "{ cookie: session }"}, std::pair{kSecret + "optional: maybe", "true"},
    std::pair{kSecret + "required_claims: ['a..b']", "bad-claim"}, std::pair{kSecret + "leeway: 5", "5s"},
    std::pair{kSecret + "claims_to_headers: { Authorization: sub }", "unmanageable"},
    std::pair{kSecret + "revocation: {}", "a store or a list"}, std::pair{kSecret + "revocation: { store: local }", "this process's memory"},
    std::pair{kSecret + "revocation: { store: nobody }", "there is no nobody"},
    std::pair{kSecret + "revocation: { store: shared, on_store_failure: memory }", "deny"},
    std::pair{kSecret + "audiences: x", "audience"}));

}  // namespace
}  // namespace portico::policy::jwt
