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

TEST(AddressRules, A11_a_rule_for_all_of_IPv6_holds_no_IPv4_address) {
    EXPECT_FALSE(admits(rules({"::/0"}, {}), "192.0.2.9"));
    EXPECT_FALSE(admits(rules({"::/0"}, {}), "::ffff:192.0.2.9"));
    EXPECT_TRUE(admits(rules({"::/0"}, {}), "2001:db8::1"));
    EXPECT_TRUE(admits(rules({}, {"::/0"}), "192.0.2.9"));
    EXPECT_FALSE(admits(rules({"0.0.0.0/0"}, {}), "2001:db8::1"));
    EXPECT_FALSE(admits(rules({}, {"0.0.0.0/0"}), "::ffff:192.0.2.9"));
}

TEST(AddressRules, A81_a_client_without_an_address_is_refused_unless_unix_is_allowed) {
    EXPECT_FALSE(rules({"10.0.0.0/8", "0.0.0.0/0", "::/0"}, {}).admits(std::nullopt));
    EXPECT_FALSE(rules({}, {"10.0.0.0/8"}).admits(std::nullopt));
    AddressRules r = rules({}, {"10.0.0.0/8"});
    r.unix_allowed = true;
    EXPECT_TRUE(r.admits(std::nullopt));
    EXPECT_FALSE(admits(r, "192.0.2.9"));
}

}  // namespace
}  // namespace portico::policy::ip_access
