// A real cluster of three masters: every slot is reached, a slot moves while commands run, a server dies.
#include "redis/real_server_fixture.h"
#include "redis/slots.h"

namespace portico::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Script kCount("return redis.call('INCR', KEYS[1])");

class RealCluster : public OnRealServers {
  protected:
    void SetUp() override {
        OnRealServers::SetUp();
        if (IsSkipped()) return;
        for (int i = 0; i < 3; ++i) {
            // Its own free port for the servers among themselves: the usual one, 10000 above, may be beyond the last.
            buses.push_back(std::to_string(free_port()));
            servers.push_back(std::make_unique<RealServer>(std::vector<std::string>{
                "--cluster-enabled", "yes", "--cluster-port", buses.back(), "--cluster-node-timeout", "2000",
                "--cluster-require-full-coverage", "no", "--cluster-allow-replica-migration", "no"}));
            ids.push_back(servers.back()->run({"CLUSTER", "MYID"}));
        }
        const char* const ranges[3][2] = {{"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}};
        for (int i = 0; i < 3; ++i) {
            ASSERT_EQ(servers[i]->run({"CLUSTER", "ADDSLOTSRANGE", ranges[i][0], ranges[i][1]}), "OK");
            ASSERT_EQ(servers[i]->run({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)}), "OK");
        }
        for (int i = 1; i < 3; ++i) {
            ASSERT_EQ(servers[0]->run({"CLUSTER", "MEET", "127.0.0.1", servers[i]->port_text(), buses[i]}), "OK");
        }
        ASSERT_TRUE(turn_until([&] {
            return std::ranges::all_of(servers, [](auto& s) {
                const std::string said = s->run({"CLUSTER", "INFO"});
                return said.find("cluster_state:ok") != std::string::npos && said.find("cluster_slots_ok:16384") != std::string::npos;
            });
        }, seconds(20)));
        client = make("redis+cluster://" + servers[1]->host_port() + "," + servers[0]->host_port());
    }
    // The server that holds a key at the beginning.
    int holder(const std::string& key) { return slot_of(key) < 5461 ? 0 : slot_of(key) < 10923 ? 1 : 2; }

    std::vector<std::string> buses, ids;
    std::vector<std::unique_ptr<RealServer>> servers;
    std::unique_ptr<Client> client;
};
INSTANTIATE_TEST_SUITE_P(Backends, RealCluster, testing::Values(io::BackendChoice::automatic));

TEST_P(RealCluster, EveryKeyIsCountedAtItsServer) {
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < 300; ++i) {
        callers.push_back(std::make_unique<Caller>(*client, kCount, Words{"key" + std::to_string(i)}, Words{}, in(seconds(5))));
    }
    EXPECT_TRUE(turn_until([&] { return std::ranges::all_of(callers, [](auto& c) { return c->done(); }); }));
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(callers[i]->said(), "1") << callers[i]->context();
        const std::string key = "key" + std::to_string(i);
        if (i % 20 == 0) EXPECT_EQ(servers[holder(key)]->run({"GET", key}), "1");
    }
    // Once the slots are known, nothing is redirected.
    const uint64_t redirects = client->counters().redirects;
    for (int i = 0; i < 30; ++i) EXPECT_EQ(eval(*client, kCount, {"key" + std::to_string(i)}, {}), "2");
    EXPECT_EQ(client->counters().redirects, redirects);
    EXPECT_EQ(client->state(), State::connected);
}

TEST_P(RealCluster, KeysOfOneScriptShareASlot) {
    EXPECT_EQ(eval(*client, kCount, {"{a}1", "{a}2"}, {}), "1");
    EXPECT_EQ(eval(*client, kCount, {"a", "b"}, {}), "gateway.internal");
    EXPECT_EQ(eval(*client, kCount, {}, {}), "gateway.internal");
}

TEST_P(RealCluster, ASlotMovesWhileItIsCountedIn) {
    const std::string slot = std::to_string(slot_of("{move}"));
    const int from = holder("{move}"), to = (from + 1) % 3;
    std::map<std::string, int> passed;
    std::vector<std::unique_ptr<Caller>> callers;
    std::vector<std::string> keys;
    for (int i = 0; i < 10; ++i) keys.push_back("{move}" + std::to_string(i));
    // A round of commands that are under way while `step` is done.
    const auto during = [&](auto step) {
        callers.clear();
        for (const std::string& key : keys) callers.push_back(std::make_unique<Caller>(*client, kCount, Words{key}, Words{}, in(seconds(5))));
        loop().turn(milliseconds(1));
        step();
        EXPECT_TRUE(turn_until([&] { return std::ranges::all_of(callers, [](auto& c) { return c->done(); }); }));
        for (size_t i = 0; i < keys.size(); ++i) {
            EXPECT_TRUE(callers[i]->result()) << callers[i]->context();
            passed[keys[i]] += callers[i]->result() ? 1 : 0;
        }
    };
    during([] {});
    during([&] { EXPECT_EQ(servers[to]->run({"CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from]}), "OK"); });
    during([&] { EXPECT_EQ(servers[from]->run({"CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to]}), "OK"); });
    for (const std::string& key : keys) {
        during([&] { EXPECT_EQ(servers[from]->run({"MIGRATE", "127.0.0.1", servers[to]->port_text(), key, "0", "1000"}), "OK"); });
    }
    EXPECT_GE(client->counters().redirects, 40u);
    during([&] { EXPECT_EQ(servers[to]->run({"CLUSTER", "SETSLOT", slot, "NODE", ids[to]}), "OK"); });
    during([&] { EXPECT_EQ(servers[from]->run({"CLUSTER", "SETSLOT", slot, "NODE", ids[to]}), "OK"); });
    during([] {});
    for (const std::string& key : keys) EXPECT_EQ(servers[to]->run({"GET", key}), std::to_string(passed[key])) << key;
    const uint64_t redirects = client->counters().redirects;
    during([] {});
    EXPECT_EQ(client->counters().redirects, redirects);
}

TEST_P(RealCluster, ADeadServerTakesOnlyItsOwnSlotsAlong) {
    std::vector<std::string> keys;
    for (int i = 0; keys.size() < 3; ++i) {
        if (holder("k" + std::to_string(i)) == static_cast<int>(keys.size())) keys.push_back("k" + std::to_string(i));
    }
    for (const std::string& key : keys) ASSERT_EQ(eval(*client, kCount, {key}, {}), "1");
    servers[0]->kill();
    EXPECT_TRUE(turn_until([&] { return client->state() == State::open; }));
    EXPECT_EQ(eval(*client, kCount, {keys[0]}, {}), "store.unavailable");
    EXPECT_EQ(eval(*client, kCount, {keys[1]}, {}), "2");
    EXPECT_EQ(eval(*client, kCount, {keys[2]}, {}), "2");
    servers[0]->start();
    EXPECT_TRUE(comes_to(*client, {"INCR", keys[0]}, "1"));
    EXPECT_TRUE(turn_until([&] { return client->state() == State::connected; }));
}

}  // namespace
}  // namespace portico::redis
