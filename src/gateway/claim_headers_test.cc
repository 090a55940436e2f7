#include "gateway/claim_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace portico::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The value of a header for the claim that `json` is; "(none)" for no header, "refused: …" for a refusal.
std::string value_of(const std::string& json) {
    static Arena arena;
    const auto document = json::Document::parse(json);
    if (!document) return "(no JSON)";
    const auto value = claim_as_field_value(document->root(), arena);
    if (!value) return "refused: " + value.error().context;
    return *value ? std::string(**value) : "(none)";
}

struct Read {
    ClaimHeaders headers;
    std::string faults;
    std::vector<std::string> managed;
};

Read read(const std::string& yaml) {
    config::FaultList faults;
    const auto document = config::Document::parse("claims_to_headers: " + yaml + "\n", {}, faults);
    Read r;
    r.headers = ClaimHeaders::read(config::Scope(faults), *document->root().get("claims_to_headers"));
    r.managed = ClaimHeaders::managed(document->root());
    for (const auto& f : faults.all()) r.faults += f.code + ": " + f.message + "\n";
    return r;
}

TEST(ClaimAsFieldValue, ATextIsItselfAndOtherScalarsAsTheyWereWritten) {
    EXPECT_EQ(value_of(R"("alice")"), "alice");
    EXPECT_EQ(value_of(R"("Zoë, of x%y")"), "Zoë, of x%y");
    EXPECT_EQ(value_of("12345678901234567890"), "12345678901234567890");
    EXPECT_EQ(value_of("2.0"), "2.0");
    EXPECT_EQ(value_of("true"), "true");
    EXPECT_EQ(value_of(R"("")"), "");
}

TEST(ClaimAsFieldValue, NoValueIsNoHeader) {
    EXPECT_EQ(value_of("null"), "(none)");
    EXPECT_EQ(value_of("[]"), "(none)");
    EXPECT_EQ(value_of("[null]"), "(none)");
    Arena arena;
    const auto value = claim_as_field_value({}, arena);
    EXPECT_TRUE(value && !*value);
}

TEST(ClaimAsFieldValue, AListIsJoinedSoThatItsElementsCanBeToldApart) {
    EXPECT_EQ(value_of(R"(["a","b"])"), "a,b");
    EXPECT_EQ(value_of(R"(["a,admin","100%","x\ny"])"), "a%2Cadmin,100%25,x%0Ay");
    EXPECT_EQ(value_of(R"([" a ","b c",1,true,"","\t"])"), "%20a%20,b c,1,true,,%09");
}

TEST(ClaimAsFieldValue, T12_outer_white_space_is_trimmed_and_controls_still_refuse) {
    EXPECT_EQ(value_of(R"(" admin")"), "admin");
    EXPECT_EQ(value_of(R"("a b \t ")"), "a b");
    EXPECT_EQ(value_of(R"("  ")"), "");
    EXPECT_EQ(value_of(R"("\u00a0a")"), "\u00a0a") << "only what a reader of headers trims";
    for (const char* control : {R"("a\n")", R"("\ra")", R"("a \u0000 ")", R"(" a\r\nX: 1 ")"}) EXPECT_THAT(value_of(control), HasSubstr("control")) << control;
}

TEST(ClaimAsFieldValue, WhatAHeaderCannotCarryIsRefused) {
    EXPECT_THAT(value_of(R"("a\r\nX-Admin: 1")"), HasSubstr("refused"));
    EXPECT_THAT(value_of(R"("a\u0000")"), HasSubstr("refused"));
    EXPECT_THAT(value_of(R"("a\u007f")"), HasSubstr("refused"));
    EXPECT_THAT(value_of(R"({"a":1})"), HasSubstr("object"));
    EXPECT_THAT(value_of(R"(["a",["b"]])"), HasSubstr("list"));
}

TEST(ClaimHeaders, NameWhatIsManaged) {
    const Read r = read("{ X-User-ID: sub, X-Roles: realm_access.roles, X-Level: \"['https://x/level']\" }");
    EXPECT_EQ(r.faults, "");
    EXPECT_FALSE(r.headers.empty());
    EXPECT_THAT(r.managed, ElementsAre("X-User-ID", "X-Roles", "X-Level"));
}

TEST(ClaimHeaders, AHeaderThatCannotBeManagedIsAFaultInEverySpelling) {
    for (const char* name : {"Authorization", "cookie", "Host", "Content-Length", "content_type", "Transfer_Encoding", "Connection"}) {
        EXPECT_THAT(read("{ " + std::string(name) + ": sub }").faults, HasSubstr("unmanageable-header")) << name;
    }
    for (const char* name : {"X-Forwarded-For", "x_real_ip", "X-Request-ID", "traceparent", "Via"}) {
        EXPECT_THAT(read("{ " + std::string(name) + ": sub }").faults, HasSubstr("the gateway writes it itself")) << name;
    }
}

TEST(ClaimHeaders, TwoSpellingsOfOneHeaderAndBadClaimsAreFaults) {
    EXPECT_THAT(read("{ X-User: sub, x_user: name }").faults, HasSubstr("twice"));
    EXPECT_THAT(read("{ X-User: \"a..b\" }").faults, HasSubstr("bad-claim"));
    EXPECT_THAT(read("{ X-User: [a] }").faults, HasSubstr("expected a claim"));
    EXPECT_THAT(read("[X-User]").faults, HasSubstr("expected headers"));
    EXPECT_THAT(read("{ \"X User\": sub }").faults, HasSubstr("not a header's name"));
}

}  // namespace
}  // namespace portico::gateway
