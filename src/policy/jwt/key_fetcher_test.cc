#include "policy/jwt/key_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "io/sim/network.h"
#include "policy/jwt/jwt_fixture.h"

namespace portico::policy::jwt {
namespace {

using ::testing::HasSubstr;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const SocketAddress kIssuer = *SocketAddress::parse("10.0.0.1:80");

std::string answer(std::string_view body, std::string_view more = "", std::string_view status = "200 OK") {
    return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(more) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// An issuer on the network in memory: a text for each path, or no answer at all.
class Site final : private io::Acceptor::Sink {
  public:
    Site(io::SimNetwork& net, io::Loop& loop) : loop_(loop) { acceptor_ = loop.backend().listen(net.listener(kIssuer), *this); }

    std::map<std::string, std::string> pages;
    std::vector<std::string> asked;
    bool silent = false;
    // Answers what was left without one.
    void speak() {
        silent = false;
        for (auto& c : connections_) {
            if (c->waiting) c->root.start(say(*c), nullptr);
        }
    }

  private:
    struct Connection {
        std::unique_ptr<io::Stream> stream;
        std::string path;
        bool waiting = false;
        io::Buffer in, out;
        io::Root root;
    };
    void on_accept(std::unique_ptr<io::Stream> stream) override {
        connections_.push_back(std::make_unique<Connection>());
        connections_.back()->stream = std::move(stream);
        connections_.back()->root.start(hear(*connections_.back()), nullptr);
    }
    void on_accept_error(int) override {}
    io::Task<void> hear(Connection& c) {
        while (c.in.view().find("\r\n\r\n") == std::string_view::npos) {
            c.in.ensure(loop_.buffers(), io::kLargeBuffer);
            if (const auto got = co_await c.stream->read(c.in); got.value <= 0) co_return;
        }
        const std::string_view head = c.in.view();
        const size_t begin = head.find(' ') + 1;
        c.path = head.substr(begin, head.find(' ', begin) - begin);
        c.in.clear();
        asked.push_back(c.path);
        c.waiting = silent;
        if (!silent) co_await say(c);
    }
    io::Task<void> say(Connection& c) {
        c.waiting = false;
        std::string text = pages.contains(c.path) ? pages[c.path] : answer("", "", "404 Not Found");
        while (!text.empty()) {
            c.out.ensure(loop_.buffers(), io::kLargeBuffer);
            text.erase(0, c.out.append(text));
            if (const auto sent = co_await c.stream->write(c.out); !sent.ok()) co_return;
        }
    }

    io::Loop& loop_;
    std::unique_ptr<io::Acceptor> acceptor_;
    std::vector<std::unique_ptr<Connection>> connections_;
};

class Waiter {
  public:
    Waiter(KeyFetcher& fetcher, Time deadline) { root_.start(run(fetcher, deadline), nullptr); }
    bool done() const { return done_; }

  private:
    io::Task<void> run(KeyFetcher& fetcher, Time deadline) {
        co_await fetcher.end(deadline);
        done_ = true;
    }
    bool done_ = false;
    io::Root root_;
};

class Fetching : public ::testing::Test {
  protected:
    Fetching() {
        context.resolve = [](std::string, Time) { return address(); };
        context.say = [this](const std::string& line) { said += line + "\n"; };
        settings.url = "http://id.test/keys";
        publish("k1");
    }
    static io::Task<Result<std::vector<IpAddress>>> address() { co_return std::vector<IpAddress>{kIssuer.ip}; }
    void publish(const std::string& kid, std::string_view more = "Cache-Control: max-age=600\r\n") {
        site.pages["/keys"] = answer(R"({"keys":[)" + ec_jwk(key.get(), kid) + "]}", more);
    }
    std::unique_ptr<KeyFetcher> fetcher() {
        if (keys == nullptr) keys = std::make_shared<RemoteKeys>(RemoteKeys::Timing{settings.cooldown, settings.stale});
        return std::make_unique<KeyFetcher>(context, epoch, settings, keys);
    }
    void pass(Duration d) {
        const Time end = net.clock().now() + d;
        while (net.clock().now() < end) loop.turn(end - net.clock().now());
        do loop.turn(Duration::zero());
        while (net.busy());
    }
    // What is due now, and what follows from it.
    void settle() { pass(milliseconds(2)); }
    std::string kid() const { return keys->held().keys == nullptr ? "none" : keys->held().keys->keys()[0]->id(); }
    std::optional<double> shown(const char* begin, const char* label = "") const {
        for (const auto& line : split(registry.exposition())) {
            if (line.starts_with(begin) && line.find(label) != std::string::npos) return std::stod(line.substr(line.rfind(' ')));
        }
        return std::nullopt;
    }
    double counted(const char* result) const { return shown("portico_jwt_key_fetches_total{", result).value_or(0); }
    // In seconds; -1: not shown.
    double age() const { return shown("portico_jwt_keys_age_seconds{source=\"http://id.test/keys\"}").value_or(-1); }
    static std::vector<std::string> split(const std::string& text) {
        std::vector<std::string> lines;
        for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) lines.push_back(text.substr(at, end - at));
        return lines;
    }

    evp::Pkey key = make_ec_key();
    io::SimNetwork net;
    io::Loop loop{net.backend(), net.clock()};
    observe::Registry registry;
    gateway::Context context{loop, registry, 1};
    gateway::Epoch epoch;
    Site site{net, loop};
    RemoteKeySettings settings;
    std::shared_ptr<RemoteKeys> keys;
    std::string said;
};

TEST_F(Fetching, TheKeysAreFetchedAsSoonAsTheWorkerRuns) {
    const auto f = fetcher();
    EXPECT_TRUE(site.asked.empty());
    settle();
    EXPECT_EQ(kid(), "k1");
    EXPECT_THAT(site.asked, ::testing::ElementsAre("/keys"));
    EXPECT_EQ(said, "");
    EXPECT_EQ(counted("good"), 1);
}

TEST_F(Fetching, AServiceOfTheConfigurationMayHaveThem) {
    settings.service = 1;
    settings.path = "/of/service";
    settings.url = "service keys /of/service";
    site.pages["/of/service"] = site.pages["/keys"];
    for (const char* name : {"other", "keys"}) epoch.services.push_back(std::make_shared<upstream::Service>(loop, name));
    epoch.services[1]->update({{"keys.test", {kIssuer}, {}}}, {});
    const auto f = fetcher();
    settle();
    EXPECT_EQ(kid(), "k1") << said;
    EXPECT_THAT(site.asked, ::testing::ElementsAre("/of/service"));
}

TEST_F(Fetching, AnIssuersDocumentNamesThem) {
    settings.discovery = true;
    settings.issuer = settings.url = "http://id.test/realm/";
    site.pages["/realm/.well-known/openid-configuration"] = answer(R"({"issuer":"http://id.test/realm/","jwks_uri":"http://keys.test/keys"})");
    const auto f = fetcher();
    settle();
    EXPECT_EQ(kid(), "k1") << said;
    EXPECT_THAT(site.asked, ::testing::ElementsAre("/realm/.well-known/openid-configuration", "/keys"));
}

TEST_F(Fetching, ADocumentOfAnotherIssuerIsNotFollowed) {
    settings.discovery = true;
    settings.issuer = settings.url = "http://id.test";
    site.pages["/.well-known/openid-configuration"] = answer(R"({"issuer":"http://evil.test","jwks_uri":"http://keys.test/keys"})");
    const auto f = fetcher();
    settle();
    EXPECT_EQ(kid(), "none");
    EXPECT_EQ(site.asked.size(), 1u);
    EXPECT_THAT(said, HasSubstr("could not be fetched"));
}

TEST_F(Fetching, WhatIsHttpsIsNeverAskedInTheClear) {
    settings.url = "https://id.test:80/keys";
    const auto f = fetcher();
    settle();
    EXPECT_TRUE(site.asked.empty());
    EXPECT_THAT(said, HasSubstr("upstream.tls"));
}

class BadAnswer : public Fetching, public ::testing::WithParamInterface<std::pair<std::string, const char*>> {};
TEST_P(BadAnswer, IsToldAndTriedAgain) {
    const std::string good = site.pages["/keys"];
    site.pages["/keys"] = GetParam().first == "too long" ? answer(std::string(300 * 1024, ' ')) : GetParam().first;
    const auto f = fetcher();
    settle();
    EXPECT_EQ(kid(), "none");
    EXPECT_THAT(said, HasSubstr(GetParam().second));
    EXPECT_EQ(counted("failed"), 1);
    site.pages["/keys"] = good;
    pass(seconds(1));
    EXPECT_EQ(kid(), "k1");
    EXPECT_THAT(said, HasSubstr("were fetched again"));
}
INSTANTIATE_TEST_SUITE_P(All, BadAnswer, ::testing::Values(
    std::pair{answer("", "", "500 Internal Server Error"), "status 500"}, std::pair{answer("", "Location: /k\r\n", "302 Found"), "status 302"},
    std::pair{answer("{"), "the keys:"}, std::pair{answer(R"({"keys":[]})"), "the keys:"}, std::pair{answer(R"({"keys":[{"kty":"oct","k":"c2VjcmV0"}]})"), "the keys:"},
    std::pair{std::string("too long"), "response.too_large"}, std::pair{std::string("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), "upstream."},
    std::pair{std::string("not http at all\r\n\r\n"), "upstream."}));

TEST_F(Fetching, AnIssuerThatIsSilentIsGivenUpAfterTheTimeout) {
    site.silent = true;
    settings.timeout = seconds(2);
    const auto f = fetcher();
    pass(seconds(1));
    EXPECT_TRUE(keys->fetching());
    pass(milliseconds(1100));
    EXPECT_FALSE(keys->fetching());
    EXPECT_THAT(said, HasSubstr("upstream.total_timeout"));
}

TEST_F(Fetching, WhoWaitsGoesOnWhenTheKeysAreThere) {
    site.silent = true;
    const auto f = fetcher();
    settle();
    Waiter one(*f, loop.now() + seconds(5)), two(*f, loop.now() + seconds(5));
    settle();
    EXPECT_FALSE(one.done());
    site.speak();
    settle();
    EXPECT_TRUE(one.done());
    EXPECT_TRUE(two.done());
    EXPECT_EQ(kid(), "k1");
    Waiter late(*f, loop.now() + seconds(5));
    EXPECT_TRUE(late.done()) << "nobody fetches: there is nothing to wait for";
}

TEST_F(Fetching, NobodyWaitsBeyondTheDeadline) {
    site.silent = true;
    const auto f = fetcher();
    settle();
    Waiter one(*f, loop.now() + milliseconds(300));
    pass(milliseconds(400));
    EXPECT_TRUE(one.done());
    EXPECT_TRUE(keys->fetching());
    site.speak();
    settle();
    EXPECT_EQ(kid(), "k1");
}

TEST_F(Fetching, WhoLeavesWhileItWaitsIsNotWoken) {
    site.silent = true;
    const auto f = fetcher();
    settle();
    auto gone = std::make_unique<Waiter>(*f, loop.now() + seconds(5));
    Waiter stays(*f, loop.now() + seconds(5));
    gone.reset();
    EXPECT_EQ(keys->waiting(), 1u);
    site.speak();
    settle();
    EXPECT_TRUE(stays.done());
}

TEST_F(Fetching, WhoLeavesBetweenTheEndAndItsTurnIsNotWoken) {
    site.silent = true;
    const auto f = fetcher();
    settle();
    auto gone = std::make_unique<Waiter>(*f, loop.now() + seconds(5));
    keys->abandon_fetch();  // posts the wake-up
    gone.reset();
    settle();
}

TEST_F(Fetching, OneWorkerFetchesForAll) {
    const auto a = fetcher(), b = fetcher();
    pass(seconds(5));
    EXPECT_EQ(site.asked.size(), 1u);
    EXPECT_EQ(keys->held().generation, 1u);
}

TEST_F(Fetching, AReloadInMidFetchLeavesNobodyWithoutKeys) {
    site.silent = true;
    auto old = fetcher();
    settle();
    auto next = fetcher();  // the same source in the next snapshot: the old one is fetching
    settle();
    Waiter waiting(*next, loop.now() + seconds(5));
    EXPECT_FALSE(waiting.done());
    old.reset();
    settle();
    EXPECT_TRUE(waiting.done());
    site.silent = false;
    EXPECT_TRUE(next->fetch_due());
    settle();
    EXPECT_EQ(kid(), "k1");
    EXPECT_EQ(keys->counts().failures, 0u);
}

TEST_F(Fetching, TheNextSnapshotFetchesByItselfWhatTheLastGaveUp) {
    site.silent = true;
    auto old = fetcher();
    settle();
    auto next = fetcher();
    settle();
    old.reset();
    site.silent = false;
    pass(seconds(1));
    EXPECT_EQ(kid(), "k1");
}

TEST_F(Fetching, A82_keys_that_were_withdrawn_are_said_and_counted) {
    const auto f = fetcher();
    settle();
    EXPECT_EQ(shown("portico_jwt_keys{"), 1);
    site.pages["/keys"] = answer(R"({"keys":[]})");
    pass(minutes(9));
    EXPECT_EQ(kid(), "k1");
    EXPECT_THAT(said, HasSubstr("asked once more"));
    pass(seconds(2));
    ASSERT_NE(keys->held().keys, nullptr);
    EXPECT_TRUE(keys->held().keys->empty());
    EXPECT_THAT(said, HasSubstr("were withdrawn"));
    EXPECT_EQ(counted("empty"), 2);
    EXPECT_EQ(counted("failed"), 0);
    EXPECT_EQ(shown("portico_jwt_keys{"), 0);
}

TEST_F(Fetching, A85_an_old_snapshots_fetcher_rests) {
    publish("k1", "Cache-Control: max-age=60\r\n");
    context.epoch = std::make_shared<gateway::Epoch>();
    const auto old = fetcher();
    pass(minutes(10));
    EXPECT_TRUE(site.asked.empty()) << "its epoch is not the one that runs";
    EXPECT_TRUE(old->fetch_due()) << "but whoever still waits there is served";
    settle();
    EXPECT_EQ(kid(), "k1");
    context.epoch = nullptr;
}

TEST_F(Fetching, AKeyThatIsNotKnownIsLookedForOnceInACooldown) {
    const auto f = fetcher();
    settle();
    publish("k2");
    EXPECT_TRUE(f->look_for("k2"));
    EXPECT_TRUE(f->look_for("other")) << "the same fetch answers";
    settle();
    EXPECT_EQ(kid(), "k2");
    for (int i = 0; i < 10000; ++i) ASSERT_FALSE(f->look_for("random-" + std::to_string(i)));
    EXPECT_EQ(site.asked.size(), 2u);
    pass(seconds(30));
    EXPECT_TRUE(f->look_for("one more"));
}

TEST_F(Fetching, KeysAreFetchedAnewBeforeTheyGoStale) {
    const auto f = fetcher();
    settle();
    publish("k2");
    pass(minutes(9) - seconds(1));
    EXPECT_EQ(kid(), "k1");
    pass(seconds(2));
    EXPECT_EQ(kid(), "k2");
    EXPECT_EQ(site.asked.size(), 2u);
}

TEST_F(Fetching, WithoutAWordOnFreshnessTheyAreFetchedAtTheConfiguredDistance) {
    settings.refresh = minutes(5);
    publish("k1", "");
    const auto f = fetcher();
    settle();
    pass(hours(1));
    EXPECT_EQ(site.asked.size(), 1u + 13u);  // every 4.5 minutes
}

TEST_F(Fetching, AnIssuerThatForbidsKeepingIsAskedOnceAMinuteAtMost) {
    publish("k1", "Cache-Control: no-store\r\n");
    const auto f = fetcher();
    settle();
    pass(minutes(10));
    EXPECT_LE(site.asked.size(), 12u);
}

TEST_F(Fetching, WhileTheIssuerIsDownForAnHourItsKeysServe) {
    const auto f = fetcher();
    settle();
    const auto before = keys->held().generation;
    site.pages["/keys"] = answer("", "", "503 Service Unavailable");
    for (int i = 0; i < 3600; ++i) {
        pass(seconds(1));
        ASSERT_EQ(kid(), "k1");
    }
    EXPECT_EQ(keys->held().generation, before);
    EXPECT_LT(site.asked.size(), 70u);
    publish("k2");
    pass(seconds(61));
    EXPECT_EQ(kid(), "k2");
    EXPECT_THAT(said, HasSubstr("were fetched again"));
}

TEST_F(Fetching, TheAgeOfTheKeysGrowsWhileTheIssuerIsDownAndFallsWhenItIsBack) {
    const std::string good = site.pages["/keys"];
    site.pages["/keys"] = answer("", "", "503 Service Unavailable");
    auto f = fetcher(), other_workers = fetcher();
    pass(minutes(2));
    EXPECT_EQ(age(), -1) << "there were no keys yet";
    site.pages["/keys"] = good;
    pass(seconds(5));
    EXPECT_LE(age(), 5);
    for (int hour = 0; hour < 3; ++hour) {
        pass(minutes(60));
        ASSERT_LE(age(), 540) << "fetched anew after nine tenths of ten minutes";
    }
    site.pages["/keys"] = answer("", "", "503 Service Unavailable");
    pass(minutes(120));
    const double before = age();
    EXPECT_GT(before, 6600);
    pass(seconds(30));
    EXPECT_NEAR(age(), before + 30, 0.1);
    site.pages["/keys"] = good;
    pass(seconds(61));
    EXPECT_LE(age(), 61);
    f.reset();
    EXPECT_GE(age(), 0);
    other_workers.reset();
    EXPECT_EQ(age(), -1) << "nobody names the source any more";
}

TEST_F(Fetching, KeysTooOldToServeAreShownWithTheirAge) {
    settings.stale = minutes(30);
    const auto f = fetcher();
    settle();
    site.pages["/keys"] = answer("", "", "503 Service Unavailable");
    pass(minutes(60));
    EXPECT_EQ(kid(), "none");
    EXPECT_NEAR(age(), 3600, 1);
}

TEST_F(Fetching, AnIssuerThatIsDownForAMomentIsAskedAgainInASecond) {
    site.pages["/keys"] = answer("", "", "503 Service Unavailable");
    const auto f = fetcher();
    settle();
    publish("k1");
    pass(milliseconds(900));
    EXPECT_EQ(kid(), "none");
    pass(milliseconds(200));
    EXPECT_EQ(kid(), "k1");
}

TEST_F(Fetching, AThreadThatEndsTheFetchWakesWhoWaitsHere) {
    site.silent = true;
    const auto f = fetcher();
    settle();
    Waiter waiting(*f, loop.now() + seconds(5));
    std::thread other([this] { keys->fail_fetch(Time{seconds(2000)}); });
    other.join();
    settle();
    EXPECT_TRUE(waiting.done());
}

}  // namespace
}  // namespace portico::policy::jwt
