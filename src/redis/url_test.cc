#include "redis/url.h"

#include <gtest/gtest.h>

namespace portico::redis {
namespace {

std::string fault_of(std::string_view text) {
    const auto url = Url::parse(text);
    return url ? "good: " + url->text() : url.error();
}

TEST(Url, OneServer) {
    const auto url = Url::parse("redis://redis:6379");
    ASSERT_TRUE(url);
    EXPECT_EQ(*url, (Url{.hosts = {{"redis", 6379}}}));
    EXPECT_EQ(Url::parse("redis://redis"), url);
    EXPECT_EQ(Url::parse("REDIS://redis/"), url);
    EXPECT_EQ(Url::parse("redis://redis/0"), url);
}

TEST(Url, UserPasswordDatabaseAndTls) {
    EXPECT_EQ(*Url::parse("rediss://limits:p%40ss%3Aw%2F@10.0.0.1:7000/12"),
              (Url{.tls = true, .user = "limits", .password = "p@ss:w/", .hosts = {{"10.0.0.1", 7000}}, .database = 12}));
    EXPECT_EQ(Url::parse("redis://:secret@h")->password, "secret");
    EXPECT_EQ(Url::parse("redis://:secret@h")->user, "");
    // One that was not encoded where it need not be.
    EXPECT_EQ(Url::parse("redis://u:a@b/c:d@h")->password, "a@b/c:d");
}

TEST(Url, AnAddressOfVersionSixStandsInBrackets) {
    EXPECT_EQ(*Url::parse("redis://[::1]"), (Url{.hosts = {{"::1", 6379}}}));
    EXPECT_EQ(*Url::parse("redis://:p@[2001:db8::1]:7000/1"),
              (Url{.password = "p", .hosts = {{"2001:db8::1", 7000}}, .database = 1}));
    EXPECT_EQ(Url::parse("redis://[::1]:7")->text(), "redis://[::1]:7");
}

TEST(Url, Sentinels) {
    EXPECT_EQ(*Url::parse("redis+sentinel://:p@s1,s2:7000,[::1]/mymaster/2"),
              (Url{.topology = Topology::sentinel, .password = "p",
                   .hosts = {{"s1", 26379}, {"s2", 7000}, {"::1", 26379}}, .master = "mymaster", .database = 2}));
    EXPECT_TRUE(Url::parse("rediss+sentinel://s1/m")->tls);
}

TEST(Url, Cluster) {
    EXPECT_EQ(*Url::parse("redis+cluster://a,b:7001"),
              (Url{.topology = Topology::cluster, .hosts = {{"a", 6379}, {"b", 7001}}}));
    EXPECT_TRUE(Url::parse("rediss+cluster://a/0")->tls);
}

TEST(Url, ItsTextShowsNoPassword) {
    EXPECT_EQ(Url::parse("redis+sentinel://u:secret@s1,s2/m/3")->text(), "redis+sentinel://s1:26379,s2:26379/m/3");
}

TEST(Url, FaultsSayWhatWasExpected) {
    EXPECT_EQ(fault_of("localhost:6379"), "a store's address begins with redis:// or rediss://");
    EXPECT_EQ(fault_of("http://h"), "'http' is not one of redis, rediss, redis+sentinel, redis+cluster (or rediss+…)");
    EXPECT_EQ(fault_of("redis://"), "a host is missing");
    EXPECT_EQ(fault_of("redis+cluster://a,,b"), "a host is missing");
    EXPECT_EQ(fault_of("redis://h:0"), "after 'h' a port from 1 to 65535 was expected");
    EXPECT_EQ(fault_of("redis://h:70000"), "after 'h' a port from 1 to 65535 was expected");
    EXPECT_EQ(fault_of("redis://h:"), "after 'h' a port from 1 to 65535 was expected");
    EXPECT_EQ(fault_of("redis://[::1"), "'[::1' lacks the closing ']'");
    EXPECT_EQ(fault_of("redis://[1.2.3.4]"), "'1.2.3.4' is not an IPv6 address");
    EXPECT_EQ(fault_of("redis://::1"), "more than one ':' in a host: an IPv6 address stands in brackets, as in redis://[::1]:6379");
    EXPECT_EQ(fault_of("redis://a b"), "'a b' is not a host name");
    EXPECT_EQ(fault_of("redis://h/x"), "'x' is not a database: a number was expected");
    EXPECT_EQ(fault_of("redis://h?db=1"), "'?' and '#' have no meaning here; in a password they are written %3F and %23, and its '@' %40");
    EXPECT_EQ(fault_of("redis://a,b"), "several hosts need redis+sentinel:// or redis+cluster://");
    EXPECT_EQ(fault_of("redis+sentinel://a"), "the master's name is missing: redis+sentinel://host:26379,host:26379/mymaster");
    EXPECT_EQ(fault_of("redis+sentinel://a/"), "the master's name is missing: redis+sentinel://host:26379,host:26379/mymaster");
    EXPECT_EQ(fault_of("redis+cluster://a/1"), "a cluster has one database only: nothing may follow its hosts");
}

TEST(Url, FaultsShowNoPassword) {
    for (const char* text : {"redis://u:secr%et@h", "redis://secret@h", "redis://u:secret@", "redis://u:secret@h:x", "redis://:secret@h/x",
                             "redis://u:secret", "redis://:secret:6379", "redis://u:@secret:1:2"}) {
        EXPECT_EQ(fault_of(text).find("secr"), std::string::npos) << fault_of(text);
        EXPECT_FALSE(Url::parse(text)) << text;
    }
}

}  // namespace
}  // namespace portico::redis
