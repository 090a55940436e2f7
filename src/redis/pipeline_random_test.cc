// A server that does anything at any time, on the network and the clock in memory: nobody gets another's reply, everybody is told
// something in bounded time, and a server that is well again is found. PORTICO_LONG=1 plays many more games; each is played again by
// its number.
#include <cstdlib>
#include <random>

#include "redis/redis_fixture.h"

namespace portico::redis {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

bool repeats_its_mark(Value reply, std::span<const std::string_view> arguments) { return reply.text() == arguments.back(); }
const Script kMarked("return ARGV[#ARGV]", repeats_its_mark);

class RandomServer : public SingleServer, public testing::WithParamInterface<int> {
  protected:
    struct Asked {
        std::string own;  // the only reply that may come
        std::unique_ptr<Caller> script;
        std::unique_ptr<Looking> lookup;
        bool done() const { return script ? script->done() : lookup->done(); }
        std::string said() const { return script ? script->said() : lookup->said(); }
    };

    void ask() {
        Asked asked;
        asked.own = "own" + std::to_string(++number_);
        if (random() % 2 == 0) asked.script = std::make_unique<Caller>(*client, kMarked, Words{"k"}, Words{asked.own}, kSoon);
        else asked.lookup = std::make_unique<Looking>(*client, asked.own);
        asked_.push_back(std::move(asked));
    }
    // The reply of a server that is well.
    static std::string reply_to(const Words& words) {
        if (words[0] == "EVALSHA" || words[0] == "EVAL") return "+" + words.back() + "\r\n";
        if (words[0] == "GET") return "+" + words[1] + "\r\n";
        if (words[0] == "PING") return "+" + (words.size() > 1 ? words[1] : "PONG") + "\r\n";
        return "+OK\r\n";
    }
    void answer_all() {
        settle();
        for (size_t i = 0; i < server->connections(); ++i) {
            Served& connection = server->at(i);
            while (!connection.closed && !connection.commands.empty()) {
                connection.say(reply_to(connection.commands.front()));
                connection.commands.pop_front();
                settle();
            }
        }
    }
    void misbehave() {
        if (server->connections() == 0) return;
        Served& connection = server->last();
        if (connection.closed) return;
        switch (random() % 12) {
            case 0: connection.say("-OOM command not allowed\r\n"); break;
            case 1: connection.say("+another's\r\n"); return;
            case 2: connection.say("-NOSCRIPT No matching script.\r\n"); break;
            case 3: connection.say("-READONLY You can't write against a read only replica.\r\n"); break;
            case 4: connection.say("*2\r\n:1\r\n:2\r\n"); break;
            case 5: connection.hang_up(); return;
            case 6: connection.say(">1\r\n+push\r\n"); return;
            default: return;
        }
        if (!connection.commands.empty()) connection.commands.pop_front();
    }
    void judge() {
        std::erase_if(asked_, [](const Asked& asked) {
            if (!asked.done()) return false;
            const std::string said = asked.said();
            EXPECT_TRUE(said == asked.own || said.starts_with("store.")) << said << " in place of " << asked.own;
            return true;
        });
    }
    uint64_t random() { return random_(); }

    std::mt19937_64 random_;
    std::vector<Asked> asked_;
    int number_ = 0;
};

TEST_P(RandomServer, A46_nobody_gets_anothers_reply_and_a_server_that_is_well_again_is_found) {
    const int games = std::getenv("PORTICO_LONG") != nullptr ? 2000 : 10;
    for (int game = GetParam() * games; game < (GetParam() + 1) * games; ++game) {
        SCOPED_TRACE("game " + std::to_string(game));
        random_.seed(static_cast<uint64_t>(game));
        asked_.clear();
        client.reset();
        server = nullptr;
        server = std::make_unique<FakeServer>(net, loop, "10.0.0.2:6379");
        Options options;
        options.max_in_flight = 1 + static_cast<uint32_t>(random() % 8);
        options.seed = random();
        client = make("redis://10.0.0.2:6379", options);
        for (int step = 0; step < 200; ++step) {
            for (uint64_t n = random() % 4; n > 0; --n) ask();
            if (random() % 3 == 0) misbehave();
            if (random() % 3 != 0) answer_all();
            pass(microseconds(random() % 8000));
            if (random() % 8 == 0 && !asked_.empty()) asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(random() % asked_.size()));
            judge();
            if (HasFailure()) return;
        }
        // Well again. Each has its time in the queue, and as much for its command.
        for (int i = 0; i < 400; ++i) {
            answer_all();
            pass(milliseconds(1));
        }
        judge();
        EXPECT_TRUE(asked_.empty());
        std::string said;
        for (int i = 0; i < 2000 && !said.starts_with("own"); ++i) {
            ask();
            answer_all();
            pass(milliseconds(2));
            if (asked_.back().done()) said = asked_.back().said();
            judge();
        }
        EXPECT_TRUE(said.starts_with("own"));
        EXPECT_EQ(client->state(), State::connected);
        if (HasFailure()) return;
    }
}
INSTANTIATE_TEST_SUITE_P(Games, RandomServer, testing::Range(0, 5));

}  // namespace
}  // namespace portico::redis
