// A real master with a replica and two sentinels: failed over by force and by hand.
#include "redis/real_server_fixture.h"

namespace portico::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RealSentinel : public OnRealServers {
  protected:
    void SetUp() override {
        OnRealServers::SetUp();
        if (IsSkipped()) return;
        master = std::make_unique<RealServer>(std::vector<std::string>{"--repl-diskless-sync-delay", "0"});
        replica = std::make_unique<RealServer>(
            std::vector<std::string>{"--replicaof", "127.0.0.1 " + master->port_text(), "--repl-diskless-sync-delay", "0"});
        const std::vector<std::string> watch{
            "sentinel monitor mymaster 127.0.0.1 " + master->port_text() + " 2",
            "sentinel down-after-milliseconds mymaster 300",
            "sentinel failover-timeout mymaster 3000",
        };
        for (int i = 0; i < 2; ++i) sentinels.push_back(std::make_unique<RealServer>(watch, true));
        // They must know each other and the replica before a failover can succeed.
        ASSERT_TRUE(turn_until([&] {
            return std::ranges::all_of(sentinels, [](auto& s) {
                const std::string said = s->run({"SENTINEL", "MASTER", "mymaster"});
                return said.find("num-slaves 1 num-other-sentinels 1") != std::string::npos;
            });
        }, seconds(20)));
        ASSERT_TRUE(turn_until([&] { return replica->run({"INFO", "replication"}).find("master_link_status:up") != std::string::npos; }));
        Options options;
        options.most_backoff = milliseconds(100);
        client = make("redis+sentinel://" + sentinels[0]->host_port() + "," + sentinels[1]->host_port() + "/mymaster", options);
    }
    std::unique_ptr<RealServer> master, replica;
    std::vector<std::unique_ptr<RealServer>> sentinels;
    std::unique_ptr<Client> client;
};
INSTANTIATE_TEST_SUITE_P(Backends, RealSentinel, testing::Values(io::BackendChoice::automatic));

TEST_P(RealSentinel, AKilledMasterIsFollowedToItsReplica) {
    ASSERT_EQ(ask(*client, {"SET", "k", "v"}), "OK");
    ASSERT_EQ(master->run({"WAIT", "1", "5000"}), "1");
    master->kill();
    sentinels[0]->kill();
    sentinels[0]->start();
    ASSERT_TRUE(comes_to(*client, {"SET", "k", "w"}, "OK", seconds(30)));
    EXPECT_EQ(replica->run({"GET", "k"}), "w");
    EXPECT_EQ(client->state(), State::connected);
}

TEST_P(RealSentinel, AMasterThatIsPutAsideIsLeftAtOnce) {
    ASSERT_EQ(ask(*client, {"SET", "k", "v"}), "OK");
    ASSERT_EQ(sentinels[0]->run({"SENTINEL", "FAILOVER", "mymaster"}), "OK");
    ASSERT_TRUE(turn_until([&] { return replica->run({"ROLE"}).starts_with("[master"); }, seconds(30)));
    // The old one is told later than the new one: until then it still takes what will be lost.
    EXPECT_TRUE(turn_until([&] { return ask(*client, {"SET", "k", "w"}) == "OK" && replica->run({"GET", "k"}) == "w"; }, seconds(15)));
}

TEST_P(RealSentinel, ANameThatNoSentinelKnowsIsAnOutage) {
    const auto other = make("redis+sentinel://" + sentinels[0]->host_port() + "/nobody");
    Caller caller(*other, {"GET", "k"}, in(seconds(1)));
    EXPECT_TRUE(turn_until([&] { return caller.done(); }));
    EXPECT_THAT(caller.context(), testing::HasSubstr("knows no master nobody"));
}

}  // namespace
}  // namespace portico::redis
