#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Loaded {
    std::optional<Config> config;
    std::string text;  // the faults, rendered
};

Loaded load_text(const std::string& source) {
    static constexpr std::string_view kTypes[] = {"ip_access"};
    LoadOptions options;
    options.policy_types = kTypes;
    options.environment = [](std::string_view name) -> std::optional<std::string> {
        if (name == "PORT") return "8080";
        if (name == "EMPTY") return "";
        if (name == "BRACE") return "{x}";
        if (name == "SECRET") return "hunter2-hunter2";
        if (name == "LONGER") return "hunter2-hunter2-hunter3";
        return std::nullopt;
    };
    FaultList faults;
    Loaded l;
    l.config = load(source, "p.yaml", options, faults);
    faults.sort();
    l.text = render(faults, "p.yaml", source);
    return l;
}

constexpr const char* kHead = "listeners: [{ address: 127.0.0.1:8080 }]\nservices: { users: http://h:1 }\n";

std::string with(const std::string& rest) { return kHead + rest + "\n"; }

TEST(Load, DefaultsAreThoseOfTheLanguage) {
    const auto l = load_text(with("routes: [{ match: /x, respond: {} }]"));
    ASSERT_TRUE(l.config) << l.text;
    EXPECT_EQ(l.config->limits.body, 128u << 20);
    EXPECT_EQ(l.config->limits.head, 64u << 10);
    EXPECT_EQ(l.config->limits.target, 16u << 10);
    EXPECT_EQ(l.config->limits.fields, 128u);
    EXPECT_EQ(l.config->timeouts.head, std::chrono::seconds(10));
    EXPECT_EQ(l.config->workers, 0u);
    EXPECT_FALSE(l.config->admin);
    EXPECT_EQ(l.config->services[0].endpoints[0].authority, "h:1");
    EXPECT_EQ(l.config->routes[0].name, "/x");
}

struct Case {
    const char* name;
    std::string source;
    std::vector<const char*> said;  // each stands in the rendered faults
};

class LoadFaults : public ::testing::TestWithParam<Case> {};

TEST_P(LoadFaults, AreLocatedAndSayWhatWasExpected) {
    const auto l = load_text(GetParam().source);
    EXPECT_FALSE(l.config);
    for (const char* s : GetParam().said) EXPECT_THAT(l.text, HasSubstr(s));
}

const std::string kRoute = "routes: [{ match: /x, respond: {} }]\n";

