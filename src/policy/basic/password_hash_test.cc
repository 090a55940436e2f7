#include "policy/basic/password_hash.h"

#include <argon2.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/basic/htpasswd.h"

namespace portico::policy::basic {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string verified(const std::string& hash, const std::string& password) {
    std::string fault;
    const auto h = PasswordHash::parse(hash, fault);
    if (!h) return fault;
    return h->verify(password) ? "right" : "wrong";
}

// Of the test vectors of Openwall's crypt_blowfish.
constexpr const char* kBcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";  // "U*U"

std::string argon(argon2_type type, const std::string& password) {
    char encoded[128];
    const char salt[] = "sixteen bytes !!";
    EXPECT_EQ(argon2_hash(1, 64, 1, password.data(), password.size(), salt, 16, nullptr, 32, encoded, sizeof encoded, type, ARGON2_VERSION_13), ARGON2_OK);
    return encoded;
}

TEST(PasswordHash, KnowsBcryptInItsThreeNames) {
    EXPECT_EQ(verified(kBcrypt, "U*U"), "right");
    EXPECT_EQ(verified(kBcrypt, "U*V"), "wrong");
    EXPECT_EQ(verified(kBcrypt, ""), "wrong");
    for (const char c : {'b', 'y'}) {
        std::string other = kBcrypt;
        other[2] = c;
        EXPECT_EQ(verified(other, "U*U"), "right") << other;
    }
}

TEST(PasswordHash, KnowsArgon2) {
    EXPECT_EQ(verified(argon(Argon2_id, "pass wörd"), "pass wörd"), "right");
    EXPECT_EQ(verified(argon(Argon2_id, "pass wörd"), "pass word"), "wrong");
    EXPECT_EQ(verified(argon(Argon2_i, "x"), "x"), "right");
    EXPECT_EQ(verified(argon(Argon2_i, "x"), "y"), "wrong");
}

TEST(PasswordHash, RefusesOtherSchemesWithTheReason) {
    EXPECT_THAT(verified("$apr1$abc$def", ""), HasSubstr("MD5"));
    EXPECT_THAT(verified("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", ""), HasSubstr("SHA-1"));
    EXPECT_THAT(verified("$6$salt$hash", ""), HasSubstr("SHA-crypt"));
    EXPECT_THAT(verified("$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", ""), HasSubstr("faulty"));
    EXPECT_THAT(verified("$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", ""), HasSubstr("Argon2d"));
    EXPECT_THAT(verified("hunter2", ""), HasSubstr("password in clear"));
    EXPECT_THAT(verified("hunter2", ""), Not(HasSubstr("hunter2")));
    EXPECT_THAT(verified("", ""), HasSubstr("htpasswd -B"));
}

TEST(PasswordHash, RefusesWhatIsNotWholeOrCostsTooMuch) {
    const std::string bcrypt = kBcrypt;
    EXPECT_THAT(verified(bcrypt.substr(0, 59), ""), HasSubstr("not whole"));
    EXPECT_THAT(verified("$2a$xx" + bcrypt.substr(6), ""), HasSubstr("not whole"));
    EXPECT_THAT(verified("$2a$03" + bcrypt.substr(6), ""), HasSubstr("4 to 31"));
    EXPECT_THAT(verified("$2a$31" + bcrypt.substr(6), ""), HasSubstr("longer than a request may wait"));
    const std::string good = argon(Argon2_id, "x");
    const size_t costs = good.find("m=64,t=1,p=1");
    const auto with = [&](const char* other) { return std::string(good).replace(costs, 12, other); };
    EXPECT_THAT(verified(with("m=64,t=1"), ""), HasSubstr("not whole"));
    EXPECT_THAT(verified(with("m=64,p=1,t=1"), ""), HasSubstr("not whole"));
    EXPECT_THAT(verified(with("m=4194304,t=1,p=1"), ""), HasSubstr("at most"));
    EXPECT_THAT(verified(with("m=64,t=0,p=1"), ""), HasSubstr("cannot be"));
    EXPECT_THAT(verified(good.substr(0, good.rfind('$')), ""), HasSubstr("not whole"));
    EXPECT_THAT(verified(good + "!", ""), HasSubstr("not whole"));
}

std::vector<HtpasswdFault> faults_of(const std::string& text) {
    std::vector<HtpasswdFault> faults;
    read_htpasswd(text, faults);
    return faults;
}

TEST(Htpasswd, IsLinesOfUsers) {
    std::vector<HtpasswdFault> faults;
    const std::string hash = kBcrypt;
    const auto users = read_htpasswd("# staff\nann:" + hash + "\n\n  zoë:" + hash + " \r\nlast:" + hash, faults);
    EXPECT_TRUE(faults.empty());
    ASSERT_EQ(users.size(), 3u);
    EXPECT_EQ(users[0].name, "ann");
    EXPECT_EQ(users[1].name, "zoë");
    EXPECT_TRUE(users[2].hash.verify("U*U"));
}

TEST(Htpasswd, SaysWhichLineIsWrongAndNotWhatItHolds) {
    const std::string hash = kBcrypt;
    const auto faults = faults_of("ann:" + hash + "\nbob\n:" + hash + "\nann:" + hash + "\n\nx\xff:" + hash + "\ncarl:secret\n");
    ASSERT_EQ(faults.size(), 5u);
    EXPECT_EQ(faults[0].line, 2u);
    EXPECT_EQ(faults[1].line, 3u);
    EXPECT_THAT(faults[2].what, HasSubstr("stands twice"));
    EXPECT_EQ(faults[3].line, 6u);
    EXPECT_THAT(faults[4].what, HasSubstr("carl"));
    EXPECT_THAT(faults[4].what, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace portico::policy::basic
