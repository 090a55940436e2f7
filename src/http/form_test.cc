#include "http/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/meter_fixture.h"

namespace portico::http {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(Form, IsTakenApartAsBrowsersDo) {
    EXPECT_THAT(parse_form("a=1&b=two+words&c=%C3%A9%26"),
                Optional(ElementsAre(FormPair{"a", "1"}, FormPair{"b", "two words"}, FormPair{"c", "é&"})));
    EXPECT_THAT(parse_form("&&a&=v&b==&&a=2&"),
                Optional(ElementsAre(FormPair{"a", ""}, FormPair{"", "v"}, FormPair{"b", "="}, FormPair{"a", "2"})));
    EXPECT_THAT(parse_form("a%3d=%zz%4&%2b+=%"), Optional(ElementsAre(FormPair{"a=", "%zz%4"}, FormPair{"+ ", "%"})));
    EXPECT_THAT(parse_form("a=%00%ff;b=1"), Optional(ElementsAre(FormPair{"a", std::string("\0\xff;b=1", 6)})));
    EXPECT_THAT(parse_form(""), Optional(ElementsAre()));
}

TEST(Form, HasNoMorePairsThanMayBe) {
    EXPECT_TRUE(parse_form("a&b&c", 3));
    EXPECT_FALSE(parse_form("a&b&c&d", 3));
    EXPECT_TRUE(parse_form("&&&&a", 1));
}

// How many steps it takes to take a form apart, where so many may be spent.
uint64_t steps_of(std::string_view text, uint64_t most = UINT64_MAX) {
    const CountingMeter meter(most);
    parse_form(text);
    return meter.told;
}

TEST(Form, IsPaidForByWhatItHolds) {
    const std::string nothing(1 << 20, '&'), one_value = "x=" + std::string(1 << 20, '%');
    EXPECT_GE(steps_of(nothing), nothing.size());
    EXPECT_GE(steps_of(one_value), one_value.size() / 16);
    EXPECT_LE(steps_of(nothing, 1000), 1001u) << "it ends where nothing more may be spent";
    std::string many;
    for (int i = 0; i < 100'000; ++i) many += "a&";
    EXPECT_LE(steps_of(many), 10'000u) << "no more of them are read than may be";
    EXPECT_LE(steps_of("name=Ada&town=London"), 16u);
}

TEST(Form, WritingIsPaidForByItsBytes) {
    const std::string text(1 << 20, '&');
    const CountingMeter meter;
    std::string out;
    append_form_pair(out, 0, text, text);
    EXPECT_GE(meter.told, text.size() / 8);
}

TEST(Form, IsWrittenInTheOneSpelling) {
    std::string out = "x";
    append_form_pair(out, 1, "a b", "1+1=2&~*-._");
    append_form_pair(out, 1, "", "é\n");
    EXPECT_EQ(out, "xa+b=1%2B1%3D2%26%7E*-._&=%C3%A9%0A");
}

TEST(Form, ComesBackFromWhatWasWritten) {
    std::string every;
    for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
    std::string out;
    append_form_pair(out, 0, every, every);
    append_form_pair(out, 0, "", "");
    EXPECT_THAT(parse_form(out), Optional(ElementsAre(FormPair{every, every}, FormPair{"", ""})));
}

}  // namespace
}  // namespace portico::http
