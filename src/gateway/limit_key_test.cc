#include "gateway/limit_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/exchange.h"

namespace portico::gateway {
namespace {

using ::testing::HasSubstr;

class LimitKeyTest : public ::testing::Test {
  protected:
    LimitKeyTest() : loop_(std::move(*io::Loop::make(io::BackendChoice::epoll, clock_))), context_(*loop_, registry_, 1), x_(context_) {
        x_.request.fields.add("X-Tenant", "acme");
        x_.request.fields.add("X-Empty", "");
        x_.view.fields = &x_.request.fields;
        come_from("192.0.2.7");
        claims(R"({"sub":"alice","n":7,"roles":["a"],"none":null,"empty":""})");
    }

    void come_from(const char* ip) {
        x_.client_address = *IpAddress::parse(ip);
        x_.client_ip = x_.arena.copy(x_.client_address->text());
    }
    void claims(std::string_view text) {
        auto parsed = json::Document::parse(text);
        ASSERT_TRUE(parsed);
        x_.claims = std::move(*parsed);
    }

    LimitKey read(const std::string& yaml) {
        config::FaultList faults;
        document_ = config::Document::parse("key: " + yaml + "\n", [](std::string_view) { return std::nullopt; }, faults);
        LimitKey key = LimitKey::read(config::Scope(faults), *document_->root().get("key"));
        fault_.clear();
        for (const auto& f : faults.all()) fault_ += f.code + ": " + f.message;
        return key;
    }

    // The key, or the code of the refusal.
    std::string key(const std::string& yaml) {
        const LimitKey k = read(yaml);
        EXPECT_EQ(fault_, "");
        std::string out;
        const auto done = k.build(x_, out);
        return done ? out : std::string(done.error().code()) + " " + done.error().context;
    }

