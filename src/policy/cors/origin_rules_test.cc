#include "policy/cors/origin_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portico::policy::cors {
namespace {

using ::testing::HasSubstr;

OriginRules rules(std::initializer_list<const char*> origins) {
    OriginRules r;
    for (const char* o : origins) {
        const auto fault = r.add(o);
        EXPECT_FALSE(fault) << o << ": " << fault->message;
    }
    return r;
}

std::string fault(const char* origin) {
    OriginRules r;
    const auto f = r.add(origin);
    return f ? f->message + " (" + f->hint + ")" : "";
}

TEST(OriginRules, AnExactOriginAdmitsItselfAlone) {
    const auto r = rules({"https://app.example.com", "http://localhost:3000"});
    EXPECT_TRUE(r.admits("https://app.example.com"));
    EXPECT_TRUE(r.admits("http://localhost:3000"));
    for (const char* other : {"http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.net", "https://xapp.example.com",
                              "https://app.example.com/", "https://APP.example.com", "http://localhost", "null", "", "https://"}) {
        EXPECT_FALSE(r.admits(other)) << other;
    }
}

TEST(OriginRules, CaseAndDefaultPortsArePutRight) {
    EXPECT_TRUE(rules({"HTTPS://App.Example.com:443"}).admits("https://app.example.com"));
    EXPECT_TRUE(rules({"http://x.test:80"}).admits("http://x.test"));
    EXPECT_TRUE(rules({"https://x.test:80"}).admits("https://x.test:80"));
    EXPECT_TRUE(rules({"http://[0:0::1]:3000"}).admits("http://[::1]:3000"));
}

TEST(OriginRules, AStarStandsForOneOrMoreLabels) {
    const auto r = rules({"https://*.example.com", "http://*.localhost:8080"});
    EXPECT_TRUE(r.admits("https://a.example.com"));
    EXPECT_TRUE(r.admits("https://a.b.example.com"));
    EXPECT_TRUE(r.admits("http://x.localhost:8080"));
    for (const char* other : {"https://example.com", "https://.example.com", "https://a..example.com", "https://evil.net/.example.com",
                              "https://evil.net:1.example.com", "https://user@a.example.com", "http://a.example.com", "https://a.example.com:444",
                              "https://aexample.com", "https://a.example.com.evil.net", "http://x.localhost", "null"}) {
        EXPECT_FALSE(r.admits(other)) << other;
    }
}

TEST(OriginRules, NullIsAdmittedOnlyWhereItIsListed) {
    EXPECT_FALSE(rules({"https://a.test"}).admits("null"));
    EXPECT_TRUE(rules({"https://a.test", "null"}).admits("null"));
    EXPECT_TRUE(rules({"*"}).admits("null"));
}

TEST(OriginRules, OtherSchemesAreOriginsToo) {
    EXPECT_TRUE(rules({"capacitor://localhost"}).admits("capacitor://localhost"));
    EXPECT_TRUE(rules({"chrome-extension://abcdef"}).admits("chrome-extension://abcdef"));
}

TEST(OriginRules, WhatIsNoOriginIsSaidWithTheLikelyCorrection) {
    EXPECT_THAT(fault("example.com"), HasSubstr("did you mean https://example.com?"));
    EXPECT_THAT(fault("localhost:3000"), HasSubstr("did you mean http://localhost:3000?"));
    EXPECT_THAT(fault("https://example.com/"), HasSubstr("did you mean https://example.com?"));
    EXPECT_THAT(fault("https://example.com/app?x"), HasSubstr("did you mean https://example.com?"));
    EXPECT_THAT(fault("https://example.com:*"), HasSubstr("list each port"));
    EXPECT_THAT(fault("https://a.*.example.com"), HasSubstr("a star stands for the first labels"));
    EXPECT_THAT(fault("https://*.com"), HasSubstr("would take everybody's domains below .com"));
    for (const char* wrong : {"https://", "https://a b", "https://x:99999", "https://x:0", "https://user@x", "https://[::zz]", "://x", "*://x.test", "https://*.", ""}) {
        EXPECT_NE(fault(wrong), "") << wrong;
    }
}

}  // namespace
}  // namespace portico::policy::cors
