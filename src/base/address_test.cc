#include "base/address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

namespace portico {
namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

TEST(IpAddress, text_that_is_canonical_comes_back_as_it_was) {
    for (const std::string_view text :
         {"0.0.0.0", "127.0.0.1", "255.255.255.255", "10.1.2.3", "::", "::1", "2001:db8::1", "fe80::1:2:3:4",
          "2001:db8:0:1:1:1:1:1", "1:2:3:4:5:6:7:8", "ff02::fb", "2001:db8:1::"}) {
        const auto parsed = IpAddress::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->text(), text);
    }
}

TEST(IpAddress, other_spellings_are_written_in_the_canonical_form) {
    const struct {
        std::string_view text, canonical;
    } cases[] = {
        {"2001:DB8::A", "2001:db8::a"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},  // the first of two longest runs, RFC 5952 §4.2.3
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"::ffff:a00:1", "10.0.0.1"},
    };
    for (const auto& c : cases) {
        const auto parsed = IpAddress::parse(c.text);
        ASSERT_TRUE(parsed) << c.text;
        EXPECT_EQ(parsed->text(), c.canonical);
        EXPECT_EQ(ip(c.canonical), *parsed);
    }
}

TEST(IpAddress, whatever_is_not_a_whole_literal_is_refused) {
    for (const std::string_view text :
         {"", " ", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.04", "0x7f.0.0.1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80",
          "[::1]", "::1%eth0", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "localhost",
          "::ffff:1.2.3.256", "1.2.3.4/8", "2001:0db8:0000:0000:0000:0000:0000:0001:ffff:ffff"}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
    EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
    EXPECT_FALSE(IpAddress::parse(std::string_view("::1\0x", 5)));
}

TEST(IpAddress, v4_is_known_by_its_mapped_form) {
    EXPECT_TRUE(ip("1.2.3.4").is_v4());
    EXPECT_TRUE(ip("::ffff:1.2.3.4").is_v4());
    EXPECT_FALSE(ip("::1.2.3.4").is_v4());
    EXPECT_FALSE(ip("::").is_v4());
    EXPECT_FALSE(IpAddress{}.is_v4());
    EXPECT_EQ(IpAddress::v4(0x7f000001), ip("127.0.0.1"));
    EXPECT_LT(ip("10.0.0.1"), ip("10.0.0.2"));
}

TEST(SocketAddress, text_and_parse_are_inverse) {
    for (const std::string_view text : {"127.0.0.1:80", "0.0.0.0:0", "[::1]:80", "[2001:db8::1]:65535"}) {
        const auto parsed = SocketAddress::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->text(), text);
    }
}

TEST(SocketAddress, a_missing_bracket_or_port_is_refused) {
    for (const std::string_view text :
         {"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 80",
          "127.0.0.1:8x", "::1:80", "::1", "[::1]", "[::1]:", "[127.0.0.1]:80", "[::1:80", "::1]:80", "[]:80", "[[::1]]:80",
          "a.example:80"}) {
        EXPECT_FALSE(SocketAddress::parse(text)) << text;
    }
}

TEST(SocketAddress, the_kernels_form_and_back_is_the_identity) {
    for (const std::string_view text : {"127.0.0.1:8080", "[2001:db8::5]:443"}) {
        const SocketAddress address = SocketAddress::parse(text).value();
        sockaddr_storage storage;
        const uint32_t size = address.to(storage);
        EXPECT_EQ(size, address.ip.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        EXPECT_EQ(storage.ss_family, address.ip.is_v4() ? AF_INET : AF_INET6);
        EXPECT_EQ(SocketAddress::from(reinterpret_cast<sockaddr*>(&storage)), address);
    }
}

TEST(SocketAddress, a_v4_peer_of_a_v6_socket_is_the_v4_address) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(5);
    const IpAddress mapped = ip("10.0.0.9");
    std::copy(mapped.bytes.begin(), mapped.bytes.end(), in.sin6_addr.s6_addr);
    EXPECT_EQ(SocketAddress::from(reinterpret_cast<sockaddr*>(&in)).text(), "10.0.0.9:5");
}

TEST(SocketAddress, of_another_family_nothing_is_known) {
    sockaddr_storage unix_address{};
    unix_address.ss_family = AF_UNIX;
    EXPECT_EQ(SocketAddress::from(reinterpret_cast<sockaddr*>(&unix_address)), SocketAddress{});
}