    SystemClock clock_;
    observe::Registry registry_;
    std::unique_ptr<io::Loop> loop_;
    Context context_;
    Exchange x_;
    std::string fault_;
    std::shared_ptr<const config::Document> document_;
};

TEST_F(LimitKeyTest, IsTheClientsAddressWhereNothingElseIsSaid) {
    std::string out;
    ASSERT_TRUE(LimitKey().build(x_, out));
    EXPECT_EQ(out, "192.0.2.7");
}

TEST_F(LimitKeyTest, TakesAnIpv6ClientAsItsNetwork) {
    come_from("2001:db8:1:2:3:4:5:6");
    EXPECT_EQ(key("client.ip"), "2001:db8:1:2::/64");
    come_from("2001:db8:1:2:ffff::1");
    EXPECT_EQ(key("client.ip"), "2001:db8:1:2::/64");
    come_from("2001:db8:1:3::1");
    EXPECT_EQ(key("client.ip"), "2001:db8:1:3::/64");
    come_from("::ffff:192.0.2.9");
    EXPECT_EQ(key("client.ip"), "192.0.2.9");
}

TEST_F(LimitKeyTest, BothNotationsAreTheSame) {
    EXPECT_EQ(key("claims.sub"), "alice");
    EXPECT_EQ(key("\"{claims.sub}\""), "alice");
    EXPECT_EQ(key("claims.n"), "7");
    EXPECT_EQ(key("header.x-tenant"), "acme");
}

TEST_F(LimitKeyTest, JoinsSeveralByTheirLengths) {
    EXPECT_EQ(key("[client.ip, claims.sub]"), "9:192.0.2.75:alice");
    std::string one, other;
    append_joined(std::array<std::string_view, 2>{"a1:b", "c"}, one);
    append_joined(std::array<std::string_view, 2>{"a", "b1:c"}, other);
    EXPECT_NE(one, other);
}

TEST_F(LimitKeyTest, RefusesWhereAValueIsMissing) {
    EXPECT_THAT(key("header.X-Absent"), HasSubstr("header.X-Absent has no value"));
    EXPECT_THAT(key("header.X-Empty"), HasSubstr("header.X-Empty has no value"));
    EXPECT_THAT(key("query.q"), HasSubstr("query.q has no value"));
    for (const char* claim : {"absent", "none", "empty"}) {
        EXPECT_THAT(key(std::string("claims.") + claim), HasSubstr("has no value"));
    }
    EXPECT_THAT(key("[client.ip, claims.roles]"), HasSubstr("is a list or an object"));
}

TEST_F(LimitKeyTest, BlamesTheClientForItsValuesAndTheIdentityForItsClaims) {
    std::string out;
    EXPECT_EQ(read("header.X-Absent").build(x_, out).error().fault, Fault::value_refused);
    EXPECT_EQ(read("claims.absent").build(x_, out).error().fault, Fault::claim_refused);
}

TEST_F(LimitKeyTest, WillNotReadTextAroundAValue) {
    read("\"{client.ip}-{claims.sub}\"");
    EXPECT_THAT(fault_, HasSubstr("one value or a list of values"));
    read("[]");
    EXPECT_THAT(fault_, HasSubstr("empty"));
    read("[client.ip, query.a, query.b, query.c, query.d, query.e, query.f, query.g, query.h]");
    EXPECT_THAT(fault_, HasSubstr("1 to 8 values"));
    read("client.ipp");
    EXPECT_NE(fault_, "");
    read("[client.ip, nonsense.x]");
    EXPECT_NE(fault_, "");
}

TEST_F(LimitKeyTest, IsJudgedWhereItStands) {
    config::FaultList faults;
    const config::Scope scope(faults);
    const LimitKey by_claim = read("[client.ip, claims.sub]");
    EXPECT_TRUE(by_claim.check_place({{{}, true}}, {}, scope));
    EXPECT_FALSE(by_claim.check_place({{{}, false}}, {}, scope));
    const LimitKey by_parameter = read("id");
    EXPECT_TRUE(by_parameter.check_place({{{"id"}, false}}, {}, scope));
    EXPECT_FALSE(by_parameter.check_place({{{"name"}, false}}, {}, scope));
    EXPECT_EQ(faults.errors(), 2u);
}

TEST_F(LimitKeyTest, FirstIsWhatIsThereAndSaysWhichItWas) {
    const std::string first = "{ first: [claims.nobody, claims.empty, cookie.sid, claims.sub, client.ip] }";
    EXPECT_EQ(key(first), "10:claims.sub5:alice");
    x_.request.fields.add("Cookie", "a=b; sid=alice");
    EXPECT_EQ(key(first), "10:cookie.sid5:alice");
    EXPECT_EQ(key("{ first: [claims.nobody, client.ip] }"), "9:client.ip9:192.0.2.7");
    EXPECT_EQ(key("{ first: [claims.nobody, claims.none] }"), "route.claim_refused a limit's key: none of claims.nobody, claims.none has a value");
    EXPECT_EQ(key("{ first: [claims.nobody, header.x-empty] }"), "route.value_refused a limit's key: none of claims.nobody, header.x-empty has a value");
    // A list is there, and nobody can be counted by it.
    EXPECT_THAT(key("{ first: [claims.roles, client.ip] }"), HasSubstr("route.claim_refused"));
}

TEST_F(LimitKeyTest, AllIsEverybody) {
    EXPECT_EQ(key("all"), "all");
    EXPECT_FALSE(read("all").is_one_value());
    EXPECT_FALSE(read("{ first: [claims.sub, client.ip] }").is_one_value());
    EXPECT_FALSE(read("{ first: [client.ip, claims.sub] }").is_address());
    EXPECT_TRUE(read("client.ip").is_address());
}

TEST_F(LimitKeyTest, AnOptionalIdentityWillDoWhereAnotherValueStandsIn) {
    const auto may_stand = [&](const char* yaml, bool guaranteed, bool any) {
        config::FaultList faults;
        return read(yaml).check_place({{{}, guaranteed}, any}, {1, 1, 1}, config::Scope(faults));
    };
    EXPECT_TRUE(may_stand("{ first: [claims.sub, client.ip] }", false, true));
    EXPECT_FALSE(may_stand("{ first: [claims.sub, client.ip] }", false, false));
    EXPECT_FALSE(may_stand("[claims.sub, client.ip]", false, true));
    EXPECT_TRUE(may_stand("[claims.sub, client.ip]", true, true));
}

}  // namespace
}  // namespace portico::gateway
