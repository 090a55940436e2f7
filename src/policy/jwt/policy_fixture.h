// A policy `jwt` whole: a snapshot, its worker's part, and requests, on a network and a clock in memory. For tests only.
#pragma once

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

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline const SocketAddress kIssuer = *SocketAddress::parse("10.0.0.1:80");

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

}  // namespace portico::policy::jwt
