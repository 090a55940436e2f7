#include <gtest/gtest.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/intrusive_list.h"
#include "base/text.h"

namespace portico {
namespace {

TEST(IpAddress, ReadsAndWritesBothFamilies) {
    for (const char* text : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::7", "fe80::1:2:3:4"}) {
        const auto ip = IpAddress::parse(text);
        ASSERT_TRUE(ip) << text;
        EXPECT_EQ(ip->text(), text);
    }
}

TEST(IpAddress, RefusesWhatIsNotAWholeLiteral) {
    for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4:80", "[::1]", "::1%lo", "1.2.3.4 ", "localhost"}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
}

TEST(SocketAddress, NeedsAPortAndBracketsAroundIpv6) {
    EXPECT_EQ(SocketAddress::parse("[::1]:80")->text(), "[::1]:80");
    EXPECT_EQ(SocketAddress::parse("10.0.0.1:65535")->port, 65535);
    for (const char* text : {"10.0.0.1", "::1:80", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", ":80"}) {
        EXPECT_FALSE(SocketAddress::parse(text)) << text;
    }
}

TEST(Cidr, HoldsItsAddressesAndNoOther) {
    const auto block = Cidr::parse("10.20.0.0/14");
    ASSERT_TRUE(block);
    EXPECT_TRUE(block->contains(*IpAddress::parse("10.23.255.255")));
    EXPECT_FALSE(block->contains(*IpAddress::parse("10.24.0.0")));
    EXPECT_FALSE(Cidr::parse("10.20.0.1/14")) << "bits behind the prefix";
    EXPECT_FALSE(Cidr::parse("10.0.0.0/33"));
    EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("255.1.2.3")));
    EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("2001:db8::1")));
}

TEST(Text, NearestFindsMisspellingsAndNothingElse) {
    constexpr std::string_view words[] = {"forward", "respond", "redirect"};
    EXPECT_EQ(nearest("forwrad", words, 3), "forward");
    EXPECT_EQ(nearest("respnd", words, 3), "respond");
    EXPECT_EQ(nearest("zzz", words, 3), "");
}

TEST(Text, DecimalsFillTheWholeTextAndFit) {
    EXPECT_EQ(parse_decimal<uint16_t>("65535"), 65535);
    for (const char* text : {"", "65536", "+1", "-1", " 1", "1 ", "0x1", "1e3"}) EXPECT_FALSE(parse_decimal<uint16_t>(text)) << text;
}

TEST(Arena, GrowsBeyondItsFirstBlockAndStartsAnew) {
    Arena arena;
    EXPECT_EQ(arena.copy("abc"), "abc");
    EXPECT_EQ(arena.heap_bytes(), 0u);
    const std::string large(100'000, 'x');
    EXPECT_EQ(arena.copy(large), large);
    EXPECT_GT(arena.heap_bytes(), 0u);
    arena.release();
    EXPECT_EQ(arena.heap_bytes(), 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.allocate(8, 64)) % 64, 0u);
}

struct Item : ListHook<Item> {
    int value = 0;
    explicit Item(int v) : value(v) {}
};

TEST(IntrusiveList, AMemberThatIsDestroyedLeavesByItself) {
    IntrusiveList<Item, Item> list;
    Item a(1), c(3);
    {
        Item b(2);
        list.push_back(a);
        list.push_back(b);
        list.push_back(c);
    }
    EXPECT_EQ(list.pop_front()->value, 1);
    EXPECT_EQ(list.pop_front()->value, 3);
    EXPECT_TRUE(list.empty());
}

TEST(Error, CodesAreUniqueAndSaySomethingOfTheirSide) {
    std::vector<std::string_view> codes;
    for (int i = 0; i <= static_cast<int>(Fault::internal); ++i) {
        const auto fault = static_cast<Fault>(i);
        for (const auto other : codes) EXPECT_NE(other, code_of(fault));
        codes.push_back(code_of(fault));
        const std::string_view code = code_of(fault);
        const bool of_a_service = code.starts_with("upstream.") || code.starts_with("response.") || code.starts_with("aggregate.");
        EXPECT_EQ(of_a_service, side_of(fault) == Side::upstream) << code;
    }
}

}  // namespace
}  // namespace portico
