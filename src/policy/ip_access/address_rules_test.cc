#include "policy/ip_access/address_rules.h"

#include <gtest/gtest.h>

namespace portico::policy::ip_access {
namespace {

AddressRules rules(std::vector<const char*> allow, std::vector<const char*> deny) {
    AddressRules r;
    for (const char* c : allow) r.allow.push_back(*Cidr::parse(c));
    for (const char* c : deny) r.deny.push_back(*Cidr::parse(c));
    return r;
}

bool admits(const AddressRules& r, const char* ip) { return r.admits(*IpAddress::parse(ip)); }

TEST(AddressRules, WithOnlyAllowAdmitsNobodyElse) {
    const auto r = rules({"10.0.0.0/8", "::1"}, {});
    EXPECT_TRUE(admits(r, "10.200.3.4"));
    EXPECT_TRUE(admits(r, "::1"));
    EXPECT_FALSE(admits(r, "11.0.0.1"));
    EXPECT_FALSE(admits(r, "::2"));
}

TEST(AddressRules, WithOnlyDenyAdmitsEverybodyElse) {
    const auto r = rules({}, {"10.0.0.0/8"});
    EXPECT_FALSE(admits(r, "10.0.0.1"));
    EXPECT_TRUE(admits(r, "192.0.2.1"));
}

TEST(AddressRules, DenyWinsOverAllow) {
    const auto r = rules({"10.0.0.0/8"}, {"10.66.0.0/16"});
    EXPECT_TRUE(admits(r, "10.65.255.255"));
    EXPECT_FALSE(admits(r, "10.66.0.1"));
}

TEST(AddressRules, AnIpv4AddressInIpv6FormIsTheSameAddress) {
    EXPECT_TRUE(admits(rules({"192.0.2.0/24"}, {}), "::ffff:192.0.2.9"));
}

}  // namespace
}  // namespace portico::policy::ip_access
