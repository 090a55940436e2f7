#include "http/media_type.h"

#include <gtest/gtest.h>

#include "base/meter_fixture.h"

namespace portico::http {
namespace {

FieldList of(std::initializer_list<std::string_view> types) {
    FieldList fields;
    for (const std::string_view type : types) fields.add("Content-Type", type, FieldName::content_type);
    return fields;
}

TEST(MediaType, IsTheFirstWithoutItsParameters) {
    EXPECT_EQ(media_type(of({})), "");
    EXPECT_EQ(media_type(of({" Application/JSON ; charset=utf-8", "text/plain"})), "Application/JSON");
}

TEST(MediaType, ClaimsToBeJsonWhereAnyOfThemDoes) {
    for (const std::string_view type : {"application/json", "APPLICATION/JSON;charset=utf-16", "text/json", "application/problem+json", "text/plain, application/json"}) {
        EXPECT_TRUE(claims_json(of({type}))) << type;
        EXPECT_TRUE(claims_json(of({"text/plain", type}))) << type;
    }
    for (const std::string_view type : {"", "text/plain", "application/x-ndjson", "application/json5", "+json", "text/plain; x=application/json"}) {
        EXPECT_FALSE(claims_json(of({type}))) << type;
    }
    EXPECT_FALSE(claims_json(of({})));
}

TEST(MediaType, ClaimsToBeAFormWhereAnyOfThemDoes) {
    EXPECT_TRUE(claims_form(of({"text/plain", "application/x-www-form-urlencoded; charset=utf-8"})));
    EXPECT_FALSE(claims_form(of({"multipart/form-data; boundary=x"})));
}

TEST(MediaType, WhatOpensAnObjectOrAnArrayIsGuessedToBeJson) {
    EXPECT_TRUE(begins_as_json("{"));
    EXPECT_TRUE(begins_as_json(" \r\n\t[1"));
    EXPECT_TRUE(begins_as_json("\xEF\xBB\xBF {}"));
    for (const std::string_view body : {std::string_view("\xFE\xFF\0{\0}", 6), std::string_view("\xFF\xFE{\0}\0", 6), std::string_view("\0{\0}", 4), std::string_view("\0\0\0[", 4),
                                        std::string_view("\0\0\xFE\xFF\0\0\0{", 8), std::string_view("\0 \0{", 4)}) {
        EXPECT_TRUE(begins_as_json(body));
    }
    for (const std::string_view body : {"", "  ", "a={}", "\"{\"", "1"}) EXPECT_FALSE(begins_as_json(body)) << body;
}

TEST(MediaType, WhiteSpaceBeforeWhatABodyOpensWithIsPaidFor) {
    const std::string white(1 << 20, ' ');
    const CountingMeter meter;
    EXPECT_TRUE(begins_as_json(white + "{"));
    EXPECT_GE(meter.told, white.size() / 16);
}

}  // namespace
}  // namespace portico::http
