// Several workers' views of one source, by schedules that are drawn: no worker loses keys, and none holds older ones than were
// promised. The seed of a failure stands in its message; PORTICO_SEED draws that schedule again.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <random>
#include <thread>

#include "policy/jwt/jwt_fixture.h"
#include "policy/jwt/key_texts.h"
#include "policy/jwt/remote_keys.h"

namespace portico::policy::jwt {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

KeySet keys_named(const std::string& kid) {
    static const evp::Pkey key = make_ec_key();
    static const KeySet one = *keys_from_json(ec_jwk(key.get(), "x"), KeyOrigin::published);
    EVP_PKEY_up_ref(key.get());
    return KeySet({Key::from_public(evp::Pkey(key.get()), one.keys()[0]->algorithms(), kid, true)});
}

// "none": no keys; "empty": an empty set.
std::string name_of(const std::shared_ptr<const KeySet>& keys) {
    return keys == nullptr ? "none" : keys->empty() ? "empty" : keys->keys()[0]->id();
}

uint32_t seed() {
    const char* set = std::getenv("PORTICO_SEED");
    return set == nullptr ? std::random_device()() : static_cast<uint32_t>(std::strtoul(set, nullptr, 10));
}
bool is_long() { return std::getenv("PORTICO_LONG") != nullptr; }

// Workers take up a snapshot while fetches end, one upon the other. The keys of the n-th fetch are named n and have the generation n:
// who holds older keys than their generation says would keep them until the next fetch, maybe for a day.
TEST(KeyRace, A73_a_worker_that_begins_while_a_fetch_ends_has_its_keys) {
    const uint32_t drawn = seed();
    SCOPED_TRACE("PORTICO_SEED=" + std::to_string(drawn));
    constexpr int kWorkers = 2;
    const int fetches = is_long() ? 5'000'000 : 100'000;
    const Time now{seconds(1000)};
    const auto source = std::make_shared<RemoteKeys>(RemoteKeys::Timing{Duration::zero(), kForever});
    std::barrier start(kWorkers + 1);
    std::atomic<bool> over{false};
    std::atomic<uint64_t> lost{0}, begun{0};
    std::vector<std::thread> workers;
    for (uint32_t w = 1; w <= kWorkers; ++w) {
        workers.emplace_back([&, w] {
            std::minstd_rand draw(drawn + w);
            start.arrive_and_wait();
            KeyView last(source);
            while (!over) {
                for (volatile uint32_t turns = draw() % 32; turns > 0; turns = turns - 1) {}
                const RemoteKeys::Held held = source->held();
                if (held.generation > 0 && (held.keys == nullptr || std::stoull(name_of(held.keys)) < held.generation)) ++lost;
                if (draw() % 8 == 0) last = KeyView(source);
                ++begun;
            }
            last.bring(now);
            if (name_of(last.keys()) != std::to_string(fetches)) ++lost;
        });
    }
    start.arrive_and_wait();
    for (int i = 1; i <= fetches; ++i) {
        ASSERT_TRUE(i == 1 ? source->begin_due_fetch(now) : source->begin_fetch_for("", now));
        source->end_fetch(keys_named(std::to_string(i)), minutes(10), now);
    }
    over = true;
    for (auto& t : workers) t.join();
    EXPECT_EQ(lost, 0u) << "of " << begun;
}

// One step after the other, in a drawn order and at drawn times, against a model in a few lines.
TEST(KeyRace, EveryWorkerHoldsWhatWasPromisedAtEveryMoment) {
    const uint32_t first = seed();
    for (uint32_t run = 0; run < (is_long() ? 20'000u : 300u); ++run) {
        SCOPED_TRACE("PORTICO_SEED=" + std::to_string(first + run));
        std::mt19937 draw(first + run);
        const Duration stale = draw() % 3 == 0 ? kForever : Duration(seconds(60 + draw() % 1200));
        const auto source = std::make_shared<RemoteKeys>(RemoteKeys::Timing{seconds(30), stale});
        std::vector<KeyView> views(3, KeyView(source));
        Time now{seconds(1000)};
        std::string model = "none";
        Time good_at{};
        std::optional<Time> doubted_at;
        bool fetching = false;
        int number = 0;
        const auto model_now = [&] {
            if (model != "none" && stale != kForever && now >= good_at + stale) model = "none";
            return model;
        };
        for (int step = 0; step < 200; ++step) {
            switch (draw() % 8) {
                case 0: now += milliseconds(draw() % 400'000); break;
                case 1:
                case 2:
                    if (!fetching) {
                        now = std::max(now, source->due());
                        fetching = source->begin_due_fetch(now);
                        ASSERT_TRUE(fetching) << "it was due";
                    }
                    break;
                case 3:
                    if (fetching) EXPECT_FALSE(source->begin_fetch_for("other", now) || source->begin_fetch_again(now));
                    else if (draw() % 2 == 0) fetching = source->begin_fetch_again(now);
                    else fetching = source->begin_fetch_for("k" + std::to_string(draw() % 3), now);
                    break;
                case 4:
                    if (!std::exchange(fetching, false)) break;
                    model = std::to_string(++number);
                    good_at = now;
                    doubted_at = std::nullopt;
                    source->end_fetch(keys_named(model), seconds(60 + draw() % 86'400), now);
                    if (stale != kForever) EXPECT_LE(source->due(), now + stale / 2);
                    break;
                case 5:
                    if (!fetching || model_now() == "none") break;
                    fetching = false;
                    source->end_fetch(KeySet(), minutes(10), now);
                    if (!doubted_at) doubted_at = now;
                    if (now >= *doubted_at + seconds(1)) {
                        model = "empty";
                        good_at = now;
                    }
                    break;
                case 6:
                    if (std::exchange(fetching, false)) source->fail_fetch(now);
                    break;
                case 7:
                    if (std::exchange(fetching, false)) source->abandon_fetch();
                    break;
            }
            KeyView& looking = views[draw() % views.size()];
            if (draw() % 16 == 0) looking = KeyView(source);  // a reload
            looking.bring(now);
            ASSERT_EQ(name_of(looking.keys()), model_now()) << "step " << step;
        }
    }
}

}  // namespace
}  // namespace portico::policy::jwt
