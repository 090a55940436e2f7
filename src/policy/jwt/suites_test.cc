// The outside suites: Wycheproof's signatures and keys, the JOSE cookbook (RFC 7520), Ed25519 (RFC 8037).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "base/suites_fixture.h"
#include "json/document.h"
#include "json/writer.h"
#include "base/base64url.h"
#include "policy/jwt/key_texts.h"
#include "policy/jwt/token.h"
#include "policy/jwt/verifier.h"

namespace portico::policy::jwt {
namespace {

std::filesystem::path suite() { return published_suite(PORTICO_SOURCE_DIR, "jws"); }

class JwtSuites : public ::testing::Test {
    void SetUp() override { PORTICO_SKIP_WITHOUT(suite()); }
};

json::Document read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in) << path << " cannot be read";
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto document = json::Document::parse(text);
    EXPECT_TRUE(document) << path;
    return document.value_or(json::Document());
}

// Whether the token is good for one of the keys, by everything but its claims: these payloads are no claims.
bool verifies(std::string_view keys_text, std::string_view compact) {
    const auto read = keys_from_json(keys_text, KeyOrigin::configured);
    if (!read) return false;
    const auto token = take_apart(compact, TokenBounds{});
    if (!token || !base64url_decode(token->payload_text)) return false;
    const auto algorithm = algorithm_named(token->header.algorithm);
    if (!algorithm) return false;
    const auto candidates = read->candidates(token->header.key_id, token->header.has_key_id, *algorithm);
    if (candidates.found != KeySet::Found::some) return false;
    VerifierContext context;
    return context.verify(*candidates.first, *algorithm, token->signed_text, token->signature_text).has_value();
}

std::string_view keys_of(json::Value group) {
    const json::Value open = group.find("public");
    return open ? open.source() : group.find("private").source();
}

// Called valid there, refused here, each by its rule.
const std::map<int64_t, std::string_view> kStricter = {
    {346, "the key says PS256, the token PS384: a key's alg binds (RFC 7517 §4.4)"},
    {350, "as 346"},
    {347, "the key's alg is ES521, which no registry knows (RFC 7518 §3.1: ES512)"},
    {351, "as 347"},
    {372, "'?' inside of the header: no base64url (RFC 7515 §5.2, step 2; RFC 4648 §3.3)"},
    {373, "'?' inside of the payload, as 372"},
};

// Called invalid there for a padding that the file does not hold: byte for byte the token of 357, which is valid.
constexpr int64_t kSameAs357[] = {367, 370};

TEST_F(JwtSuites, wycheproof_signatures_are_judged_rightly) {
    const json::Document suite_file = read_file(suite() / "json_web_signature_test.json");
    size_t count = 0;
    size_t stricter = 0;
    std::string_view token_357;
    for (const json::Value group : suite_file.root().find("testGroups").elements()) {
        for (const json::Value test : group.find("tests").elements()) {
            ++count;
            const int64_t id = test.find("tcId").as_int64().value_or(0);
            const json::Value jws = test.find("jws");
            const std::string_view token = jws.is_string() ? jws.string() : jws.source();
            bool good = test.find("result").string() == "valid";
            if (kStricter.contains(id)) {
                EXPECT_TRUE(good);
                good = false;
                ++stricter;
            }
            if (id == 357) token_357 = token;
            if (std::ranges::find(kSameAs357, id) != std::end(kSameAs357)) {
                EXPECT_EQ(token, token_357);
                good = true;
            }
            EXPECT_EQ(verifies(keys_of(group), token), good) << id << ' ' << test.find("comment").string();
        }
    }
    EXPECT_EQ(count, 401U);
    EXPECT_EQ(stricter, kStricter.size());
}

TEST_F(JwtSuites, the_tokens_of_keys_with_a_wrong_alg_verify_once_it_is_right) {
    const json::Document suite_file = read_file(suite() / "json_web_signature_test.json");
    size_t count = 0;
    for (const json::Value group : suite_file.root().find("testGroups").elements()) {
        for (const json::Value test : group.find("tests").elements()) {
            const int64_t id = test.find("tcId").as_int64().value_or(0);
            if (!kStricter.contains(id) || id >= 372) continue;
            std::string keys(keys_of(group));
            for (const auto& [wrong, right] : {std::pair("PS256", "PS384"), {"ES521", "ES512"}}) {
                if (const size_t at = keys.find(wrong); at != std::string::npos) keys.replace(at, 5, right);
            }
            EXPECT_TRUE(verifies(keys, test.find("jws").string())) << id;
            ++count;
        }
    }
    EXPECT_EQ(count, 4U);
}

TEST_F(JwtSuites, wycheproof_keys_are_judged_rightly) {
    const json::Document suite_file = read_file(suite() / "json_web_key_test.json");
    size_t count = 0;
    for (const json::Value group : suite_file.root().find("testGroups").elements()) {
        for (const json::Value test : group.find("tests").elements()) {
            ++count;
            EXPECT_EQ(verifies(keys_of(group), test.find("jws").string()), test.find("result").string() == "valid")
                << test.find("tcId").source() << ' ' << test.find("comment").string();
        }
    }
    EXPECT_EQ(count, 26U);
}

// As a bearer token: a detached one lacks its payload, the JSON serialisations are no compact token.
TEST_F(JwtSuites, the_cookbooks_compact_signatures_verify_and_its_other_forms_are_refused) {
    ASSERT_TRUE(std::filesystem::is_directory(suite() / "rfc7520"));
    std::vector<std::filesystem::path> files = {suite() / "rfc8037-ed25519.json"};
    for (const auto& entry : std::filesystem::directory_iterator(suite() / "rfc7520")) files.push_back(entry.path());
    size_t good = 0;
    for (const auto& path : files) {
        const json::Document file = read_file(path);
        const json::Value output = file.root().find("output");
        const std::string key(file.root().find("input").find("key").source());
        const bool detached = path.filename().string().find("detached") != std::string::npos;
        if (const json::Value compact = output.find("compact")) {
            EXPECT_EQ(verifies(key, compact.string()), !detached) << path;
            good += detached ? 0 : 1;
        }
        for (const std::string_view form : {"json", "json_flat"}) {
            if (const json::Value json = output.find(form)) EXPECT_FALSE(take_apart(json.source(), TokenBounds{})) << path;
        }
    }
    EXPECT_EQ(files.size(), 9U);
    EXPECT_EQ(good, 5U);
}

}  // namespace
}  // namespace portico::policy::jwt
