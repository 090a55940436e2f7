#include "policy/any_of/choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::policy::any_of {
namespace {

using ::testing::ElementsAre;
using enum gateway::IdentityRole;

size_t first_of(std::vector<bool> present) {
    return choose(present.size(), [&](size_t i) { return present[i]; });
}

TEST(Choice, TheFirstWhoseCredentialIsThereDecides) {
    EXPECT_EQ(first_of({true, true}), 0u);
    EXPECT_EQ(first_of({false, true, true}), 1u);
    EXPECT_EQ(first_of({false, false}), kNobody);
}

TEST(Choice, NobodyIsAskedBehindTheOneThatDecides) {
    int asked = 0;
    choose(3, [&](size_t) { return ++asked == 2; });
    EXPECT_EQ(asked, 2);
}

gateway::IdentityRole weakest_of(std::vector<gateway::IdentityRole> roles) { return weakest(roles); }

TEST(Choice, GuaranteesOnlyWhatEachOfThemGuarantees) {
    EXPECT_EQ(weakest_of({guaranteed, guaranteed}), guaranteed);
    EXPECT_EQ(weakest_of({guaranteed, optional}), optional);
    EXPECT_EQ(weakest_of({none, none}), none);
}

TEST(Choice, EqualChallengesAreOfferedOnce) {
    const std::vector<std::string_view> all = {"Bearer", "", "Basic realm=\"x\"", "Bearer"};
    EXPECT_THAT(distinct(all), ElementsAre("Bearer", "Basic realm=\"x\""));
}

}  // namespace
}  // namespace portico::policy::any_of
