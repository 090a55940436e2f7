#include "policy/api_key/presented.h"

#include <gtest/gtest.h>

namespace portico::policy::api_key {
namespace {

Presented in_query(std::string_view query) {
    static Arena arena;
    return key_in(query, "key", arena);
}
std::string without(std::string_view query) {
    static Arena arena;
    return std::string(without_key(query, "key", arena));
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
    EXPECT_EQ(in_query("Key=s&keys=s&xkey=s&a=key").count, 0u);
}

TEST(KeyInQuery, IsTakenOutAndTheRestStaysAsItCame) {
    EXPECT_EQ(without("a=%20&key=s&b&&c=key"), "a=%20&b&c=key");
    EXPECT_EQ(without("key=s"), "");
    EXPECT_EQ(without("%6bey=s&key=t&a"), "a");
    EXPECT_EQ(without("a=1&&b=2"), "a=1&&b=2");
}

TEST(KeyInHeader, IsCountedAndTakenOffInEverySpelling) {
    http::FieldList fields;
    fields.add("x-api-key", "one");
    fields.add("X_API_Key", "alias");
    fields.add("X-API-Key-Id", "other");
    const Presented p = key_in(fields, "X-API-Key");
    EXPECT_EQ(p.count, 1u);
    EXPECT_EQ(p.key, "one");
    remove_key(fields, "X-API-Key");
    ASSERT_EQ(fields.size(), 1u);
    EXPECT_EQ(fields.all()[0].name, "X-API-Key-Id");
}

}  // namespace
}  // namespace portico::policy::api_key
