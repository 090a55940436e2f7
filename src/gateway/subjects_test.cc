#include "gateway/subjects.h"

#include <gtest/gtest.h>

namespace portico::gateway {
namespace {

SubjectParty free(std::string who) { return {.who = std::move(who)}; }
SubjectParty listed(std::string who) { return {.who = std::move(who), .is_listed = true}; }
SubjectParty told(std::string who, std::string beginning) { return {.who = std::move(who), .beginnings = {std::move(beginning)}}; }

bool mix(std::vector<SubjectParty> parties) { return may_mix(parties); }

TEST(Subjects, OfOnePartyAreItsOwn) {
    EXPECT_FALSE(mix({}));
    EXPECT_FALSE(mix({free("a")}));
    EXPECT_FALSE(mix({free("a"), free("a"), told("a", "x|")}));
}

TEST(Subjects, OneThatNamesThemFreelyNamesThoseOfOthers) {
    EXPECT_TRUE(mix({free("a"), free("b")}));
    EXPECT_TRUE(mix({free("a"), listed("b")}));
    EXPECT_TRUE(mix({told("a", "a|"), free("b")}));
    EXPECT_TRUE(mix({listed("a"), listed("b")}));
}

TEST(Subjects, ThatBeginOtherwiseAreToldApart) {
    EXPECT_FALSE(mix({told("a", "a|"), told("b", "b|")}));
    EXPECT_FALSE(mix({told("a", "a|"), listed("b")}));
    EXPECT_TRUE(mix({told("a", "user:"), told("b", "user:")}));
    EXPECT_TRUE(mix({told("a", "a"), told("b", "ab")}));
    EXPECT_TRUE(mix({told("a", ""), told("b", "b|")}));
    EXPECT_FALSE(mix({{.who = "a", .tells_issuer = true}, told("b", "b|")}));
    EXPECT_TRUE(mix({{.who = "a", .tells_issuer = true}, free("b")}));
}

}  // namespace
}  // namespace portico::gateway
