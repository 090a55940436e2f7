#include "policy/rate_limit/redis_script.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <random>

#include "policy/rate_limit/stores_under_test.h"
#include "policy/rate_limit/window_log.h"

namespace portico::policy::rate_limit {
namespace {

using namespace std::chrono_literals;
using enum Algorithm;

constexpr Algorithm kAll[] = {sliding_window, sliding_counter, token_bucket, fixed_window};

void expect_equal(const Decision& a, const Decision& b) {
    EXPECT_EQ(a.admitted, b.admitted);
    EXPECT_EQ(a.never, b.never);
    EXPECT_EQ(a.decided, b.decided);
    EXPECT_EQ(a.retry_after, b.retry_after);
    ASSERT_EQ(a.count, b.count);
    for (size_t i = 0; i < a.count; ++i) {
        EXPECT_EQ(a.windows[i].quota, b.windows[i].quota);
        EXPECT_EQ(a.windows[i].remaining, b.windows[i].remaining);
        EXPECT_EQ(a.windows[i].length, b.windows[i].length);
        EXPECT_EQ(a.windows[i].retry_after, b.windows[i].retry_after);
        EXPECT_EQ(a.windows[i].reset, b.windows[i].reset);
    }
}

// The quantum within which memory joins requests of these limits, and Redis does not.
Micros widest_quantum(const std::vector<Limit>& limits) {
    int64_t widest = 1;
    for (const Limit& l : limits) {
        for (const Window& w : l.windows) widest = std::max(widest, log_quantum(w.length.count()));
    }
    return Micros(widest);
}

// One number in its three most awkward sizes.
uint64_t some(std::mt19937_64& random, uint64_t most) {
    const uint64_t size = random() % 3;
    return 1 + random() % (size == 0 ? std::min<uint64_t>(most, 4) : size == 1 ? std::min<uint64_t>(most, 2000) : most);
}

TEST(RedisScript, DecidesToTheMicrosecondAsMemoryDoes) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 120; ++round) {
        RedisStore redis;
        MemoryStore memory;
        const Algorithm a = kAll[round % 4];
        std::vector<Limit> variants;  // of one name: reloads and clients' plans
        const uint64_t windows = 1 + random() % 3;
        for (int v = 0; v < 3; ++v) {
            Limit l{.name = "l", .algorithm = a, .charge_refused = round % 8 >= 6};
            for (uint64_t i = 0; i < windows; ++i) {
                const uint64_t length = 1000 + some(random, round % 3 == 0 ? 2'600'000'000'000 : 60'000'000);
                Window w{some(random, round % 5 == 0 ? kMaxQuota : 50), Micros(static_cast<int64_t>(length)), 0};
                if (a == token_bucket && random() % 2 == 0) w.burst = some(random, 2 * w.quota);
                l.windows.push_back(w);
            }
            if (!flaw_in(l)) variants.push_back(l);
        }
        if (variants.empty()) continue;
        const Micros apart = a == sliding_window ? widest_quantum(variants) : 1us;
        for (int i = 0; i < 150; ++i) {
            const Limit& l = variants[random() % 10 == 0 ? random() % variants.size() : 0];
            const uint64_t cost =
                random() % 20 == 0 ? 0 : some(random, std::min<uint64_t>(l.windows[0].quota, 1'000'000));
            SCOPED_TRACE(std::string(name_of(a)) + ", round " + std::to_string(round) + ", call " + std::to_string(i));
            const Decision d = memory.charge(l, "c", cost);
            expect_equal(d, redis.charge(l, "c", cost));
            if (testing::Test::HasFailure()) return;
            Micros by(static_cast<int64_t>(
                random() % 3 == 0 ? 0 : some(random, static_cast<uint64_t>(l.windows[0].length.count()) / 2)));
            if (random() % 8 == 0 && d.retry_after > 0us && d.retry_after < kMaxRefill) by = d.retry_after;
            // Only for the log: of the others, memory remembers that a refused call saw a later time. And not with more
            // units than an entry in memory holds.
            if (a == sliding_window && round % 5 != 0 && random() % 40 == 0)
                by = Micros(-static_cast<int64_t>(some(random, 100'000'000)));
            by = by / apart * apart + (by % apart > 0us ? apart : 0us);
            memory.advance(by);
            redis.advance(by);
        }
    }
}

