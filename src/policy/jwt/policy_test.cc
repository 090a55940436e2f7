// The policy whole: a snapshot, its worker's part, and requests, on a network and a clock in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "gateway/exchange.h"
#include "gateway/snapshot.h"
#include "io/sim/network.h"
#include "policy/jwt/jwt_fixture.h"
#include "policy/jwt/key_fetcher.h"
#include "policy/jwt/mint.h"
#include "policy/table.h"

namespace portico::policy::jwt {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const SocketAddress kIssuer = *SocketAddress::parse("10.0.0.1:80");

// An issuer whose every answer is `text`, once `silent` is over.
class Site final : private io::Acceptor::Sink {
  public:
    Site(io::SimNetwork& net, io::Loop& loop) : loop_(loop) { acceptor_ = loop.backend().listen(net.listener(kIssuer), *this); }
    std::string text;
    bool silent = false;
    size_t asked = 0;
    void speak() {
        silent = false;
        for (auto& c : connections_) {
            if (std::exchange(c->waiting, false)) c->root.start(say(*c), nullptr);
        }
    }

  private:
    struct Connection {
        std::unique_ptr<io::Stream> stream;
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
        c.in.ensure(loop_.buffers(), io::kLargeBuffer);
        if (const auto got = co_await c.stream->read(c.in); got.value <= 0) co_return;
        ++asked;
        c.waiting = silent;
        if (!silent) co_await say(c);
    }
    io::Task<void> say(Connection& c) {
        c.out.ensure(loop_.buffers(), io::kLargeBuffer);
        c.out.append(text);
        if (const auto sent = co_await c.stream->write(c.out); !sent.ok()) co_return;
    }
    io::Loop& loop_;
    std::unique_ptr<io::Acceptor> acceptor_;
    std::vector<std::unique_ptr<Connection>> connections_;
};

// The network's clock, on which computing takes time: so much passes between any two looks at it.
class ComputingClock final : public Clock {
  public:
    explicit ComputingClock(ManualClock& clock) : clock_(clock) {}
    Time now() const override {
        clock_.advance(each);
        return clock_.now();
    }
    WallTime wall() const override { return clock_.wall(); }
    Duration each{};

  private:
    ManualClock& clock_;
};

// A request on its way through the policy; destroyed, its client has left.
class Request {
  public:
    Request(gateway::Context& context, std::shared_ptr<gateway::Epoch> epoch, const std::string& token, bool shadow = false) : x_(context) {
        x_.epoch = std::move(epoch);
        x_.in_shadow = shadow;
        x_.request.fields.add("Authorization", x_.arena.copy("Bearer " + token));
        root_.start(run(), nullptr);
    }
    // Called with the outcome.
    std::function<void(const Request&)> on_outcome;
    // "waits", "passes", or the code of the refusal.
    std::string outcome() const {
        if (!verdict_) return "waits";
        return verdict_->kind == gateway::Verdict::Kind::proceed ? "passes" : std::string(verdict_->error.code());
    }
    std::string detail() const { return verdict_ ? verdict_->error.context : ""; }
    gateway::Exchange& exchange() { return x_; }

