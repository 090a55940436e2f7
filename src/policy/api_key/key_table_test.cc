#include "policy/api_key/key_table.h"

#include <gtest/gtest.h>

#include <string>

namespace portico::policy::api_key {
namespace {

// FIPS 180-2, appendix B.1; the other two are sha256sum's.
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, IsTheStandards) {
    EXPECT_TRUE(same_digest(sha256("abc"), *parse_digest(kAbc)));
    EXPECT_TRUE(same_digest(sha256(""), *parse_digest("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")));
    EXPECT_FALSE(same_digest(sha256("abd"), *parse_digest(kAbc)));
}

TEST(Digest, IsReadAsSha256sumPrintsIt) {
    std::string upper = kAbc;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_TRUE(same_digest(*parse_digest(upper), sha256("abc")));
    EXPECT_TRUE(parse_digest(std::string(kAbc) + "  -"));
    EXPECT_TRUE(parse_digest(std::string(kAbc) + "  key.txt\n"));
}

TEST(Digest, OfAnotherFormIsNone) {
    const std::string good = kAbc;
    for (const std::string& bad : {std::string(), good.substr(1), good + "0", "x" + good.substr(1), good + "-"}) EXPECT_FALSE(parse_digest(bad)) << bad;
}

TEST(KeyTable, KnowsAKeyByItsHashOnly) {
    KeyTable table;
    EXPECT_FALSE(table.add(sha256("first key"), 0));
    EXPECT_FALSE(table.add(sha256("second key"), 1));
    EXPECT_EQ(table.find("first key"), 0u);
    EXPECT_EQ(table.find("second key"), 1u);
    EXPECT_EQ(table.find("third key"), std::nullopt);
    EXPECT_EQ(table.find(kAbc), std::nullopt);
}

TEST(KeyTable, SaysWhoHasAKeyAlready) {
    KeyTable table;
    table.add(sha256("k"), 7);
    EXPECT_EQ(table.add(sha256("k"), 8), 7u);
    EXPECT_EQ(table.find("k"), 7u);
}

TEST(KeyTable, NeitherNothingNorWhatIsTooLongIsAKey) {
    KeyTable table;
    const std::string lengthy(4097, 'k');
    table.add(sha256(""), 0);
    table.add(sha256(lengthy), 1);
    EXPECT_EQ(table.find(""), std::nullopt);
    EXPECT_EQ(table.find(lengthy), std::nullopt);
}

}  // namespace
}  // namespace portico::policy::api_key
