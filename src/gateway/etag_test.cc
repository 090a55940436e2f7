#include "gateway/etag.h"

#include <gtest/gtest.h>

namespace portico::gateway {
namespace {

http::FieldList asking(std::initializer_list<std::string_view> values) {
    http::FieldList fields;
    fields.add("Accept", "*/*");
    for (const std::string_view v : values) fields.add("if-none-match", v);
    return fields;
}

TEST(ETag, IsStrongAndTheSameForTheSameBody) {
    EXPECT_EQ(etag_of("{}"), etag_of("{}"));
    EXPECT_NE(etag_of("{}"), etag_of("[]"));
    // SHA-256 of nothing begins with e3b0c44298fc1c149afbf4c8996fb92427ae.
    EXPECT_EQ(etag_of(""), "\"47DEQpj8HBSa-_TImW-5JCeu\"");
}

TEST(IfNoneMatch, NamesATagAloneInAListOrInOneOfSeveralFields) {
    EXPECT_TRUE(none_match(asking({"\"a\""}), "\"a\""));
    EXPECT_TRUE(none_match(asking({"\"x\", \"a\""}), "\"a\""));
    EXPECT_TRUE(none_match(asking({"\"x\",\"y,\" , ,\t\"a\""}), "\"a\""));
    EXPECT_TRUE(none_match(asking({"\"x\"", "\"a\""}), "\"a\""));
    EXPECT_TRUE(none_match(asking({"*"}), "\"a\""));
    EXPECT_FALSE(none_match(asking({}), "\"a\""));
    EXPECT_FALSE(none_match(asking({"\"b\", \"aa\""}), "\"a\""));
}

TEST(IfNoneMatch, ComparesWithoutRegardToWeakness) {
    EXPECT_TRUE(none_match(asking({"W/\"a\""}), "\"a\""));
    EXPECT_TRUE(none_match(asking({"\"a\""}), "W/\"a\""));
    EXPECT_FALSE(none_match(asking({"w/\"a\""}), "\"a\""));
}

TEST(IfNoneMatch, SaysNothingBehindWhatIsMalformed) {
    for (const char* value : {"a", "\"b", "\"b\" \"a\"", "b, \"a\"", "W/", "\"", "", ",", "* , \"a\""}) {
        EXPECT_FALSE(none_match(asking({value}), "\"a\"")) << value;
    }
}

}  // namespace
}  // namespace portico::gateway