TEST(Cidr, contains_exactly_the_addresses_of_its_prefix) {
    const struct {
        std::string_view block, inside, outside;
    } cases[] = {
        {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
        {"10.0.0.0/8", "10.0.0.0", "9.255.255.255"},
        {"192.168.4.0/22", "192.168.7.255", "192.168.8.0"},
        {"192.168.4.0/22", "192.168.4.0", "192.168.3.255"},
        {"172.16.0.0/12", "172.31.0.1", "172.32.0.0"},
        {"203.0.113.7", "203.0.113.7", "203.0.113.6"},
        {"203.0.113.6/31", "203.0.113.7", "203.0.113.8"},
        {"0.0.0.0/0", "255.1.2.3", "2001:db8::1"},
        {"0.0.0.0/1", "127.255.255.255", "128.0.0.0"},
        {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
        {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
        {"::1", "::1", "::2"},
        {"fe80::/10", "febf::1", "fec0::"},
    };
    for (const auto& c : cases) {
        const auto block = Cidr::parse(c.block);
        ASSERT_TRUE(block) << c.block;
        EXPECT_TRUE(block->contains(ip(c.inside))) << c.block << " " << c.inside;
        EXPECT_FALSE(block->contains(ip(c.outside))) << c.block << " " << c.outside;
    }
}

TEST(Cidr, a_v4_block_contains_the_mapped_spelling) {
    EXPECT_TRUE(Cidr::parse("10.0.0.0/8")->contains(ip("::ffff:10.1.2.3")));
    EXPECT_FALSE(Cidr::parse("10.0.0.0/8")->contains(ip("::10.1.2.3")));
}

TEST(Cidr, bits_beyond_the_prefix_and_malformed_text_are_refused) {
    for (const std::string_view text :
         {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/ 8", "10.0.0.0 /8",
          "2001:db8::/129", "2001:db8::1/64", "::/999999999999999999999", "10.0/8", "[::1]/128"}) {
        EXPECT_FALSE(Cidr::parse(text)) << text;
    }
}

TEST(Cidr, A11_the_two_families_are_told_apart) {
    for (const std::string_view block : {"::/0", "::/64", "::/80"}) {
        EXPECT_FALSE(Cidr::parse(block)->contains(ip("192.0.2.1"))) << block;
        EXPECT_FALSE(Cidr::parse(block)->contains(ip("::ffff:192.0.2.1"))) << block;
        EXPECT_TRUE(Cidr::parse(block)->contains(ip("::1"))) << block;
    }
    EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(ip("::1")));
}

TEST(Cidr, A11_a_mapped_block_is_the_block_of_IPv4_and_its_prefix_counts_in_its_own_notation) {
    EXPECT_EQ(Cidr::parse("::ffff:10.0.0.0/104"), Cidr::parse("10.0.0.0/8"));
    EXPECT_EQ(Cidr::parse("::ffff:0:0/96"), Cidr::parse("0.0.0.0/0"));
    EXPECT_EQ(Cidr::parse("::ffff:10.0.0.1"), Cidr::parse("10.0.0.1"));
    for (const std::string_view text : {"::ffff:10.0.0.0/8", "::ffff:0:0/90", "10.0.0.0/104"}) {
        EXPECT_FALSE(Cidr::parse(text)) << text;
        EXPECT_FALSE(Cidr::network_of(text)) << text;
    }
}

TEST(ComparableHost, one_host_has_one_text_however_it_is_written) {
    for (const std::string_view text : {"127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0.0.0.0", "::", "::1", "0:0:0:0:0:0:0:1", "localhost", "localhost.", "a.localhost"}) {
        EXPECT_EQ(comparable_host(text), "localhost") << text;
    }
    EXPECT_EQ(comparable_host("svc."), comparable_host("svc"));
    EXPECT_EQ(comparable_host("2001:db8:0::1"), comparable_host("2001:db8::1"));
    EXPECT_EQ(comparable_host("::ffff:10.0.0.1"), comparable_host("10.0.0.1"));
}

TEST(ComparableHost, others_are_others) {
    for (const std::string_view text : {"127.0.0.2", "svc.", "localhost.example", "notlocalhost", "10.0.0.1", ""}) EXPECT_NE(comparable_host(text), "localhost") << text;
    EXPECT_NE(comparable_host("svc"), comparable_host("svc.example"));
}

}  // namespace
}  // namespace portico