  private:
    io::Task<void> run() {
        gateway::Verdict v = x_.epoch->snapshot->policies[0]->on_request(x_);
        if (v.kind == gateway::Verdict::Kind::later) v = co_await std::move(*v.task);
        verdict_ = std::move(v);
        if (on_outcome) on_outcome(*this);
    }
    std::optional<gateway::Verdict> verdict_;
    gateway::Exchange x_;
    io::Root root_;
};

class JwtPolicy : public ::testing::Test {
  protected:
    JwtPolicy() {
        context.resolve = [](std::string, Time) { return address(); };
        context.say = [](const std::string&) {};
        publish({"k1"});
    }
    ~JwtPolicy() override { epoch.reset(); }
    static io::Task<Result<std::vector<IpAddress>>> address() { co_return std::vector<IpAddress>{kIssuer.ip}; }
    void publish(std::vector<std::string> kids) {
        std::string keys;
        for (const std::string& kid : kids) keys += (keys.empty() ? "" : ",") + ec_jwk(key.get(), kid);
        serve("{\"keys\":[" + keys + "]}");
    }
    void serve(const std::string& keys) {
        site.text = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: " + std::to_string(keys.size()) + "\r\n\r\n" + keys;
    }
    void go_down() { site.text = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"; }
    std::shared_ptr<gateway::Epoch> build(const std::string& settings = "jwks: \"http://id.test/keys\"",
                                          const std::string& algorithms = "ES256, EdDSA, HS256") {
        config::FaultList faults;
        std::vector<std::string_view> types;
        for (const auto* t : table()) types.push_back(t->name);
        config::LoadOptions options;
        options.policy_types = types;
        auto config = config::load("listeners: [{ address: 127.0.0.1:0 }]\nroutes: [{ match: /x, use: [{ jwt: { algorithms: [" + algorithms + "], " + settings +
                                       " } }], respond: {} }]\n", "test", options, faults);
        EXPECT_TRUE(config) << config::render_json(faults, "test");
        auto snapshot = gateway::Snapshot::build(std::move(*config), table(), ++number, resources, faults);
        EXPECT_TRUE(snapshot) << config::render_json(faults, "test");
        return context.make_epoch(std::move(snapshot), {});
    }
    std::string token(const std::string& kid = "k1", const std::string& sub = "alice", int64_t lasts = 100'000) {
        const int64_t now = std::chrono::duration_cast<seconds>(loop.wall().time_since_epoch()).count();
        return *mint(signer, Algorithm::es256, R"({"sub":")" + sub + R"(","exp":)" + std::to_string(now + lasts) + "}", kid);
    }
    std::unique_ptr<Request> ask(const std::string& with, bool shadow = false) { return std::make_unique<Request>(context, epoch, with, shadow); }
    std::string judged(const std::string& with) { return ask(with)->outcome(); }
    // The same where a fetch may be worth a moment.
    std::string judged_soon(const std::string& with) {
        const auto r = ask(with);
        settle();
        return r->outcome();
    }
    void pass(Duration d) {
        const Time end = net.clock().now() + d;
        while (net.clock().now() < end) loop.turn(end - net.clock().now());
        do loop.turn(Duration::zero());
        while (net.busy());
    }
    void settle() { pass(milliseconds(2)); }

    evp::Pkey key = make_ec_key();
    SigningKey signer = *SigningKey::from_pem(private_pem(key.get()));
    io::SimNetwork net;
    ComputingClock clock{net.clock()};
    io::Loop loop{net.backend(), clock};
    observe::Registry registry;
    gateway::Context context{loop, registry, 1};
    gateway::Resources resources;
    Site site{net, loop};
    uint64_t number = 0;
    std::shared_ptr<gateway::Epoch> epoch;
};

TEST_F(JwtPolicy, TheFirstRequestWaitsForTheFirstKeys) {
    epoch = build();
    auto r = ask(token());
    EXPECT_EQ(r->outcome(), "waits");
    settle();
    EXPECT_EQ(r->outcome(), "passes");
    EXPECT_EQ(r->exchange().claims.root().find("sub").string(), "alice");
    EXPECT_TRUE(r->exchange().request.fields.empty()) << "the token goes no further";
    EXPECT_EQ(judged(token("k1", "bob")), "passes") << "and nobody waits any more";
}

// The second request's headers come from what is kept with the token.
TEST_F(JwtPolicy, AKnownTokenGivesTheHeadersOfItsFirstRequest) {
    epoch = build(R"(jwks: "http://id.test/keys", claims_to_headers: { X-User-ID: sub, X-Until: exp, X-Roles: roles, X-Tenant: tenant })");
    const std::string with = *mint(signer, Algorithm::es256, R"({"sub":"alice \u00e9","exp":4000000000,"roles":["a,b","c"],"tenant":null})", "k1");
    judged_soon(token());
    const auto headers = [&] {
        const auto r = ask(with);
        EXPECT_EQ(r->outcome(), "passes");
        std::string text;
        for (const http::Field& f : r->exchange().set_fields) text += std::string(f.name) + "=" + std::string(f.value) + "\n";
        return text;
    };
    const std::string first = headers();
    EXPECT_EQ(first, "X-User-ID=alice \u00e9\nX-Until=4000000000\nX-Roles=a%2Cb,c\n");
    EXPECT_EQ(headers(), first);

    const std::string bad = *mint(signer, Algorithm::es256, R"({"sub":"a\nb","exp":4000000000})", "k1");
    for (int i = 0; i < 2; ++i) {
        const auto r = ask(bad);
        EXPECT_EQ(r->outcome(), "route.claim_refused") << "kept or not";
        EXPECT_TRUE(r->exchange().set_fields.empty());
    }
}

TEST_F(JwtPolicy, WithoutKeysRequestsAreRefusedAfterASecondAndThenAtOnce) {
    site.silent = true;
    epoch = build();
    auto r = ask(token());
    pass(milliseconds(900));
    EXPECT_EQ(r->outcome(), "waits");
    pass(milliseconds(200));
    EXPECT_EQ(r->outcome(), "jwt.keys_unavailable");
    pass(seconds(5));  // the fetch is given up
    go_down();
    site.speak();
    pass(seconds(2));
    EXPECT_EQ(judged_soon(token()), "jwt.keys_unavailable");
    publish({"k1"});
    pass(seconds(6));
    EXPECT_EQ(judged(token()), "passes");
}

TEST_F(JwtPolicy, AnHourWithoutItsIssuerFailsNoRequestOfAKnownKey) {
    epoch = build();
    settle();
    go_down();
    for (int second = 0; second < 3600; ++second) {
        pass(seconds(1));
        ASSERT_EQ(judged(token("k1", "user-" + std::to_string(second))), "passes") << second;
        if (second % 60 == 0) {
            auto stranger = ask(token("stranger-" + std::to_string(second)));
            pass(milliseconds(10));
            ASSERT_EQ(stranger->outcome(), "jwt.kid_unknown");
        }
    }
    EXPECT_LT(site.asked, 200u);
}

TEST_F(JwtPolicy, AnIssuerThatHangsBlocksNobodyWhoseKeyIsKnown) {
    epoch = build();
    settle();
    site.silent = true;
    auto stranger = ask(token("new"));
    pass(seconds(1));
    EXPECT_EQ(stranger->outcome(), "waits");
    EXPECT_EQ(judged(token("k1", "bob")), "passes");
    pass(seconds(5));
    EXPECT_EQ(stranger->outcome(), "jwt.kid_unknown");
}

TEST_F(JwtPolicy, RotationFailsNoRequest) {
    epoch = build("jwks: { url: \"http://id.test/keys\", cooldown: 1s }");
    settle();
    for (int i = 2; i < 20; ++i) {
        const std::string kid = "k" + std::to_string(i);
        publish({kid});
        auto first = ask(token(kid)), second = ask(token(kid, "bob"));
        settle();
        ASSERT_EQ(first->outcome(), "passes");
        ASSERT_EQ(second->outcome(), "passes");
        ASSERT_EQ(judged(token("k" + std::to_string(i - 1))), "jwt.kid_unknown") << "the old key is gone, also from the cache";
        pass(seconds(1));
    }
    EXPECT_EQ(site.asked, 19u);
}

TEST_F(JwtPolicy, ATokenThatWasGoodEndsWithItsTimeAndWithItsKey) {
    epoch = build();
    settle();
    const std::string brief = token("k1", "alice", 10);
    EXPECT_EQ(judged(brief), "passes");
    pass(seconds(9));
    EXPECT_EQ(judged(brief), "passes");
    pass(seconds(1));
    EXPECT_EQ(judged(brief), "jwt.expired");
    const std::string lasting = token("k1");
    EXPECT_EQ(judged(lasting), "passes");
    publish({"k2"});
    pass(minutes(10));
    EXPECT_EQ(judged_soon(lasting), "jwt.kid_unknown");
}

TEST_F(JwtPolicy, WhoLeavesInMidFetchHarmsNobody) {
    site.silent = true;
    epoch = build();
    auto gone = ask(token()), stays = ask(token());
    settle();
    gone.reset();
    site.speak();
    settle();
    EXPECT_EQ(stays->outcome(), "passes");
}

TEST_F(JwtPolicy, AReloadInMidFetchLosesNobody) {
    epoch = build();
    settle();
    publish({"k1", "k2"});
    site.silent = true;
    auto before = ask(token("k2"));
    settle();
    epoch = build();  // the old one lives on with its request
    auto after = ask(token("k2"));
    settle();
    EXPECT_EQ(before->outcome(), "waits");
    EXPECT_EQ(after->outcome(), "waits");
    before.reset();  // its client leaves: the last of the old snapshot, and the fetch with it
    site.silent = false;
    settle();
    EXPECT_EQ(after->outcome(), "passes") << "the fetch that was given up is begun again";
    after.reset();
}

TEST_F(JwtPolicy, AReloadKeepsTheKeysWhateverTheIssuerDoes) {
    epoch = build();
    settle();
    go_down();
    for (int i = 0; i < 10; ++i) {
        epoch = build();
        EXPECT_EQ(judged(token("k1", "user-" + std::to_string(i))), "passes");
        settle();
    }
    EXPECT_EQ(site.asked, 1u);
}

TEST_F(JwtPolicy, StaleKeysEndAtTheirBound) {
    epoch = build("jwks: { url: \"http://id.test/keys\", stale: 30m }");
    settle();
    go_down();
    pass(minutes(30) - seconds(1));
    EXPECT_EQ(judged(token()), "passes");
    pass(seconds(2));
    EXPECT_EQ(judged(token()), "jwt.keys_unavailable");
    publish({"k1"});
    pass(seconds(61));
    EXPECT_EQ(judged(token()), "passes");
}

// Whether or not the token was known: what was judged ends with its keys.
TEST_F(JwtPolicy, A72_keys_that_grew_too_old_verify_nothing_though_no_fetch_has_failed) {
    epoch = build("jwks: { url: \"http://id.test/keys\", stale: 5m, timeout: 10m }");
    settle();
    const std::string known = token();
    EXPECT_EQ(judged(known), "passes");
    site.silent = true;  // the next fetch hangs beyond the bound
    pass(minutes(5) - seconds(1));
    EXPECT_EQ(judged(known), "passes");
    pass(seconds(2));
    const auto r = ask(known);
    pass(seconds(2));
    EXPECT_EQ(r->outcome(), "jwt.keys_unavailable");
}

TEST_F(JwtPolicy, A72_a_strangers_fetch_that_fails_closes_no_route) {
    site.text.replace(site.text.find("600"), 3, "900");
    epoch = build("jwks: { url: \"http://id.test/keys\", stale: 5m }");
    settle();
    go_down();
    pass(seconds(120));
    EXPECT_EQ(judged_soon(token("unknown")), "jwt.kid_unknown");
    EXPECT_EQ(judged(token()), "passes");
    publish({"k1"});
    pass(minutes(4));
    EXPECT_EQ(judged(token()), "passes");
}

TEST_F(JwtPolicy, A82_tokens_of_withdrawn_keys_are_refused) {
    epoch = build();
    settle();
    const std::string known = token();
    EXPECT_EQ(judged(known), "passes");
    publish({});
    pass(minutes(9) + seconds(3));
    EXPECT_EQ(judged_soon(known), "jwt.kid_unknown");
    publish({"k1"});
    pass(seconds(61));
    EXPECT_EQ(judged_soon(known), "passes");
}

TEST_F(JwtPolicy, A83_shadow_waits_for_no_fetch) {
    site.silent = true;
    epoch = build();
    const auto without = ask(token(), true);
    EXPECT_EQ(without->outcome(), "jwt.keys_unavailable");
    site.speak();
    settle();
    EXPECT_EQ(ask(token(), true)->outcome(), "passes");
    site.silent = true;
    EXPECT_EQ(ask(token("k2"), true)->outcome(), "jwt.kid_unknown");
    EXPECT_EQ(ask(token("k2"))->outcome(), "waits") << "for the fetch that the shadow began";
    EXPECT_EQ(site.asked, 1u);
    settle();
    EXPECT_EQ(site.asked, 2u);
}

TEST_F(JwtPolicy, TenThousandStrangersCauseOneFetchInACooldown) {
    epoch = build();
    settle();
    std::vector<std::unique_ptr<Request>> all;
    for (int i = 0; i < 10'000; ++i) all.push_back(ask(token("random-" + std::to_string(i))));
    settle();
    for (const auto& r : all) ASSERT_EQ(r->outcome(), "jwt.kid_unknown");
    EXPECT_EQ(site.asked, 2u);
    pass(seconds(31));
    for (int i = 0; i < 1000; ++i) ask(token("more-" + std::to_string(i)));
    settle();
    EXPECT_EQ(site.asked, 3u);
}

// The issuer was set up anew and numbers its keys as before.
TEST_F(JwtPolicy, T95_a_new_key_under_the_kid_of_the_old_one_is_fetched_and_the_first_token_waits) {
    epoch = build();
    settle();
    const std::string old = token("k1", "old");
    EXPECT_EQ(judged(old), "passes");
    const auto renew = [&] {
        key = make_ec_key();
        signer = *SigningKey::from_pem(private_pem(key.get()));
        publish({"k1"});
    };
    renew();
    site.silent = true;
    auto first = ask(token()), second = ask(token("k1", "bob"));
    EXPECT_EQ(first->outcome(), "waits");
    settle();
    EXPECT_EQ(judged(old), "passes") << "whose key is known does not wait";
    site.speak();
    settle();
    EXPECT_EQ(first->outcome(), "passes");
    EXPECT_EQ(second->outcome(), "passes");
    EXPECT_EQ(site.asked, 2u) << "one fetch for both";
    EXPECT_EQ(judged(old), "jwt.signature") << "at once: it is in the cooldown";

    pass(seconds(10));
    renew();
    const std::string early = token();
    EXPECT_EQ(judged(early), "jwt.signature") << "at most one fetch in a cooldown";
    EXPECT_EQ(site.asked, 2u);
    pass(seconds(20));
    EXPECT_EQ(judged_soon(early), "passes") << "though it was found bad less than 30 s ago";
    EXPECT_EQ(site.asked, 3u);
}

TEST_F(JwtPolicy, T95_a_new_key_of_another_algorithm_under_the_same_kid_is_fetched_too) {
    epoch = build("jwks: \"http://id.test/keys\"", "ES256, ES384");
    settle();
    key = make_ec_key("P-384");
    serve(ec_jwk(key.get(), "k1", "", "P-384", 48));
    const auto other = SigningKey::from_pem(private_pem(key.get()));
    const std::string with = *mint(*other, Algorithm::es384, R"({"sub":"alice","exp":4000000000})", "k1");
    EXPECT_EQ(judged_soon(with), "passes");
    EXPECT_EQ(site.asked, 2u);
    const std::string not_allowed = *mint(*SigningKey::from_secret("s"), Algorithm::hs256, R"({"sub":"alice","exp":4000000000})", "k1");
    pass(seconds(31));
    EXPECT_EQ(judged(not_allowed), "jwt.algorithm") << "no key could make it good";
    EXPECT_EQ(site.asked, 2u);
}

TEST_F(JwtPolicy, T95_forged_tokens_cause_one_fetch_in_a_cooldown_and_end_as_they_were) {
    epoch = build();
    settle();
    const auto forged = [&](int i) {
        std::string made = token("k1", "user-" + std::to_string(i));
        made[made.size() - 20] = made[made.size() - 20] == 'A' ? 'B' : 'A';
        return made;
    };
    std::vector<std::unique_ptr<Request>> all;
    for (int i = 0; i < 1000; ++i) all.push_back(ask(forged(i)));
    settle();
    for (const auto& r : all) ASSERT_EQ(r->outcome(), "jwt.signature");
    EXPECT_EQ(site.asked, 2u);
    for (int i = 1000; i < 2000; ++i) ASSERT_EQ(judged(forged(i)), "jwt.signature") << "at once";
    EXPECT_EQ(site.asked, 2u);
    EXPECT_EQ(judged(token()), "passes");
    pass(seconds(31));
    go_down();
    EXPECT_EQ(judged_soon(forged(1)), "jwt.signature") << "an issuer that is down makes no 503 of it";
    EXPECT_EQ(judged(token()), "passes");
}

TEST_F(JwtPolicy, T95_in_shadow_nobody_waits_for_the_fetch) {
    epoch = build();
    settle();
    site.silent = true;
    key = make_ec_key();
    signer = *SigningKey::from_pem(private_pem(key.get()));
    publish({"k1"});
    EXPECT_EQ(ask(token(), true)->outcome(), "jwt.signature");
    settle();
    EXPECT_EQ(site.asked, 2u);
    site.speak();
    settle();
    EXPECT_EQ(ask(token(), true)->outcome(), "passes");
}

// More tokens at once than a turn has time for: each signature takes 100 µs here, of 500.
class JwtFlood : public JwtPolicy {
  protected:
    JwtFlood() {
        epoch = build();
        settle();
        EXPECT_EQ(judged(known), "passes");
        // The one fetch of this cooldown that a bad signature may cause.
        EXPECT_EQ(judged_soon(spoilt(token("k1", "first"), true)), "jwt.signature");
        EXPECT_EQ(judged(known), "passes") << "by the keys that came";
        clock.each = std::chrono::microseconds(100);
        loop.turn(Duration::zero());
    }
    // Tokens that nobody saw before; `bad`: of a stranger's key.
    std::string fresh(bool bad = true) { return spoilt(token("k1", "user-" + std::to_string(++users)), bad); }
    static std::string spoilt(std::string token, bool bad) {
        char& one = token[token.size() - 20];
        if (bad) one = one == 'A' ? 'B' : 'A';
        return token;
    }
    void flood(size_t count, bool bad = true) {
        for (size_t i = 0; i < count; ++i) come(fresh(bad));
    }
    Request& come(const std::string& with) { return *crowd.emplace_back(ask(with)); }
    void turn() { loop.turn(Duration::zero()); }
    size_t waiting() const {
        return static_cast<size_t>(std::ranges::count_if(crowd, [](const auto& r) { return r != nullptr && r->outcome() == "waits"; }));
    }
    size_t postponed() const {
        const std::string text = registry.exposition();
        const size_t at = text.find("\nportico_jwt_postponed_total{");
        return std::stoul(text.substr(text.find("} ", at) + 2));
    }

    const std::string known = token("k1", "known");
    int users = 0;
    std::vector<std::unique_ptr<Request>> crowd;
};

TEST_F(JwtFlood, ATurnVerifiesWhatItHasTimeFor) {
    flood(23);
    EXPECT_EQ(waiting(), 18u);
    EXPECT_EQ(postponed(), 18u);
    for (const size_t left : {13u, 8u, 3u, 0u}) {
        turn();
        EXPECT_EQ(waiting(), left);
    }
    for (const auto& r : crowd) EXPECT_EQ(r->outcome(), "jwt.signature");
}

TEST_F(JwtFlood, GoodTokensAmongBadOnesPassInTheirOrder) {
    std::vector<size_t> order;
    for (size_t i = 0; i < 50; ++i) {
        come(fresh(i % 3 != 0)).on_outcome = [&order, i](const Request&) { order.push_back(i); };
    }
    while (waiting() > 0) turn();
    for (size_t i = 0; i < crowd.size(); ++i) EXPECT_EQ(crowd[i]->outcome(), i % 3 == 0 ? "passes" : "jwt.signature") << i;
    EXPECT_EQ(crowd[48]->exchange().claims.root().find("sub").string(), "user-49");
    EXPECT_TRUE(crowd[48]->exchange().request.fields.empty()) << "the token goes no further";
    std::vector<size_t> late(45);
    std::ranges::generate(late, [i = size_t{5}]() mutable { return i++; });
    EXPECT_EQ(order, late) << "of those who waited";
}

TEST_F(JwtFlood, AKnownTokenIsServedAtOnceWhateverStandsInLine) {
    flood(1000);
    EXPECT_EQ(waiting(), 995u);
    for (int i = 0; i < 50; ++i) {
        const Time began = net.clock().now();
        turn();
        // A look at the clock is 100 µs here: the loop's, and those around six signatures at most.
        ASSERT_LE(net.clock().now() - began, std::chrono::microseconds(900));
        flood(5);
        ASSERT_EQ(judged(known), "passes");
    }
    EXPECT_EQ(waiting(), 995u) << "as many came as were served";
}

TEST_F(JwtFlood, WhatCostsLittleNeverWaits) {
    const std::string bad = fresh();
    EXPECT_EQ(judged(bad), "jwt.signature");
    flood(10);
    EXPECT_EQ(waiting(), 6u);
    EXPECT_EQ(judged(bad), "jwt.signature") << "found bad before";
    EXPECT_EQ(judged(token("k1", "late", -10)), "jwt.expired");
    EXPECT_EQ(judged("a.b.c"), "jwt.malformed");
    EXPECT_EQ(judged(token("unknown")), "jwt.kid_unknown") << "its fetch must wait for the cooldown";
    EXPECT_EQ(postponed(), 6u);
}

TEST_F(JwtFlood, SecretsKeysVerifyAtOnce) {
    flood(100);
    const auto of_secret = build("secret: 0123456789abcdef0123456789abcdef");
    const auto hs256 = SigningKey::from_secret("0123456789abcdef0123456789abcdef");
    for (int i = 0; i < 100; ++i) {
        const std::string token = *mint(*hs256, Algorithm::hs256, R"({"exp":9000000000,"sub":")" + std::to_string(i) + "\"}");
        Request request(context, of_secret, token);
        ASSERT_EQ(request.outcome(), "passes");
    }
}

TEST_F(JwtFlood, WhoLeavesWhileItWaitsHarmsNobody) {
    flood(20, false);
    for (const size_t i : {6u, 7u, 12u, 19u}) crowd[i].reset();
    turn();
    EXPECT_EQ(waiting(), 6u);
    while (waiting() > 0) turn();
    for (size_t i = 0; i < 20; ++i) EXPECT_TRUE(crowd[i] == nullptr || crowd[i]->outcome() == "passes");
    flood(100);
    crowd.clear();
    turn();
    EXPECT_EQ(judged(fresh(false)), "passes") << "nothing is left of those who left";
}

TEST_F(JwtFlood, OneTokenThatComesOftenIsVerifiedOnce) {
    flood(5);
    const std::string good = fresh(false), bad = fresh();
    for (int i = 0; i < 40; ++i) come(i % 2 == 0 ? good : bad);
    while (waiting() > 0) turn();
    for (size_t i = 5; i < 45; i += 2) EXPECT_EQ(crowd[i]->outcome(), "passes");
    for (size_t i = 6; i < 45; i += 2) EXPECT_EQ(crowd[i]->detail(), i == 6 ? "" : "found bad before");
}

TEST_F(JwtFlood, ATokenIsJudgedByTheTimeOfItsTurn) {
    flood(5);
    Request& brief = come(token("k1", "brief", 1));
    EXPECT_EQ(brief.outcome(), "waits");
    net.clock().advance(seconds(1));
    turn();
    EXPECT_EQ(brief.outcome(), "jwt.expired");
}

TEST_F(JwtFlood, ATokenIsJudgedByTheKeysOfItsTurn) {
    net.clock().advance(minutes(9));
    publish({"k2"});
    flood(300, false);
    while (waiting() > 0) turn();
    EXPECT_EQ(crowd[5]->outcome(), "passes");
    EXPECT_EQ(crowd.back()->outcome(), "jwt.kid_unknown") << "its key went while it waited";
}

TEST_F(JwtFlood, ThoseWhoWaitedForKeysWaitForTheirTurnsToo) {
    clock.each = {};
    pass(seconds(30));
    publish({"k1", "k2"});
    site.silent = true;
    for (int i = 0; i < 30; ++i) come(token("k2", "user-" + std::to_string(i)));
    settle();
    EXPECT_EQ(waiting(), 30u);
    clock.each = std::chrono::microseconds(100);
    site.speak();
    size_t most = 0;
    for (size_t left = 30; left > 0; left = waiting()) {
        turn();
        most = std::max(most, left - waiting());
    }
    EXPECT_LE(most, 6u);
    for (const auto& r : crowd) EXPECT_EQ(r->outcome(), "passes");
}

TEST_F(JwtFlood, AReloadLosesNobodyWhoWaits) {
    flood(20, false);
    epoch = build();
    crowd[10].reset();
    while (waiting() > 0) turn();
    for (const auto& r : crowd) EXPECT_TRUE(r == nullptr || r->outcome() == "passes");
}

TEST_F(JwtFlood, KeysThatGrewTooOldMeanwhileCloseTheRouteAndDoNotCrashIt) {
    epoch = build("jwks: { url: \"http://id.test/keys\", stale: 30m }");
    settle();
    go_down();
    pass(minutes(30) - seconds(1));
    flood(300, false);
    net.clock().advance(seconds(2));
    pass(seconds(3));
    for (const auto& r : crowd) EXPECT_TRUE(r->outcome() == "passes" || r->outcome() == "jwt.keys_unavailable") << r->outcome();
    EXPECT_EQ(crowd.back()->outcome(), "jwt.keys_unavailable");
}

}  // namespace
}  // namespace portico::policy::jwt
