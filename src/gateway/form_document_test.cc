#include "gateway/form_document.h"

#include <gtest/gtest.h>

#include "base/meter_fixture.h"

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

// The form as it comes back, with the members of `text` in the place of its own.
std::string edited(std::string_view form, std::string_view text) {
    const auto document = json::Document::parse(text);
    std::string out;
    EXPECT_TRUE(append_json_as_form(out, document->root(), form));
    return out;
}

TEST(JsonAsForm, A26_pairs_that_nothing_touched_keep_their_bytes_and_their_places) {
    constexpr std::string_view kForm = "name=Andr%E9&tag=a&x&tag=%7eb&e=&n=1%20+2";
    EXPECT_EQ(edited(kForm, as_json(kForm)), kForm);
    EXPECT_EQ(edited(kForm, R"({"name":"Andr\uFFFD","tag":["b"],"x":"","new":"1"})"), "name=Andr%EF%BF%BD&tag=b&x&new=1");
    EXPECT_EQ(edited("a=%41&b=1&a=%42", R"({"a":["B"],"b":"2"})"), "a=%42&b=2");
    EXPECT_EQ(edited("old=%41&b=%42", R"({"new":"A","b":"B"})"), "new=A&b=%42");
    EXPECT_EQ(edited("a=%41&a=%41", R"({"a":"A"})"), "a=%41");
}

TEST(JsonAsForm, NoPairLeavesThatMayBeReadAsADecidedNameInAnotherSpelling) {
    const std::vector<std::string> decided = {"role", "Shop"};
    const auto document = json::Document::parse(R"({"Role":"1","role[]":["2","3"]," role":"4","roles":"5","Shop":"6","shop":"7","a":"role=8"})");
    std::string out;
    ASSERT_TRUE(append_json_as_form(out, document->root(), "roles=5&Shop=6&shop=7", decided));
    EXPECT_EQ(out, "roles=5&Shop=6&a=role%3D8");
}

TEST(JsonAsForm, AnUntouchedPairThatOthersReadOtherwiseIsWrittenAnew) {
    constexpr std::string_view kForm = "a=1;role=admin&b=%u0041&c=%4&rol%u0065=admin&d=%41";
    EXPECT_EQ(edited(kForm, as_json(kForm)), "a=1%3Brole%3Dadmin&b=%25u0041&c=%254&rol%25u0065=admin&d=%41");
}

// By way of the document its name would become U+FFFD, and the other pair of that name would be of another.
TEST(JsonAsForm, APairThatIsWrittenAnewKeepsBytesThatAreNoUtf8) {
    constexpr std::string_view kForm = "\xFF=%4&%FF=2&n=\xD0%";
    EXPECT_EQ(edited(kForm, as_json(kForm)), "%FF=%254&%FF=2&n=%D0%25");
}

// How many steps it takes to put the form together again.
uint64_t steps_of(std::string_view form, std::string_view text, std::span<const std::string> decided = {}) {
    const auto document = json::Document::parse(text);
    const CountingMeter meter;
    std::string out;
    EXPECT_TRUE(append_json_as_form(out, document->root(), form, decided));
    return meter.told;
}

TEST(FormSteps, AreInProportionToWhatIsReadAndWritten) {
    const std::string value(1 << 18, '%');
    const std::string form = "x=" + value;
    uint64_t reading = 0;
    {
        const CountingMeter meter;
        std::string out;
        EXPECT_TRUE(append_form_as_json(out, form));
        reading = meter.told;
    }
    EXPECT_GE(reading, value.size() / 8);
    EXPECT_GE(steps_of(form, as_json(form)), value.size() / 4);
    const std::vector<std::string> decided = {"role", "tenant", "shop"};
    const std::string pieces = "x=" + std::string(1 << 16, ';');
    EXPECT_GE(steps_of(pieces, as_json(pieces), decided), 1u << 15);
}

// Each of them is looked for where all others of that name are.
TEST(FormSteps, EqualNamesAreNotComparedEachWithEach) {
    const auto equal_names = [](size_t count) {
        std::string form;
        for (size_t i = 0; i < count; ++i) form += (i > 0 ? "&a=" : "a=") + std::to_string(100'000 + i);
        const std::string text = as_json(form);
        EXPECT_EQ(edited(form, text), form);
        return steps_of(form, text);
    };
    EXPECT_LE(equal_names(1000), 12 * equal_names(100));
}

// One name stands in the document once, and in the form for each value.
TEST(FormSteps, ALongNameIsPaidForWithEachValue) {
    std::string text = "{\"" + std::string(1 << 14, 'n') + "\":[0";
    for (int i = 0; i < 100; ++i) text += ",0";
    EXPECT_GE(steps_of("", text + "]}"), 101u * (1 << 14) / 16);
}

}  // namespace
}  // namespace portico::gateway
