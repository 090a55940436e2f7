#include "config/listen_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::config {
namespace {

using ::testing::HasSubstr;

struct Settled {
    Config config;
    std::string faults;
};

Settled settle(const std::vector<ListenAddress>& addresses) {
    Settled s;
    for (const ListenAddress& a : addresses) {
        s.config.listeners.emplace_back().address = a;
        s.config.listeners.back().mark.line = static_cast<uint32_t>(s.config.listeners.size());
    }
    FaultList faults;
    settle_listen_addresses(s.config, faults);
    for (const Located& f : faults.all()) s.faults += f.message + " (" + f.hint + ")\n";
    return s;
}

ListenAddress at(const char* text) { return {*SocketAddress::parse(text), false, false}; }
ListenAddress both(uint16_t port) { return {{IpAddress(), port}, true, false}; }

TEST(ListenAddresses, T86_EveryIpv6AddressIsIpv6AloneBesideIpv4) {
    const Settled s = settle({at("0.0.0.0:80"), at("[::]:80"), at("[::]:81"), at("0.0.0.0:82")});
    EXPECT_EQ(s.faults, "");
    EXPECT_TRUE(s.config.listeners[1].address.ipv6_only);
    EXPECT_FALSE(s.config.listeners[2].address.ipv6_only);
    EXPECT_TRUE(settle({at("[::]:80"), at("10.0.0.1:80")}).config.listeners[0].address.ipv6_only);
}

TEST(ListenAddresses, T86_TwoThatGetTheSameConnectionsAreAFault) {
    EXPECT_THAT(settle({at("127.0.0.1:80"), at("127.0.0.1:80")}).faults, HasSubstr("two listeners have the address 127.0.0.1:80"));
    EXPECT_THAT(settle({both(80), both(80)}).faults, HasSubstr("two listeners have the address :80"));
    EXPECT_THAT(settle({both(80), at("[::]:80")}).faults, HasSubstr("would get the same connections"));
    EXPECT_THAT(settle({both(80), at("10.0.0.1:80")}).faults, HasSubstr("write [::]:80 for IPv6 alone"));
    EXPECT_THAT(settle({at("0.0.0.0:80"), at("10.0.0.1:80")}).faults, HasSubstr("leave one out"));
    EXPECT_THAT(settle({at("[::1]:80"), at("[::]:80")}).faults, HasSubstr("[::]:80 and [::1]:80 (line 1)"));
}

TEST(ListenAddresses, OthersStandBesideEachOther) {
    EXPECT_EQ(settle({at("127.0.0.1:0"), at("127.0.0.1:0"), both(0), both(0)}).faults, "");
    EXPECT_EQ(settle({at("127.0.0.1:80"), at("127.0.0.2:80"), at("127.0.0.1:81"), at("[::1]:80"), both(82)}).faults, "");
}

TEST(ListenAddresses, AnAdminListenerCounts) {
    Config config;
    config.listeners.emplace_back().address = both(8080);
    config.admin.emplace().address = at("127.0.0.1:8080");
    FaultList faults;
    settle_listen_addresses(config, faults);
    ASSERT_EQ(faults.errors(), 1u);
    EXPECT_EQ(faults.all()[0].path, "admin");
}

}  // namespace
}  // namespace portico::config
