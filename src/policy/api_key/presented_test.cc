#include "policy/api_key/presented.h"

#include <gtest/gtest.h>

namespace portico::policy::api_key {
namespace {

Presented in_query(std::string_view query) {
    static Arena arena;
    return key_in(query, "key", arena);
}

TEST(KeyInQuery, IsDecoded) {
    EXPECT_EQ(in_query("a=1&key=s%2Fecret+x&b").key, "s/ecret x");
    EXPECT_EQ(in_query("key=plain").key, "plain");
    EXPECT_EQ(in_query("key").count, 1u);
    EXPECT_EQ(in_query("key=").key, "");
}

TEST(KeyInQuery, IsFoundUnderEverySpellingOfItsName) {
    EXPECT_EQ(in_query("k%65y=s").key, "s");
    EXPECT_EQ(in_query("key=a&%6Bey=b").count, 2u);
    EXPECT_EQ(in_query("Key=a&key%5B%5D=b").count, 2u);
    EXPECT_EQ(in_query("keys=s&xkey=s&a=key").count, 0u);
}

TEST(KeyInQuery, A7_IsCountedBehindEverySeparatorThatAServiceMayKnow) {
    EXPECT_EQ(in_query("a;key=guess&key=s").count, 2u);
    EXPECT_EQ(in_query("a;key=s%20").key, "s ");
}

TEST(KeyInHeader, A7_IsCountedInEverySpelling) {
    http::FieldList fields;
    fields.add("x-api-key", "one");
    fields.add("X-API-Key-Id", "other");
    EXPECT_EQ(key_in(fields, "X-API-Key").count, 1u);
    EXPECT_EQ(key_in(fields, "X-API-Key").key, "one");
    fields.add("X_API_Key", "alias");
    EXPECT_EQ(key_in(fields, "X-API-Key").count, 2u);
}

}  // namespace
}  // namespace portico::policy::api_key
