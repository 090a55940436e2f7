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

TEST(Concealed, AShortValueIsHiddenWhereItStandsAlone) {
    FaultList faults;
    faults.hide("prod", "${STAGE}");
    faults.hide("abc", "${SHORT}");
    EXPECT_EQ(faults.covered("\"prod\" of product, prod.example, abc"), "\"${STAGE}\" of product, prod.example, abc");
}

}  // namespace
}  // namespace portico::config
