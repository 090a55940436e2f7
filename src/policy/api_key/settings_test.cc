#include "policy/api_key/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/read.h"

namespace portico::policy::api_key {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // of "abc"
constexpr const char* kOther = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";  // of "foo"

struct Read {
    Settings settings;
    std::string faults;
};

Read read(std::string yaml) {
    for (const auto& [mark, hash] : {std::pair{"HASH", kHash}, std::pair{"OTHER", kOther}}) {
        for (size_t at; (at = yaml.find(mark)) != std::string::npos;) yaml.replace(at, std::string(mark).size(), hash);
    }
    config::FaultList faults;
    const auto document = config::Document::parse(yaml, {}, faults);
    Read r;
    config::read_object<Settings>(config::Scope(faults), document->root(), r.settings, "api_key", fields());
    for (const auto& f : faults.all()) r.faults += f.code + ": " + f.message + " (" + f.hint + ")\n";
    return r;
}

TEST(ApiKeySettings, GiveEachKeyItsClaims) {
    const Read r = read("keys: [{ name: acme, sha256: HASH, claims: { plan: gold, level: 2.0, roles: [a, b], more: { yes: true, no: null } } }, { name: beta, sha256: OTHER }]");
    ASSERT_EQ(r.faults, "");
    EXPECT_EQ(r.settings.claims[*r.settings.keys.find("abc")].text(),
              R"({"sub":"acme","plan":"gold","level":2.0,"roles":["a","b"],"more":{"yes":true,"no":null}})");
    EXPECT_EQ(r.settings.claims[*r.settings.keys.find("foo")].text(), R"({"sub":"beta"})");
    EXPECT_EQ(r.settings.from.name, "X-API-Key");
    EXPECT_FALSE(r.settings.forward_key);
}

TEST(ApiKeySettings, AnEntryMayHaveTwoKeysWhileOneReplacesTheOther) {
    const Read r = read("keys: [{ name: acme, sha256: [HASH, OTHER] }]");
    ASSERT_EQ(r.faults, "");
    EXPECT_EQ(r.settings.keys.find("abc"), r.settings.keys.find("foo"));
}

TEST(ApiKeySettings, AKeyInPlaceOfItsHashIsNotShown) {
    const Read r = read("keys: [{ name: acme, sha256: my-secret-key }]");
    EXPECT_THAT(r.faults, HasSubstr("64 hexadecimal digits"));
    EXPECT_THAT(r.faults, Not(HasSubstr("my-secret")));
}

class ApiKeyFaults : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(ApiKeyFaults, SayWhatWasExpected) { EXPECT_THAT(read(GetParam().first).faults, HasSubstr(GetParam().second)); }
INSTANTIATE_TEST_SUITE_P(All, ApiKeyFaults, ::testing::Values(
    std::pair{"{}", "needs the key \"keys\""}, std::pair{"keys: []", "nobody would pass"}, std::pair{"keys: { a: b }", "list of keys"},
    std::pair{"keys: [{ name: a }]", "needs the key \"sha256\""}, std::pair{"keys: [{ sha256: HASH }]", "needs the key \"name\""},
    std::pair{"keys: [{ name: a, sha256: HASH }, { name: b, sha256: HASH }]", "\"b\" and \"a\" have the same key"},
    std::pair{"keys: [{ name: a, sha256: [HASH, HASH] }]", "have the same key"},
    std::pair{"keys: [{ name: a, sha256: HASH }, { name: a, sha256: OTHER }]", "two keys have the name"},
    std::pair{"keys: [{ name: a, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 }]", "empty text"},
    std::pair{"keys: [{ name: '', sha256: HASH }]", "names nobody"}, std::pair{"keys: [{ name: a, key: x }]", "sha256"},
    std::pair{"keys: [{ name: a, sha256: { file: /nowhere/x } }]", "cannot be read"},
    std::pair{"keys: [{ name: a, sha256: HASH, claims: { sub: b } }]", "the entry's name"},
    std::pair{"keys: [{ name: a, sha256: HASH, claims: [x] }]", "claims by name"},
    std::pair{"keys: [{ name: a, sha256: HASH, claims: { n: 0x1F } }]", "cannot spell"},
    std::pair{"from: { header: Authorization }\nkeys: [{ name: a, sha256: HASH }]", "meaning of its own"},
    std::pair{"from: { header: 'a b' }\nkeys: [{ name: a, sha256: HASH }]", "not a header's name"},
    std::pair{"from: { header: X-Key, query: key }\nkeys: [{ name: a, sha256: HASH }]", "one place"},
    std::pair{"from: { query: '' }\nkeys: [{ name: a, sha256: HASH }]", "parameter's name"},
    std::pair{"keys: [{ name: a, sha256: HASH }]\nclaims_to_headers: { Cookie: sub }", "unmanageable"}));

}  // namespace
}  // namespace portico::policy::api_key