INSTANTIATE_TEST_SUITE_P(
    Language, LoadFaults,
    ::testing::Values(
        Case{"empty", "", {"p.yaml: error", "empty"}},
        Case{"unknown_key", with("routs: []\n" + kRoute), {"p.yaml:3:1: error", "did you mean \"routes\"?", "^~~~~"}},
        Case{"unknown_route_key", with("routes:\n  - { match: /x, respnd: {} }"), {"p.yaml:4:18", "did you mean \"respond\"?"}},
        Case{"duplicate_key", with(kRoute + "routes: []"), {"p.yaml:4:1", "stands twice"}},
        Case{"bare_duration", with("timeouts: { head: 60 }\n" + kRoute), {"60s or 60m"}},
        Case{"zero", with("timeouts: { idle: 0 }\n" + kRoute), {"write none"}},
        Case{"bare_size", with("limits: { body: 64 }\n" + kRoute), {"64KiB"}},
        Case{"unset", with("log: { file: \"${NOT_THERE}\" }\n" + kRoute), {"NOT_THERE", "is not set"}},
        Case{"template_as_variable", with("routes: [{ match: /x, redirect: { to: \"/${claims.sub}\" } }]"), {"did you mean {claims.sub}?"}},
        Case{"unknown_service", with("routes: [{ match: /x, forward: { service: user } }]"), {"did you mean \"users\"?"}},
        Case{"unknown_policy", with("policies: { office: { ip_access: { allow: [10.0.0.0/8] } } }\nroutes: [{ match: /x, use: [ofice], respond: {} }]"),
             {"there is no policy named \"ofice\"", "did you mean \"office\"?"}},
        Case{"unknown_type", with("policies: { p: { ip_acces: {} } }\n" + kRoute), {"did you mean \"ip_access\"?"}},
        Case{"named_as_a_type", with("policies: { ip_access: { ip_access: { allow: [10.0.0.0/8] } } }\n" + kRoute), {"may not be named \"ip_access\""}},
        Case{"unknown_method", with("routes: [{ match: { path: /x, methods: [GTE] }, respond: {} }]"), {"did you mean GET?"}},
        Case{"two_actions", with("routes: [{ match: /x, respond: {}, redirect: { to: / } }]"), {"exactly one action, this one has respond and redirect"}},
        Case{"no_action", with("routes: [{ match: /x }]"), {"needs one action"}},
        Case{"flow_template", with("routes: [{ match: { path: /users/{id} }, respond: {} }]"), {"quotes"}},
        Case{"unmanageable", with("managed_headers: [Host]\n" + kRoute), {"cannot be a managed header"}},
        Case{"json_text", with("routes: [{ match: /x, respond: { body: '{\"ok\":true}' } }]"), {"mapping"}},
        Case{"tab", "listeners: [{ address: 127.0.0.1:1 }]\nroutes:\n\t- { match: /x, respond: {} }\n", {"p.yaml:3:1", "here stands a tab", "spaces"}},
        Case{"indentation", with("routes:\n  - match: /x\n   respond: {}"), {"p.yaml:5:4", "indented otherwise"}},
        Case{"open_quote", with("routes:\n  - match: \"/x\n    respond: {}"), {"p.yaml:4:12", "never closed"}},
        Case{"bare_port", "listeners: [{ address: 8080 }]\n" + kRoute, {"did you mean 0.0.0.0:8080?"}},
        Case{"bare_address", "listeners: [{ address: 10.0.0.1 }]\n" + kRoute, {"the port is missing: 10.0.0.1:8080"}},
        Case{"cidr_bits", with("trusted_proxies: [10.1.2.3/8]\n" + kRoute), {"did you mean 10.0.0.0/8?"}},
        Case{"condition_word", with("routes: [{ match: { path: /x, headers: { A: { regexp: b } } }, respond: {} }]"), {"did you mean regex?"}},
        Case{"empty_variable", with("admin: { address: \"${EMPTY}\" }\n" + kRoute), {"${EMPTY}", "which is empty"}},
        Case{"slash_in_a_policy_name", with("policies: { \"a/shadow\": { ip_access: { allow: [10.0.0.0/8] } } }\n" + kRoute), {"holds no \"/\""}},
        Case{"no_listeners", "routes: [{ match: /x, respond: {} }]\n", {"no listeners"}},
        Case{"no_routes", "listeners: [{ address: 127.0.0.1:1 }]\nroutes: []\n", {"no routes"}},
        Case{"same_address", "listeners: [{ address: 127.0.0.1:1 }, { address: 127.0.0.1:1 }]\n" + kRoute, {"two listeners"}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Load, AnUnsetVariableIsOneFaultAndNoHintIsMisleading) {
    EXPECT_THAT(load_text(with("admin: { address: \"${NOT_THERE}\" }\n" + kRoute)).text, Not(HasSubstr("expected an address")));
    EXPECT_THAT(load_text(with("trusted_proxies: [foo]\n" + kRoute)).text, Not(HasSubstr("prefix")));
    EXPECT_THAT(load_text(with("routes:\n  - match: /x\n   respond: {}")).text, Not(HasSubstr("quotes")));
}

std::string service(const std::string& text) {
    return "listeners: [{ address: 127.0.0.1:1 }]\nservices: { s: " + text + " }\n" + kRoute;
}

TEST(Load, AnHttpsEndpointHasItsPortAndItsSettings) {
    const auto l = load_text(service("{ endpoints: [https://A.b, \"https://[::1]:8443\", http://c], tls: { ca: ca.pem, server_name: \"::1\", cert: c.pem, key: k.pem } }"));
    ASSERT_TRUE(l.config) << l.text;
    const ServiceConfig& s = l.config->services[0];
    EXPECT_TRUE(s.endpoints[0].tls);
    EXPECT_EQ(s.endpoints[0].port, 443);
    EXPECT_EQ(s.endpoints[0].authority, "a.b");
    EXPECT_EQ(s.endpoints[1].host, "::1");
    EXPECT_EQ(s.endpoints[1].port, 8443);
    EXPECT_FALSE(s.endpoints[2].tls);
    EXPECT_EQ(s.endpoints[2].port, 80);
    EXPECT_EQ(s.tls.ca.value, "ca.pem");
    EXPECT_EQ(s.tls.server_name.value, "::1");
    EXPECT_TRUE(s.tls.verify);
}

TEST(Load, A71_a_server_name_that_names_nobody_is_refused) {
    for (const char* name : {".", "..", "", "a..b", ".a", "a.."}) {
        const auto l = load_text(service(std::string("{ endpoints: [https://a], tls: { server_name: \"") + name + "\" } }"));
        EXPECT_FALSE(l.config) << name;
        EXPECT_THAT(l.text, HasSubstr("expected a host name")) << name;
    }
    EXPECT_FALSE(load_text(service("{ endpoints: [https://.] }")).config);
    EXPECT_TRUE(load_text(service("{ endpoints: [https://a.], tls: { server_name: users.test. } }")).config);
}

TEST(Load, AnUnverifiedServiceIsWarnedOf) {
    const auto l = load_text(service("{ endpoints: [https://a], tls: { verify: false } }"));
    ASSERT_TRUE(l.config);
    EXPECT_THAT(l.text, HasSubstr("p.yaml:2:"));
    EXPECT_THAT(l.text, HasSubstr("[tls-unverified]"));
}

TEST(Load, TlsThatWouldNotBeWhatItsWriterBelievesIsRefused) {
    for (const auto& [text, said] : {
             std::pair{"{ endpoints: [http://a], tls: {} }", "nothing here would be encrypted"},
             std::pair{"{ respond: {}, tls: { ca: x } }", "nothing here would be encrypted"},
             std::pair{"{ endpoints: [https://a], tls: { key: x } }", "\"cert\" is missing"},
             std::pair{"{ endpoints: [https://a], tls: { verify: no } }", "did you mean false?"},
             std::pair{"{ endpoints: [https://a], tls: { server_name: \"a b\" } }", "expected a host name"},
             std::pair{"{ endpoints: [https://a/b] }", "a host and a port only"},
         }) {
        const auto l = load_text(service(text));
        EXPECT_FALSE(l.config);
        EXPECT_THAT(l.text, HasSubstr(said));
    }
}

TEST(Load, EveryFaultIsToldAtOnce) {
    const auto l = load_text("listenrs: []\nservices: { a: 5 }\nroutes: [{ match: /x, use: [p] }]\nlimits: { body: 1 }\n");
    for (const char* s : {"p.yaml:1:1", "p.yaml:2:", "p.yaml:3:", "p.yaml:4:"}) EXPECT_THAT(l.text, HasSubstr(s));
}

TEST(Load, VariablesAreReadAsTheirFieldsTypeAndAreLiteralInTemplates) {
    const auto l = load_text("listeners: [{ address: \"127.0.0.1:${PORT}\" }]\nroutes: [{ match: /x, redirect: { to: \"/${BRACE}\" } }]\n");
    ASSERT_TRUE(l.config) << l.text;
    EXPECT_EQ(l.config->listeners[0].address.port, 8080);
    EXPECT_TRUE(l.config->routes[0].redirect->to.literal);
    EXPECT_EQ(l.config->routes[0].redirect->to.value, "/{x}");
}

TEST(Load, KeysBeginningWithXHoldAnchorsAndMergeKeysWork) {
    const auto l = load_text(with("x-times: &t { connect: 3s, idle: 4s }\nroutes: [{ match: /x, forward: { service: users, timeouts: { <<: *t, idle: 9s } } }]"));
    ASSERT_TRUE(l.config) << l.text;
    EXPECT_EQ(l.config->routes[0].forward->timeouts.connect, std::chrono::seconds(3));
    EXPECT_EQ(l.config->routes[0].forward->timeouts.idle, std::chrono::seconds(9));
}

TEST(Load, AliasesThatExpandWithoutBoundAreRefused) {
    std::string bomb = "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        bomb += "x-" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 10; ++j) bomb += (j ? ", " : "") + before;
        bomb += "]\n";
    }
    EXPECT_THAT(load_text(bomb + kHead + kRoute).text, HasSubstr("expand to too much"));
}

TEST(Load, A30_anAliasInsideItsOwnAnchorIsAFaultThatNamesTheAnchor) {
    for (const char* text : {
             "x-a: &a [ *a ]\n",
             "x-a: &a { b: *a }\n",
             "x-a: &a { <<: *a }\n",
             "x-a: &a { b: [{ c: *a }], d: 1 }\nx-b: *a\n",
             "routes: [{ match: /**, respond: { body: &a { b: *a } } }]\n",
         }) {
        const auto l = load_text(std::string(text) + kHead);
        EXPECT_FALSE(l.config);
        EXPECT_THAT(l.text, HasSubstr("the anchor &a of line 1"));
        EXPECT_THAT(l.text, HasSubstr("[alias-cycle]"));
    }
}

TEST(Load, A30_anAliasMeansTheAnchorThatBeganLast) {
    // An anchor's name may be given again; inside of the new value it already means that one.
    EXPECT_THAT(load_text(with("x-a: &a { b: 1 }\nx-b: &a { <<: *a }\n" + kRoute)).text, HasSubstr("the anchor &a of line 4"));
    EXPECT_TRUE(load_text(with("x-a: &a [x]\nx-b: &b [*a]\nx-c: &a [*b]\n" + kRoute)).config);
}

// Each alias is harmless for itself; one below the other they are a tree as deep as the file is long.
TEST(Load, A30_theDepthOfATreeCountsItsAliases) {
    std::string chain = "x-0: &a0 [[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]\n";
    for (int i = 1; i < 2000; ++i) {
        const std::string n = std::to_string(i);
        chain += "x-" + n + ": &a" + n + " [*a" + std::to_string(i - 1) + "]\n";
    }
    const auto l = load_text(chain + kHead + kRoute);
    EXPECT_FALSE(l.config);
    EXPECT_THAT(l.text, HasSubstr("nested too deeply with the anchor &a"));
}

TEST(Load, A30_aHundredThousandOpenBracketsAreALocatedFault) {
    for (const char* open : {"[", "{a: ", "[{a: ", "? [", "- "}) {
        std::string text = "x-a: ";
        if (open[0] == '-') text += "\n";
        for (int i = 0; i < 100'000; ++i) text += open;
        const auto l = load_text(text);
        EXPECT_FALSE(l.config);
        EXPECT_THAT(l.text, HasSubstr("p.yaml:")) << open;
    }
}

TEST(Load, A44_aMergeOfManyLargeMappingsTakesNoLongTime) {
    std::string text = "x-a: &a {";
    for (int i = 0; i < 1000; ++i) text += "k" + std::to_string(i) + ": 1, ";
    text += "}\nx-b: { <<: [";
    for (int i = 0; i < 1500; ++i) text += "*a, ";
    EXPECT_TRUE(load_text(text + "] }\n" + kHead + kRoute).config);
}

TEST(Load, A40_aVariableInsideTheDefaultOfAnotherIsAFault) {
    for (const char* text : {"${A:-${B}}", "${A:-x${PORT}y}", "${PORT:-${B:-c}}", "${A:-$${B}}", "${A:-${B}"}) {
        const auto l = load_text(with("log: { file: \"" + std::string(text) + "\" }\n" + kRoute));
        EXPECT_FALSE(l.config) << text;
        EXPECT_THAT(l.text, HasSubstr("p.yaml:3:14")) << text;
        EXPECT_THAT(l.text, HasSubstr("[bad-variable]")) << text;
    }
}

TEST(Load, AFaultShowsTheNameOfAVariableAndNeverItsValue) {
    for (const char* rest : {"routes: [{ match: /x, use: [\"${SECRET}\"], respond: {} }]",
                             "routes: [{ match: /x, forward: { service: \"a-${LONGER}-${SECRET}\" } }]",
                             "stores: { a: \"redis://u:${SECRET}@h/\" }\nroutes: [{ match: /x, respond: {} }]",
                             "trusted_proxies: [\"${SECRET}\"]\nroutes: [{ match: /x, respond: {} }]",
                             "x-a: ${LONGER}\nworkers: ${SECRET}\nroutes: [{ match: /x, respond: {} }]"}) {
        const auto l = load_text(with(rest));
        EXPECT_THAT(l.text, HasSubstr("error")) << rest;
        EXPECT_THAT(l.text, Not(HasSubstr("hunter"))) << rest;
    }
    EXPECT_THAT(load_text(with("routes: [{ match: /x, use: [\"${SECRET}\"], respond: {} }]")).text,
                HasSubstr("there is no policy named \"${SECRET}\""));
}

TEST(Load, ASecretOfTheFileIsNotShownWithItsLine) {
    const std::string line = "stores: { é: { redis: \"redis://u:pä\\x73s@h/\", timeout: 1 } }";
    const std::string shown = load_text(with(line + "\nroutes: [{ match: /x, respond: {} }]")).text;
    EXPECT_THAT(shown, HasSubstr("| stores: { é: { redis: **********************, timeout: 1 } }\n"));
    EXPECT_THAT(shown, HasSubstr("| " + std::string(55, ' ') + "^\n"));
}

TEST(Load, ALineIsShownAsTheReaderCountsLines) {
    for (const char* line_break : {"\n", "\r\n", "\r", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
        const std::string text = load_text(std::string("# €é") + line_break + "# b" + line_break + "bogus: 1" + line_break).text;
        EXPECT_THAT(text, HasSubstr("p.yaml:3:1: error: unknown key"));
        EXPECT_THAT(text, HasSubstr("     3 | bogus: 1\n       | ^~~~~\n"));
    }
}

TEST(Load, ATextOfTheFileWritesNoControlCharactersAndNoFurtherLines) {
    const auto l = load_text(with("routes: [{ match: /x, respond: {} }]\n\"a\\nportico: ready\\e[2J\\u009b2J\": 1"));
    EXPECT_THAT(l.text, HasSubstr("unknown key \"a?portico: ready?[2J?2J\""));
}

TEST(Load, ALongLineThatIsNotYamlIsToldInNoLongTime) {
    std::string line;
    for (int i = 0; i < 100'000; ++i) line += ": ";
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_THAT(load_text(line).text, HasSubstr("yaml-syntax"));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST(Load, T51_AVariablesDefaultStandsForAnEmptyValueToo) {
    const auto l = load_text(with("log: { file: \"${EMPTY:-a.log}\" }\n" + kRoute));
    ASSERT_TRUE(l.config) << l.text;
    EXPECT_EQ(l.config->log.file, "a.log");
}

}  // namespace
}  // namespace portico::config
