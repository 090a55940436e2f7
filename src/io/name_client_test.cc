#include "io/name_client.h"

#include <gtest/gtest.h>

#include "io/sim/network.h"

namespace portico::io {
namespace {

class Names : public ::testing::Test, private Root::Owner {
  protected:
    void ask_for(const std::string& host) { root.start(run(host), this); }
    void pass(Duration d) {
        const Time end = net.clock().now() + d;
        while (net.clock().now() < end) loop.turn(end - net.clock().now());
    }
    SimNetwork net;
    Loop loop{net.backend(), net.clock()};
    std::vector<std::pair<std::string, Resolver::Callback>> asked;
    NameClient client{loop, [this](std::string name, Resolver::Callback done) { asked.emplace_back(std::move(name), std::move(done)); }};
    std::optional<Result<std::vector<IpAddress>>> got;
    Root root;

  private:
    Task<void> run(std::string host) { got = co_await client.resolve(std::move(host), loop.now() + std::chrono::seconds(2)); }
    void on_root_done() override {}
};

TEST_F(Names, ALiteralNeedsNobody) {
    ask_for("::1");
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->front(), *IpAddress::parse("::1"));
    EXPECT_TRUE(asked.empty());
}

TEST_F(Names, AnAnswerWakesWhoWaits) {
    ask_for("redis");
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_FALSE(got);
    asked[0].second(DnsAnswer{{*IpAddress::parse("10.0.0.9")}, {}});
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->front(), *IpAddress::parse("10.0.0.9"));
}

TEST_F(Names, NobodyWaitsBeyondTheDeadlineAndALateAnswerHarmsNobody) {
    ask_for("redis");
    pass(std::chrono::seconds(3));
    ASSERT_TRUE(got && !*got);
    EXPECT_EQ(got->error().fault, Fault::upstream_unresolved);
    asked[0].second(DnsAnswer{{*IpAddress::parse("10.0.0.9")}, {}});
}

TEST_F(Names, WhoeverLeavesIsNotAwaited) {
    ask_for("redis");
    root.cancel();
    asked[0].second(fail(Fault::upstream_unresolved, "no such name"));
    EXPECT_FALSE(got);
}

}  // namespace
}  // namespace portico::io
