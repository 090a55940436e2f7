#include "config/concealed.h"

#include <gtest/gtest.h>

#include <vector>

namespace portico::config {
namespace {

TEST(Concealed, PasswordsOfUrlsAreAsterisks) {
    EXPECT_EQ(without_passwords("at redis://u:pä@h/0, and http://t@h"), "at redis://****@h/0, and http://*@h");
    EXPECT_EQ(without_passwords("redis://:a/b@c@h/"), "redis://******@h/");
    EXPECT_EQ(without_passwords("\"http://h/x@y\" http://h:80/@"), "\"http://h/x@y\" http://h:80/@");
    EXPECT_EQ(without_passwords("://"), "://");
    EXPECT_EQ(without_passwords("http://h1,http://u:p@h2"), "http://h1,http://***@h2");
}

TEST(Concealed, AKeySaysThatItsValueIsASecret) {
    EXPECT_TRUE(names_a_secret("client_secret", "x"));
    EXPECT_TRUE(names_a_secret("Authorization", "Basic eA=="));
    EXPECT_TRUE(names_a_secret("Cookie", "session=x"));
    EXPECT_TRUE(names_a_secret("password", "${X}"));
    EXPECT_FALSE(names_a_secret("cookie", "session"));
    EXPECT_FALSE(names_a_secret("Authorization", "Bearer {claims.x}"));
    EXPECT_FALSE(names_a_secret("key", "client.ip"));
}

TEST(Concealed, ALineOfAFileThatIsNoYamlShowsTheFormOfItsSecrets) {
    const std::vector<std::string_view> lines = {"p: { secret: { base64: abc, x: ${NAME} }", "secret: |", "    abc", "      def", "after: abc"};
    EXPECT_EQ(without_written_secrets(lines, 1), "p: { secret: { ******* ***, ** ${NAME} }");
    EXPECT_EQ(without_written_secrets(lines, 3), "    ***");
    EXPECT_EQ(without_written_secrets(lines, 4), "      ***");
    EXPECT_EQ(without_written_secrets(lines, 5), "after: abc");
}

TEST(Concealed, ASecretsVariablesAreNamed) {
    EXPECT_EQ(asterisks_but_names("redis://u:${PASSWORD}@hö${PORT:-6379}/"), "**********${PASSWORD}***${PORT:-****}*");
    for (const char* text : {"$${NAME}", "${not a name}", "${", "${A", "$", "$${", "${}", "a$${B}${"}) {
        EXPECT_EQ(asterisks_but_names(text), std::string(std::string_view(text).size(), '*')) << text;
    }
    EXPECT_EQ(asterisks_but_names("${A}$${B}${C:-${D}"), "${A}*****${C:-***}");
}

TEST(Concealed, WordsOfTheLanguageAreNotHidden) {
    FaultList faults;
    for (const char* word : {"true", "False", "null", "none", "auto", "123"}) faults.hide(word, "${WORD}");
    EXPECT_EQ(faults.covered("expected true or False, null, none, auto, 123"), "expected true or False, null, none, auto, 123");
    faults.hide("1234", "${NUMBER}");
    EXPECT_EQ(faults.covered("1234"), "${NUMBER}");
}

TEST(Concealed, WhatTheFileSaysAtTheFaultIsShownUnlessItIsASecret) {
    FaultList faults;
    faults.hide("users", "${INTERNAL}");
    faults.hide("hunter2-hunter2", "${SECRET}");
    faults.set_source("service: users\nsecret: hunter2-hunter2\n");
    faults.hide_source({2, 9, 24}, {2, 24, 24});
    faults.error({1, 10, 15}, "", "x", "no \"users\", nor hunter2-hunter2");
    faults.error({2, 9, 24}, "", "x", "no \"users\", nor hunter2-hunter2");
    EXPECT_EQ(faults.all()[0].message, "no \"users\", nor ${SECRET}");
    EXPECT_EQ(faults.all()[1].message, "no \"${INTERNAL}\", nor ${SECRET}");
}

TEST(Concealed, AShortValueIsHiddenWhereItStandsAlone) {
    FaultList faults;
    faults.hide("prod", "${STAGE}");
    faults.hide("abc", "${SHORT}");
    EXPECT_EQ(faults.covered("\"prod\" of product, prod.example, abc"), "\"${STAGE}\" of product, prod.example, abc");
}

}  // namespace
}  // namespace portico::config