TEST(RedisScript, CountsOnRedissOwnClock) {
    RedisCaller redis;
    for (const Algorithm a : kAll) {
        const Limit l = limit_of("real-" + std::string(name_of(a)), a, {{5, 100ms}});
        Decision d;
        // A counter may begin its window just now; then there is one round more.
        for (int i = 0; i < 12; ++i) {
            d = redis.charge(l, "c");
            if (!d.admitted) break;
        }
        ASSERT_FALSE(d.admitted) << name_of(a);
        EXPECT_GT(d.retry_after, 0us);
        EXPECT_LE(d.retry_after, 200ms);
        std::this_thread::sleep_for(d.retry_after);
        EXPECT_TRUE(redis.charge(l, "c").admitted) << name_of(a);
    }
}

TEST(RedisScript, R26ManyGatewaysPassExactlyTheQuotaTogether) {
    for (const Algorithm a : kAll) {
        const Limit l = limit_of("many-" + std::string(name_of(a)), a,
                                 {{500, std::chrono::days(30)}, {700, std::chrono::days(31)}});
        std::atomic<int> passed = 0;
        std::vector<std::jthread> gateways;
        for (int g = 0; g < 8; ++g) {
            gateways.emplace_back([&] {
                RedisCaller redis;
                for (int i = 0; i < 100; ++i) passed += redis.charge(l, "c").admitted;
            });
        }
        gateways.clear();
        EXPECT_EQ(passed, 500) << name_of(a);
    }
}

