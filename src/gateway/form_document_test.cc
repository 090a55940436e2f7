#include "gateway/form_document.h"

#include <gtest/gtest.h>

namespace portico::gateway {
namespace {

std::string as_json(std::string_view form) {
    std::string out;
    EXPECT_TRUE(append_form_as_json(out, form));
    EXPECT_TRUE(json::Document::parse(out)) << out;
    return out;
}

std::string as_form(std::string_view text) {
    const auto document = json::Document::parse(text);
    std::string out = "before?";
    const auto done = append_json_as_form(out, document->root());
    if (done) return out.substr(7);
    EXPECT_EQ(out, "before?") << "nothing is left of what failed";
    return "fault: " + done.error();
}

TEST(FormAsJson, IsAnObjectOfTextsAndLists) {
    EXPECT_EQ(as_json("id=5&name=Ada+L&tag=a&x&tag=b"), R"({"id":"5","name":"Ada L","tag":["a","b"],"x":""})");
    EXPECT_EQ(as_json(""), "{}");
    EXPECT_EQ(as_json("a=%FF%00%22"), "{\"a\":\"\xEF\xBF\xBD\\u0000\\\"\"}");
}

TEST(FormAsJson, HasNoMorePairsThanMayBe) {
    std::string out;
    EXPECT_FALSE(append_form_as_json(out, "a&b&c", 2));
}

TEST(JsonAsForm, WritesTextsNumbersBooleansAndLists) {
    EXPECT_EQ(
        as_form(
            R"({"id":12345678901234567890,"n":1.50,"t":true,"s":"a b&c","l":["x",2,null,false],"none":null,"e":[]})"),
        "id=12345678901234567890&n=1.50&t=true&s=a+b%26c&l=x&l=2&l=false");
    EXPECT_EQ(as_form("{}"), "");
}

TEST(JsonAsForm, SaysWhatNoFormCanHold) {
    EXPECT_EQ(as_form(R"({"a":1,"b":{}})"), "fault: `b` is an object");
    EXPECT_EQ(as_form(R"({"a":[1,[]]})"), "fault: `a` holds an object or a list");
    EXPECT_EQ(as_form("[1]"), "fault: it is not an object");
}

}  // namespace
}  // namespace portico::gateway
