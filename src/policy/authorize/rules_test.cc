#include "policy/authorize/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/authorize/settings.h"

namespace portico::policy::authorize {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Read {
    Rules rules;
    std::string faults;
};

Read read(const std::string& yaml) {
    config::FaultList faults;
    const auto document = config::Document::parse(yaml, {}, faults);
    Read r;
    read_rules(config::Scope(faults), document->root(), r.rules);
    for (const auto& f : faults.all()) r.faults += f.code + ": " + f.message + " (" + f.hint + ")\n";
    return r;
}

// What the rules say of the claims: "" where they let pass.
std::string judged(const std::string& yaml, const std::string& claims) {
    const Read r = read(yaml);
    if (!r.faults.empty()) return "fault: " + r.faults;
    const auto document = json::Document::parse(claims);
    if (!document) return "no JSON";
    const auto refusal = r.rules.judge(*document);
    return refusal ? refusal->detail + (refusal->scope_missing ? " [scope]" : "") : "";
}

struct Case {
    const char* rules;
    const char* claims;
    const char* said;
};

class Judged : public ::testing::TestWithParam<Case> {};
TEST_P(Judged, SaysWhatIsMissing) { EXPECT_EQ(judged(GetParam().rules, GetParam().claims), GetParam().said); }

constexpr const char* kWrite = "scopes: { all: ['orders:write'] }";
constexpr const char* kTwo = "scopes: { all: [a, b] }";
constexpr const char* kAny = "scopes: { any: [a, b] }";
constexpr const char* kNone = "scopes: { none: [trial] }";
INSTANTIATE_TEST_SUITE_P(Scopes, Judged, ::testing::Values(
    Case{kWrite, R"({"scope":"orders:read orders:write"})", ""},
    Case{kWrite, R"({"scope":"orders:writer xorders:write"})", "The scope orders:write is missing. [scope]"},
    Case{kWrite, R"({"scope":"ORDERS:WRITE"})", "The scope orders:write is missing. [scope]"},
    Case{kWrite, R"({"scp":["orders:write"]})", ""},
    Case{kWrite, R"({"scp":"orders:read orders:write"})", ""},
    Case{kWrite, R"({"scope":["orders:write"]})", ""},
    Case{kWrite, R"({"scp":["a orders:write"]})", "The scope orders:write is missing. [scope]"},
    Case{kWrite, R"({"scope":"","scp":"orders:write"})", "The scope orders:write is missing. [scope]"},
    Case{kWrite, R"({"scope":{"orders:write":true}})", "The scope orders:write is missing. [scope]"},
    Case{kWrite, "{}", "The scope orders:write is missing. [scope]"},
    Case{kTwo, R"({"scope":"a"})", "The scope b is missing. [scope]"},
    Case{kTwo, R"({"scope":"c"})", "The scopes a, b are missing. [scope]"},
    Case{kAny, R"({"scope":"x b"})", ""},
    Case{kAny, R"({"scope":"c"})", "One of the scopes a, b is needed. [scope]"},
    Case{kNone, R"({"scope":"a"})", ""},
    Case{kNone, "{}", ""},
    Case{kNone, R"({"scope":"a trial"})", "The scope trial does not allow this."},
    Case{kNone, R"({"scope":"a","scp":"trial"})", "The scope trial does not allow this."},
    Case{kNone, R"({"scope":{"trial":1}})", "The scopes cannot be read."},
    Case{kNone, R"({"scope":[["trial"]]})", "The scopes cannot be read."}));

INSTANTIATE_TEST_SUITE_P(Roles, Judged, ::testing::Values(
    Case{"roles: { any: [admin, ops] }", R"({"roles":["ops"]})", ""},
    Case{"roles: { any: [admin] }", R"({"roles":"admin"})", ""},
    Case{"roles: { any: [admin] }", R"({"roles":"not admin"})", "The role admin is missing."},
    Case{"roles: { from: realm_access.roles, all: [admin] }", R"({"realm_access":{"roles":["x","admin"]}})", ""},
    Case{"roles: { from: realm_access.roles, all: [admin] }", R"({"roles":["admin"]})", "The role admin is missing."},
    Case{"roles: { from: \"['https://x/roles']\", none: [out] }", R"({"https://x/roles":["out"]})", "The role out does not allow this."}));

constexpr const char* kTenant = "claims: { all: { tenant: acme } }";
constexpr const char* kLevel = "claims: { all: { \"['https://x/level']\": [1, 2] } }";
constexpr const char* kNotOut = "claims: { none: { status: out } }";
INSTANTIATE_TEST_SUITE_P(Claims, Judged, ::testing::Values(
    Case{kTenant, R"({"tenant":"acme"})", ""},
    Case{kTenant, R"({"tenant":"\u0061cme"})", ""},
    Case{kTenant, R"({"tenant":"Acme"})", "The claim tenant does not allow this."},
    Case{kTenant, R"({"tenant":["x","acme"]})", ""},
    Case{kTenant, R"({"tenant":[["acme"]]})", "The claim tenant does not allow this."},
    Case{kLevel, R"({"https://x/level":2.0})", ""},
    Case{kLevel, R"({"https://x/level":"2"})", "The claim ['https://x/level'] does not allow this."},
    Case{kLevel, R"({"https://x/level":3})", "The claim ['https://x/level'] does not allow this."},
    Case{"claims: { all: { a.b: true } }", R"({"a":{"b":true}})", ""},
    Case{"claims: { all: { a.b: true } }", R"({"a":{"b":"true"}})", "The claim a.b does not allow this."},
    Case{"claims: { all: { a: { present: true } } }", R"({"a":{}})", ""},
    Case{"claims: { all: { a: { present: true } } }", R"({"a":null})", "The claim a does not allow this."},
    Case{"claims: { all: { a: { present: false } } }", R"({"a":null})", ""},
    Case{"claims: { any: { a: x, b: y } }", R"({"b":"y"})", ""},
    Case{"claims: { any: { a: x, b: y } }", R"({"b":"x"})", "One of the claims a, b has to allow this."},
    Case{kNotOut, R"({"status":"in"})", ""},
    Case{kNotOut, "{}", ""},
    Case{kNotOut, R"({"status":"out"})", "The claim status does not allow this."},
    Case{kNotOut, R"({"status":["in","out"]})", "The claim status does not allow this."},
    Case{kNotOut, R"({"status":{"is":"out"}})", "The claim status does not allow this."},
    Case{kNotOut, R"({"status":[["out"]]})", "The claim status does not allow this."}));

class A79 : public ::testing::TestWithParam<Case> {};
TEST_P(A79, under_none_what_is_separated_or_typed_otherwise_refuses) { EXPECT_EQ(judged(GetParam().rules, GetParam().claims), GetParam().said); }

constexpr const char* kNoAdmin = "scopes: { none: [admin] }";
constexpr const char* kNoAdminRole = "roles: { none: [admin] }";
constexpr const char* kScopeRefused = "The scope admin does not allow this.";
constexpr const char* kRoleRefused = "The role admin does not allow this.";
constexpr const char* kLevelRefused = "The claim level does not allow this.";
INSTANTIATE_TEST_SUITE_P(Names, A79, ::testing::Values(
    Case{kNoAdmin, R"({"scope":"read\tadmin"})", kScopeRefused},
    Case{kNoAdmin, R"({"scope":"read,admin"})", kScopeRefused},
    Case{kNoAdmin, R"({"scope":"read\u00a0admin"})", kScopeRefused},
    Case{kNoAdmin, R"({"scope":"admin\n"})", kScopeRefused},
    Case{kNoAdmin, R"({"scope":"[\"read\",\"admin\"]"})", kScopeRefused},
    Case{kNoAdmin, R"({"scope":["read admin"]})", kScopeRefused},
    Case{kNoAdmin, R"({"scope":"admin:read administrator xadmin org/admin"})", ""},
    Case{kNoAdminRole, R"({"roles":"read admin"})", kRoleRefused},
    Case{kNoAdminRole, R"({"roles":"read,admin"})", kRoleRefused},
    Case{kNoAdminRole, R"({"roles":["read,admin"]})", kRoleRefused},
    Case{kNoAdminRole, R"({"roles":["Domain admin"]})", ""},
    Case{kNoAdminRole, R"({"roles":["x","admin "]})", kRoleRefused},
    Case{kNoAdminRole, R"({"roles":[" admin\t"]})", kRoleRefused},
    Case{kNoAdminRole, R"({"roles":["administrator ", " "]})", ""},
    Case{kNoAdminRole, R"({"roles":true})", "The roles cannot be read."},
    Case{"roles: { from: realm.roles, none: [admin] }", R"({"realm":["admin"]})", "The roles cannot be read."},
    Case{"roles: { from: realm.roles, none: [admin] }", R"({"realm":null})", ""},
    Case{"roles: { any: [admin] }", R"({"roles":"read,admin"})", "The role admin is missing."}));
INSTANTIATE_TEST_SUITE_P(Values, A79, ::testing::Values(
    Case{"claims: { none: { level: [0] } }", R"({"level":0e9999999999999999999})", kLevelRefused},
    Case{"claims: { none: { level: [0] } }", R"({"level":"0.0"})", kLevelRefused},
    Case{"claims: { none: { level: [5] } }", R"({"level":50e9999999999999999999})", kLevelRefused},
    Case{"claims: { none: { level: [5] } }", R"({"level":[1,"5"]})", kLevelRefused},
    Case{"claims: { none: { level: [free, '5.0', 7] } }", R"({"level":["x"," 50e-1 "]})", kLevelRefused},
    Case{"claims: { none: { level: [free, 5, -7] } }", R"({"level":["-70e-1"]})", kLevelRefused},
    Case{"claims: { none: { level: [free, 5, 7] } }", R"({"level":["5x","--5","-","6"," "]})", ""},
    Case{"claims: { none: { level: [true] } }", R"({"level":"true"})", kLevelRefused},
    Case{"claims: { none: { level: ['1'] } }", R"({"level":1})", kLevelRefused},
    Case{"claims: { none: { a.level: [1] } }", R"({"a":"level"})", "The claim a.level does not allow this."},
    Case{"claims: { none: { a.level: { present: true } } }", R"({"a":["level"]})", "The claim a.level does not allow this."},
    Case{"claims: { all: { a.level: { present: false } } }", R"({"a":[{"level":1}]})", "The claim a.level does not allow this."},
    Case{"claims: { all: { a.level: { present: false } } }", R"({"a":"level"})", "The claim a.level does not allow this."},
    Case{"claims: { any: { a.level: { present: false }, b: x } }", R"({"a":"level"})", "One of the claims a.level, b has to allow this."},
    Case{"claims: { all: { a.level: { present: false } } }", R"({"a":{}})", ""},
    Case{"claims: { none: { level: ['1'] } }", R"({"level":2})", ""},
    Case{"claims: { none: { level: [free] } }", R"({"level":"free "})", kLevelRefused},
    Case{"claims: { none: { level: [free] } }", R"({"level":["x","\tfree"]})", kLevelRefused},
    Case{"claims: { none: { level: [free] } }", R"({"level":"free x"})", ""},
    Case{"claims: { none: { level: [true] } }", R"({"level":null})", ""}));

TEST(Rules, SayAllThatIsMissingAtOnce) {
    const std::string said = judged("scopes: { all: [a] }\nroles: { any: [r, s] }\nclaims: { all: { t: x } }", R"({"t":"a secret"})");
    EXPECT_EQ(said, "The scope a is missing. One of the roles r, s is needed. The claim t does not allow this. [scope]");
}

TEST(Rules, AScopeThatIsNullIsNotThere) {
    const Read r = read("scopes: { all: [a], none: [b] }");
    EXPECT_FALSE(r.rules.judge(*json::Document::parse(R"({"scope":null,"scp":["a"]})")));
    EXPECT_TRUE(r.rules.judge(*json::Document::parse(R"({"scope":null,"scp":["a","b"]})")));
    EXPECT_TRUE(r.rules.judge(*json::Document::parse(R"({"scope":"","scp":["a"]})")));
}

TEST(Rules, WithoutAnIdentityNobodyPasses) {
    const Read r = read("claims: { none: { a: b } }");
    EXPECT_TRUE(r.rules.judge(json::Document()));
}

TEST(Rules, ASecondReasonDoesNotHideThatAScopeWouldHelp) {
    EXPECT_THAT(judged("scopes: { all: [a] }\nclaims: { all: { t: x } }", R"({"scope":"a"})"), Not(HasSubstr("[scope]")));
}

class AuthorizeFaults : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(AuthorizeFaults, SayWhatWasExpected) { EXPECT_THAT(read(GetParam().first).faults, HasSubstr(GetParam().second)); }
INSTANTIATE_TEST_SUITE_P(All, AuthorizeFaults, ::testing::Values(
    std::pair{"{}", "needs scopes, roles or claims"}, std::pair{"scopes: [a, b]", "write { all: [...] }"},
    std::pair{"scopes: {}", "nothing is asked"}, std::pair{"scopes: { all: [] }", "the list is empty"},
    std::pair{"scopes: { all: ['a b'] }", "as a list"}, std::pair{"scopes: { al: [a] }", "all"},
    std::pair{"scopes: { all: [a], none: [a] }", "forbidden at once"}, std::pair{"roles: { from: r }", "nothing is asked"},
    std::pair{"roles: { from: 'a..b', any: [x] }", "names no claim"}, std::pair{"roles: { any: [x, x] }", "stands twice"},
    std::pair{"claims: { all: { a: null } }", "present: false"}, std::pair{"claims: { all: { a: { is: x } } }", "present: true"},
    std::pair{"claims: { all: { a: 0x1F } }", "no claim can hold"}, std::pair{"claims: { all: { a: [] } }", "no value would do"},
    std::pair{"claims: { all: {} }", "no claim here"}, std::pair{"claims: {}", "nothing is asked"},
    std::pair{"claims: { all: { 'a b': x } }", "is quoted"}, std::pair{"scope: { all: [a] }", "scopes"}));

}  // namespace
}  // namespace portico::policy::authorize
