#include "edge/eviction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace portico::edge {
namespace {

struct One : Eviction::Member {
    One(Eviction& eviction, const char* host) : Member(eviction, *IpAddress::parse(host)) {}
    void waits() { Member::waits(used); }
    void is_served() {
        used = true;
        Member::is_served();
    }
    bool used = false;
};

TEST(Eviction, TheHostWithMostGivesWayAndWhoWasNeverUsedFirst) {
    Eviction eviction;
    One a1(eviction, "10.0.0.1"), a2(eviction, "10.0.0.1"), a3(eviction, "10.0.0.1"), b(eviction, "10.0.0.2");
    b.waits();
    for (One* one : {&a1, &a2, &a3}) one->waits();
    a1.is_served();
    a1.waits();
    EXPECT_EQ(eviction.next(), &a2);
    EXPECT_EQ(eviction.next(), &a3);
    EXPECT_EQ(eviction.next(), &a1) << "it still has most: those that were told to go are there until they are gone";
    EXPECT_EQ(eviction.next(), &b);
    EXPECT_EQ(eviction.next(), nullptr);
}

TEST(Eviction, WhoLingersGoesFirstTheLongestBeforeTheOthers) {
    Eviction eviction;
    One a(eviction, "10.0.0.1"), b(eviction, "10.0.0.2"), c(eviction, "10.0.0.3");
    a.waits();
    b.is_served();
    b.lingers();
    c.is_served();
    c.lingers();
    EXPECT_EQ(eviction.next(), &b);
    EXPECT_EQ(eviction.next(), &c);
    EXPECT_EQ(eviction.next(), &a);
}

TEST(Eviction, WhoIsServedStays) {
    Eviction eviction;
    One a(eviction, "10.0.0.1"), a2(eviction, "10.0.0.1"), b(eviction, "10.0.0.2");
    a.is_served();
    a2.is_served();
    EXPECT_EQ(eviction.next(), nullptr);
    b.waits();
    EXPECT_EQ(eviction.next(), &b);
}

TEST(Eviction, AnIpv6NetworkOf64BitsIsOneHost) {
    Eviction eviction;
    One a(eviction, "2001:db8::1"), a2(eviction, "2001:db8::ffff:2"), b(eviction, "2001:db8:0:1::1"), c(eviction, "10.0.0.1"), c2(eviction, "10.0.0.2");
    for (One* one : {&c, &c2, &b, &a, &a2}) one->waits();
    EXPECT_EQ(eviction.next(), &a);
    EXPECT_EQ(eviction.next(), &a2);
}

TEST(Eviction, HostsThatAreServedAreLookedAtOnce) {
    Eviction eviction;
    std::vector<std::unique_ptr<One>> served;
    for (int i = 0; i < 100'000; ++i) {
        const std::string host = "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
        for (int n = 0; n < 1 + (i == 7); ++n) {
            served.push_back(std::make_unique<One>(eviction, host.c_str()));
            served.back()->waits();
            served.back()->is_served();
        }
    }
    // Each of these would go over all of them: minutes.
    for (int i = 0; i < 20'000; ++i) ASSERT_EQ(eviction.next(), nullptr);
    served[500]->waits();
    EXPECT_EQ(eviction.next(), served[500].get());
    served[7]->waits();
    served[9]->waits();
    EXPECT_EQ(eviction.next(), served[7].get()) << "of the host with two";
    EXPECT_EQ(eviction.next(), served[9].get());
    EXPECT_EQ(eviction.next(), nullptr);
}

// Against a plain list of everybody.
TEST(Eviction, RandomStepsChooseAsAListDoes) {
    struct Known {
        int host;
        enum { served, waiting, lingering } state = served;
        bool used = false;
        uint64_t since = 0;
    };
    std::mt19937 random(11);
    Eviction eviction;
    std::map<One*, Known> all;
    std::map<int, uint32_t> connections;
    std::vector<std::unique_ptr<One>> owned;
    uint64_t now = 0;
    for (int step = 0; step < 20000; ++step, ++now) {
        const auto pick = [&]() -> std::unique_ptr<One>& { return owned[random() % owned.size()]; };
        switch (random() % 6) {
            case 0: {
                const int host = static_cast<int>(random() % 5);
                if (owned.size() > 40) break;
                owned.push_back(std::make_unique<One>(eviction, ("10.0.0." + std::to_string(host)).c_str()));
                all[owned.back().get()] = {host, Known::waiting, false, now};
                owned.back()->waits();
                ++connections[host];
                break;
            }
            case 1: {
                if (owned.empty()) break;
                auto& one = pick();
                --connections[all[one.get()].host];
                all.erase(one.get());
                std::swap(one, owned.back());
                owned.pop_back();
                break;
            }
            case 2:
                if (!owned.empty()) {
                    One* one = pick().get();
                    one->waits();
                    all[one].state = Known::waiting, all[one].since = now;
                }
                break;
            case 3:
                if (!owned.empty()) {
                    One* one = pick().get();
                    one->is_served();
                    all[one].state = Known::served, all[one].used = true;
                }
                break;
            case 4:
                if (!owned.empty()) {
                    One* one = pick().get();
                    one->lingers();
                    all[one].state = Known::lingering, all[one].since = now;
                }
                break;
            case 5: {
                auto* const got = static_cast<One*>(eviction.next());
                // What may be chosen: the first of an order in which hosts of equally many are alike.
                const auto rank = [&](const std::pair<One* const, Known>& k) {
                    const bool lingers = k.second.state == Known::lingering;
                    return std::tuple(!lingers, lingers ? 0u : ~connections[k.second.host]);
                };
                const std::pair<One* const, Known>* best = nullptr;
                for (const auto& k : all) {
                    if (k.second.state != Known::served && (best == nullptr || rank(k) < rank(*best))) best = &k;
                }
                ASSERT_EQ(got == nullptr, best == nullptr);
                if (got == nullptr) break;
                const auto& chosen = *all.find(got);
                ASSERT_EQ(rank(chosen), rank(*best));
                for (const auto& k : all) {
                    if (k.first == got || k.second.state != chosen.second.state) continue;
                    if (chosen.second.state == Known::waiting && k.second.host != chosen.second.host) continue;
                    const bool waiting = chosen.second.state == Known::waiting;
                    ASSERT_LT(std::pair(waiting && chosen.second.used, chosen.second.since), std::pair(waiting && k.second.used, k.second.since));
                }
                all[got].state = Known::served;
                break;
            }
        }
    }
}

}  // namespace
}  // namespace portico::edge