TEST(RedisScript, LetsItsKeysExpireWithTheirUsage) {
    RedisStore redis(true);
    for (const Algorithm a : kAll) redis.charge(limit_of("short", a, {{5, 2ms}, {5, 7ms}}, a != token_bucket), "c");
    // A token bucket's debt of one unit is a fifth of its window.
    redis.charge(limit_of("log", sliding_window, {{5, 60s}}), "c");
    redis.charge(limit_of("bucket", token_bucket, {{5, 60s}}), "c");
    EXPECT_NEAR(redis.connection().command({"PTTL", "portico:{log:c}:0w"}).numbers.at(0), 60'000, 500);
    EXPECT_NEAR(redis.connection().command({"PTTL", "portico:{bucket:c}:0b"}).numbers.at(0), 12'000, 500);
    for (int i = 0; i < 400; ++i) {
        if (redis.connection().command({"KEYS", "portico:{short:*"}).texts.empty()) return;
        std::this_thread::sleep_for(5ms);
    }
    ADD_FAILURE() << "keys outlive their usage";
}

TEST(RedisScript, KeepsNothingOfRequestsThatItRefuses) {
    RedisStore redis;
    for (const Algorithm a : kAll) {
        const Limit l = limit_of(std::string(name_of(a)), a, {{3, 60s}});
        redis.charge(l, "c", 4);
        redis.charge(l, "c", 0);
        EXPECT_TRUE(redis.connection().command({"KEYS", "portico:*"}).texts.empty());
    }
    const Limit l = limit_of("l", sliding_window, {{3, 60s}});
    for (int i = 0; i < 50; ++i) {
        redis.charge(l, "c");
        redis.advance(2ms);
    }
    EXPECT_EQ(redis.connection().command({"ZCARD", "portico:{l:c}:0w"}).numbers.at(0), 3);
}

TEST(RedisScript, KeepsTheLogAsASortedSetWithAnEntryForEachRequestInTheWindow) {
    RedisStore redis;
    const std::string key = "portico:{l:c}:0w";
    const Limit l = limit_of("l", sliding_window, {{10'000, 1s}});
    const int64_t begin = redis.now().count();
    for (int i = 0; i < 10; ++i) {
        for (int n = 0; n < 20; ++n) redis.charge(l, "c", n % 2 == 0 ? 1 : 7);
        redis.advance(1us);
    }
    EXPECT_EQ(redis.connection().command({"TYPE", key}).texts.at(0), "zset");
    EXPECT_EQ(redis.connection().command({"ZCARD", key}).numbers.at(0), 200);
    EXPECT_EQ(redis.connection().command({"ZRANGE", key, "1", "2", "WITHSCORES"}).texts,
              (std::vector<std::string>{"0000000000000008:7", std::to_string(begin), "0000000000000009:1",
                                        std::to_string(begin)}));
    EXPECT_EQ(redis.connection().command({"ZRANGE", key, "-1", "-1", "WITHSCORES"}).texts,
              (std::vector<std::string>{"0000000000000800:7", std::to_string(begin + 9)}));
    // A window after the fifth instant, just those that came later are left, and the newest.
    redis.advance(1s - 6us);
    redis.charge(l, "c");
    EXPECT_EQ(redis.connection().command({"ZCARD", key}).numbers.at(0), 101);
    EXPECT_GT(redis.connection().command({"PTTL", key}).numbers.at(0), 0);
}

TEST(RedisScript, DecidesInShortAsItDoesAtLength) {
    std::mt19937_64 random(4);
    for (int round = 0; round < 20; ++round) {
        RedisStore redis;
        const uint64_t quota = 1 + random() % 30;
        const Limit brief = limit_of("brief", sliding_window, {{quota, 1s}}, round % 5 == 0);
        const Limit full = limit_of("full", sliding_window, {{quota, 1s}}, round % 5 == 0);
        for (int i = 0; i < 150; ++i) {
            SCOPED_TRACE("round " + std::to_string(round) + ", call " + std::to_string(i));
            const uint64_t cost = random() % 4 == 0 ? random() % (quota + 2) : 1;
            expect_equal(redis.charge(brief, "c", cost), redis.charge_at_length(full, "c", cost));
            EXPECT_EQ(redis.connection().command({"ZRANGE", "portico:{brief:c}:0w", "0", "-1", "WITHSCORES"}).texts,
                      redis.connection().command({"ZRANGE", "portico:{full:c}:0w", "0", "-1", "WITHSCORES"}).texts);
            if (testing::Test::HasFailure()) return;
            const auto by = static_cast<int64_t>(random() % 100'000);
            redis.advance(Micros(random() % 30 == 0 ? -by : random() % 50 == 0 ? 10 * by : by));
        }
    }
}

TEST(RedisScript, A36_refused_requests_that_count_are_kept_no_longer_than_they_decide) {
    RedisStore redis;
    const Limit l = limit_of("l", sliding_window, {{10, 60s}}, true);
    std::vector<Micros> all;
    for (int i = 0; i < 3000; ++i) {
        EXPECT_EQ(redis.charge(l, "c").admitted, i < 10);
        all.push_back(redis.now());
        redis.advance(7us);
    }
    EXPECT_LE(redis.connection().command({"ZCARD", "portico:{l:c}:0w"}).numbers.at(0), 10 + 2 * 128);
    // What is left decides to the microsecond.
    const Decision last = redis.charge(l, "c");
    EXPECT_EQ(last.retry_after, all[all.size() - 9] + 60s - redis.now());
    redis.advance(last.retry_after - 1us);
    const Decision costly = redis.charge(l, "c", 10);
    EXPECT_EQ(costly.retry_after, 60s);
}

TEST(RedisScript, A36_a_long_log_that_has_expired_is_dropped_in_parts_and_counts_for_nothing) {
    for (const uint64_t windows : {1, 2}) {
        RedisStore redis;
        Limit l = limit_of("l", sliding_window, {{10'000, 1s}});
        if (windows == 2) l.windows.push_back({20'000, 10s});
        const std::string key = "portico:{l:c}:0w";
        const std::vector<uint64_t> many(100, 1);
        for (int i = 0; i < 40; ++i) {
            redis.charge_all(l, "c", many);
            redis.advance(10us);
        }
        redis.advance(500ms);
        EXPECT_EQ(redis.charge(l, "c", 7).windows[0].remaining, 10'000u - 4'007);
        redis.advance(499'790us);
        // 20 of the 40 instants are beyond the window, 20 within it.
        Decision d = redis.charge(l, "c", 9000);
        EXPECT_FALSE(d.admitted);
        EXPECT_EQ(d.windows[0].remaining, 10'000u - 2'007);
        // 1,007 units have to go: 11 instants of 100.
        EXPECT_EQ(d.retry_after, 110us);
        const int64_t left = redis.connection().command({"ZCARD", key}).numbers.at(0);
        EXPECT_GE(left, 3'400);
        EXPECT_LT(left, 4'001);
        redis.advance(1ms);
        for (uint64_t i = 0; i < 10; ++i) {
            d = redis.charge(l, "c");
            EXPECT_TRUE(d.admitted);
            EXPECT_EQ(d.windows[0].remaining, 10'000u - 8 - i);
            EXPECT_EQ(d.windows[0].reset, 499'210us);
        }
        EXPECT_EQ(redis.connection().command({"ZCARD", key}).numbers.at(0), 11);
    }
}

// As a history of instants and costs tells it, without running sums or quanta.
TEST(RedisScript, FindsTheEntryThatARefusedCostWaitsFor) {
    std::mt19937_64 random(5);
    for (int round = 0; round < 30; ++round) {
        RedisStore redis;
        const Limit l = limit_of("l", sliding_window, {{1000, 1s}});
        std::vector<std::pair<Micros, uint64_t>> history;
        uint64_t used = 0;
        for (uint64_t cost; used + (cost = 1 + random() % (round % 2 == 0 ? 1 : 40)) <= 1000; used += cost) {
            EXPECT_TRUE(redis.charge(l, "c", cost).admitted);
            history.emplace_back(redis.now(), cost);
            redis.advance(Micros(static_cast<int64_t>(random() % 3)));
        }
        for (int i = 0; i < 40; ++i) {
            const uint64_t cost = 1000 - used + 1 + random() % used;
            uint64_t left = used;
            auto freed = history.begin();
            for (; left + cost > 1000; ++freed) left -= freed->second;
            EXPECT_EQ(redis.charge(l, "c", cost).retry_after, std::prev(freed)->first + 1s - redis.now());
        }
    }
}

TEST(RedisScript, KeepsTheUsageOfARefusedClientForALengthenedWindow) {
    RedisStore redis(true);
    redis.charge(limit_of("l", sliding_window, {{1, 60s}}), "c");
    EXPECT_FALSE(redis.charge(limit_of("l", sliding_window, {{1, 600s}}), "c").admitted);
    EXPECT_GT(redis.connection().command({"PTTL", "portico:{l:c}:0w"}).numbers.at(0), 599'000);
}

TEST(RedisScript, KeepsItsSumsExactHoweverLongAKeyLives) {
    RedisStore redis;
    const Limit l = limit_of("l", sliding_window, {{100, 60s}});
    redis.connection().command({"ZADD", "portico:{l:c}:0w", std::to_string((redis.now() - 1s).count()),
                                "9007199254740991:40"});
    EXPECT_EQ(redis.charge(l, "c", 50).windows[0].remaining, 10u);
    EXPECT_EQ(redis.connection().command({"ZRANGE", "portico:{l:c}:0w", "0", "-1"}).texts,
              (std::vector<std::string>{"0000000000000040:40", "0000000000000090:50"}));
    EXPECT_EQ(redis.charge(l, "c", 50).retry_after, 60s);
}

TEST(RedisScript, IsKnownByTheDigestThatRedisComputes) {
    RedisStore redis;
    const auto reply = redis.connection().command({"SCRIPT", "LOAD", std::string(redis_script())});
    EXPECT_EQ(reply.texts.at(0), redis_script_digest());
}

// A port that was free just now, for the cluster's own traffic: it can be no socket in a folder.
std::string free_port() {
    const int s = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(s, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(s, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(s);
    return std::to_string(ntohs(address.sin_port));
}

// Several requests of one key in one command are decided as if each had come alone at that instant.
TEST(RedisScript, A36_requests_in_one_command_are_decided_as_those_that_come_one_by_one) {
    std::mt19937_64 random(36);
    for (int round = 0; round < 60; ++round) {
        RedisStore redis;
        const Algorithm a = kAll[round % 4];
        Limit l{.name = "l", .algorithm = a, .charge_refused = round % 8 >= 6};
        const uint64_t windows = 1 + static_cast<uint64_t>(round) / 4 % 3;
        for (uint64_t i = 0; i < windows; ++i) {
            Window w{some(random, 60), Micros(static_cast<int64_t>(1000 + some(random, 60'000'000))), 0};
            if (a == token_bucket && random() % 2 == 0) w.burst = some(random, 2 * w.quota);
            l.windows.push_back(w);
        }
        if (flaw_in(l)) continue;
        for (int i = 0; i < 12; ++i) {
            SCOPED_TRACE(std::string(name_of(a)) + ", round " + std::to_string(round) + ", command " + std::to_string(i));
            std::vector<uint64_t> costs(1 + random() % (i % 4 == 0 ? 128 : 5));
            // Mostly one cost, as clients are, which the script repeats a refusal for.
            for (uint64_t& cost : costs) cost = random() % 4 != 0 ? 1 : random() % 20 == 0 ? 0 : some(random, 1 + l.windows[0].quota);
            const auto together = redis.charge_all(l, "together", costs);
            for (size_t n = 0; n < costs.size(); ++n) {
                SCOPED_TRACE("request " + std::to_string(n) + " of " + std::to_string(costs[n]));
                expect_equal(together[n], redis.charge(l, "alone", costs[n]));
                if (testing::Test::HasFailure()) return;
            }
            redis.advance(Micros(static_cast<int64_t>(some(random, static_cast<uint64_t>(l.windows[0].length.count()) / 2))));
        }
    }
}

TEST(RedisScript, RunsInAClusterWithAllKeysOfACallInOneSlot) {
    RedisServer server({"--cluster-enabled", "yes", "--cluster-port", free_port(), "--bind", "127.0.0.1"});
    RedisCaller redis(server);
    redis.connection().command({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
    for (int i = 0; i < 2000 && redis.connection().command({"GET", "x"}).error.starts_with("CLUSTERDOWN"); ++i) {
        std::this_thread::sleep_for(5ms);
    }
    for (const Algorithm a : kAll) {
        const Limit l = limit_of("fair use}{", a, {{1, 60s}, {2, 600s}, {3, 6000s}});
        for (const std::string_view client : {"", "c", "}{", "{}"}) {
            const RedisForm form(l);
            const uint64_t costs[] = {1};
            const RedisQuestion question(form, client, costs, 1);
            const auto slot_of = [&](size_t i) {
                return redis.connection().command({"CLUSTER", "KEYSLOT", std::string(question.keys()[i])}).numbers.at(0);
            };
            EXPECT_EQ(slot_of(0), slot_of(1));
            EXPECT_EQ(slot_of(0), slot_of(2));
            EXPECT_TRUE(redis.charge(l, client).admitted);
            EXPECT_FALSE(redis.charge(l, client).admitted);
        }
    }
}

TEST(RedisScript, ARejectedReplyIsAFaultOfTheStore) {
    const Limit l = limit_of("l", sliding_window, {{5, 1s}});
    EXPECT_TRUE(decode_redis_reply(l, 1, std::vector<int64_t>{1, 1, 0, 1'000'000}));
    for (const std::vector<int64_t>& bad : {std::vector<int64_t>{},
                                            {1},
                                            {1, 1, 0},
                                            {2, 1, 0, 0},
                                            {1, -1, 0, 0},
                                            {1, 1, 0, -1},
                                            {1, 1, 0, 0, 0, 0, 0},
                                            {0, 5, 0, 0},
                                            {1, 1, 4'000'000, 0}}) {
        const auto d = decode_redis_reply(l, 1, bad);
        ASSERT_FALSE(d);
        EXPECT_EQ(d.error().fault, Fault::store_protocol);
    }
    for (const Algorithm a : kAll) {
        std::mt19937_64 random(3);
        const Limit any = limit_of("l", a, {{5, 1s}, {7, 3s}});
        for (int i = 0; i < 20'000; ++i) {
            std::vector<int64_t> reply{static_cast<int64_t>(random() % 2)};
            for (int n = 0; n < 6; ++n) reply.push_back(static_cast<int64_t>(random()) >> random() % 64);
            const auto d = decode_redis_reply(any, 1, reply);
            if (d) EXPECT_EQ(d->admitted, d->retry_after == 0us);
        }
    }
}

}  // namespace
}  // namespace portico::policy::rate_limit
