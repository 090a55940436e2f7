// The whole gateway on a network and a clock in memory: what takes a minute is tested to the millisecond, in no time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/connection.h"
#include "gateway/context.h"
#include "gateway/gateway.h"
#include "gateway/snapshot.h"
#include "io/sim/network.h"
#include "server/server.h"

namespace portico::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using std::chrono::seconds;

const SocketAddress kFront = *SocketAddress::parse("10.0.0.1:80");
const SocketAddress kService = *SocketAddress::parse("10.0.0.2:80");
const SocketAddress kClient = *SocketAddress::parse("10.0.0.9:5000");

// A peer that says what it is told and remembers what it hears.
class Peer final : private io::Root::Owner {
  public:
    Peer(io::Loop& loop, std::unique_ptr<io::Stream> stream) : loop_(loop), stream_(std::move(stream)) { root_.start(hear(), this); }
    ~Peer() { root_.cancel(); }
    void say(std::string_view text) {
        out_.ensure(loop_.buffers(), io::kSmallBuffer);
        out_.append(text);
        writing_.cancel();
        writing_.start(write(), nullptr);
    }
    std::string heard;
    bool closed = false;

  private:
    io::Task<void> hear() {
        io::Buffer in;
        for (;;) {
            const io::IoResult got = co_await stream_->read(in);
            if (got.value <= 0) break;
            heard += in.view();
            in.clear();
        }
        closed = true;
    }
    io::Task<void> write() { co_await stream_->write(out_); }
    void on_root_done() override {}

    io::Loop& loop_;
    std::unique_ptr<io::Stream> stream_;
    io::Buffer out_;
    io::Root root_;
    io::Root writing_;
};

class Timing : public ::testing::Test, private io::Acceptor::Sink {
  protected:
    void start(const std::string& more = {}) {
        config::FaultList faults;
        gateway::Resources resources;
        const auto snapshot = build_snapshot(
            "listeners: [{ address: 10.0.0.1:80 }]\nlog: { access: false }\nservices: { up: http://10.0.0.2:80 }\n"
            "routes: [{ name: up, match: \"/up/**\", forward: { service: up } }]\n" + more, "t.yaml", 1, resources, faults);
        ASSERT_NE(snapshot, nullptr);
        auto service = std::make_shared<upstream::Service>(loop, "up");
        service->update({{"10.0.0.2:80", {kService}}}, {});
        context.epoch = context.make_epoch(snapshot, {service});
        settings.head_timeout = snapshot->config.timeouts.head;
        settings.idle_timeout = snapshot->config.timeouts.idle_client;
        front = loop.backend().listen(net.listener(kFront), *this);
        client = std::make_unique<Peer>(loop, net.connect(kFront, kClient));
        settle();
    }
    void serve() { back = loop.backend().listen(net.listener(kService), upstream); }
    // Everything that happens without time passing.
    void settle() {
        do loop.turn(Duration::zero());
        while (net.busy());
    }
    // Lets time pass, from one timer to the next. @returns how long it took until `done`
    template <class F>
    Duration until(F done, Duration most = std::chrono::hours(1)) {
        const Time begin = net.clock().now();
        while (!done() && net.clock().now() - begin < most) loop.turn(most - (net.clock().now() - begin));
        return net.clock().now() - begin;
    }

    struct Upstream final : io::Acceptor::Sink {
        explicit Upstream(io::Loop& l) : loop(l) {}
        void on_accept(std::unique_ptr<io::Stream> stream) override { peers.push_back(std::make_unique<Peer>(loop, std::move(stream))); }
        void on_accept_error(int) override {}
        io::Loop& loop;
        std::vector<std::unique_ptr<Peer>> peers;
    };

    io::SimNetwork net;
    io::Loop loop{net.backend(), net.clock()};
    observe::Registry registry;
    gateway::Gateway gateway;
    gateway::Context context{loop, registry, 1};
    edge::ConnectionSet connections{context, gateway};
    edge::ServerSettings settings;
    const boost::intrusive_ptr<edge::Entrance> entrance{new edge::Entrance(settings)};
    Upstream upstream{loop};
    std::unique_ptr<io::Acceptor> front, back;
    std::unique_ptr<Peer> client;

  private:
    void on_accept(std::unique_ptr<io::Stream> stream) override { connections.admit(std::move(stream), entrance); }
    void on_accept_error(int) override {}
};

constexpr const char* kGet = "GET /up/x HTTP/1.1\r\nHost: a\r\n\r\n";

void expect_about(Duration took, Duration wanted) {
    EXPECT_GE(took, wanted);
    EXPECT_LE(took, wanted + std::chrono::milliseconds(2));  // two ticks of the wheel
}

TEST_F(Timing, AnAnswerComesBackWithoutTimePassing) {
    start();
    serve();
    client->say(kGet);
    settle();
    ASSERT_EQ(upstream.peers.size(), 1u);
    EXPECT_THAT(upstream.peers[0]->heard, StartsWith("GET /up/x HTTP/1.1\r\nHost: 10.0.0.2:80\r\n"));
    upstream.peers[0]->say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    settle();
    EXPECT_THAT(client->heard, StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(Timing, AHeadThatIsNotFinishedIs408AfterTenSeconds) {
    start();
    client->say("GET /up/x HTTP/1.1\r\nHost:");
    settle();
    expect_about(until([&] { return !client->heard.empty(); }), seconds(10));
    EXPECT_THAT(client->heard, StartsWith("HTTP/1.1 408 "));
}

TEST_F(Timing, AConnectionThatRestsIsClosedAfter75Seconds) {
    start();
    expect_about(until([&] { return client->closed; }), seconds(75));
    EXPECT_EQ(client->heard, "");
}

TEST_F(Timing, AServiceThatDoesNotBeginToAnswerIs504AfterAMinute) {
    start();
    serve();
    client->say(kGet);
    settle();
    expect_about(until([&] { return !client->heard.empty(); }), seconds(60));
    EXPECT_THAT(client->heard, HasSubstr("upstream.first_byte_timeout"));
}

TEST_F(Timing, AnEndpointThatDoesNotAcceptIs504AfterFiveSeconds) {
    start();
    net.swallow(kService);
    client->say(kGet);
    settle();
    expect_about(until([&] { return !client->heard.empty(); }), seconds(5));
    EXPECT_THAT(client->heard, HasSubstr("upstream.connect_timeout"));
}

TEST_F(Timing, TotalEndsWhatTheOthersWouldAllow) {
    start("timeouts: { total: 7s }\n");
    serve();
    client->say(kGet);
    settle();
    expect_about(until([&] { return !client->heard.empty(); }), seconds(7));
    EXPECT_THAT(client->heard, HasSubstr("upstream.total_timeout"));
}

// A56: a byte now and then keeps no connection to a service.
class Pace : public Timing {
  protected:
    // Sends `bytes` each `every`. @returns how long it took until there was a response
    Duration drip(const std::string& head, size_t bytes, Duration every, Duration most) {
        const Time begin = net.clock().now();
        client->say(head);
        settle();
        while (client->heard.empty() && net.clock().now() - begin < most) {
            client->say(std::string(bytes, 'x'));
            settle();
            until([&] { return !client->heard.empty(); }, every);
        }
        return net.clock().now() - begin;
    }
    static constexpr const char* kLong = "POST /up/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n";
};

TEST_F(Pace, T15_a_body_that_comes_too_slowly_is_408_after_a_minute) {
    start();
    serve();
    const Duration took = drip(kLong, 1, std::chrono::milliseconds(600), std::chrono::minutes(5));
    EXPECT_GE(took, seconds(59));
    EXPECT_LE(took, seconds(62));
    EXPECT_THAT(client->heard, StartsWith("HTTP/1.1 408 "));
    EXPECT_THAT(client->heard, HasSubstr("http.body_too_slow"));
    until([&] { return client->closed; }, seconds(5));
    EXPECT_TRUE(upstream.peers[0]->closed);
}

TEST_F(Pace, InChunksAndOnARouteOfItsOwnRateToo) {
    start("limits: { min_rate: none }\n");
    serve();
    const std::string head = "POST /up/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n";
    EXPECT_EQ(drip(head, 1, seconds(30), std::chrono::minutes(10)), std::chrono::minutes(10)) << "none is asked";
}

TEST_F(Pace, ASteadyOneAtItsRateGoesOn) {
    start();
    serve();
    EXPECT_GE(drip(kLong, 600, seconds(1), std::chrono::minutes(10)), std::chrono::minutes(10));
    EXPECT_EQ(client->heard, "");
}

TEST_F(Pace, TheServicesOwnSlownessIsNotTheClients) {
    start("timeouts: { idle: 1h, first_byte: 1h }\n");
    serve();
    client->say("POST /up/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    until([&] { return !client->heard.empty(); }, std::chrono::minutes(10));
    EXPECT_EQ(client->heard, "");
    upstream.peers[0]->say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    settle();
    EXPECT_THAT(client->heard, StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(Pace, ItEndsWithTheResponsesHead) {
    start("timeouts: { idle: 1h }\n");
    serve();
    client->say(kLong);
    settle();
    upstream.peers[0]->say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    settle();
    EXPECT_THAT(client->heard, StartsWith("HTTP/1.1 200 OK\r\n"));
    for (int i = 0; i < 30; ++i) {
        client->say("x");
        until([&] { return client->closed; }, seconds(10));
    }
    EXPECT_FALSE(client->closed);
}

TEST_F(Pace, StreamsOfGrpcComeWhenTheyCome) {
    start();
    serve();
    const std::string head = "POST /up/x HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc+proto\r\nContent-Length: 10000000\r\n\r\n";
    EXPECT_GE(drip(head, 1, seconds(20), std::chrono::minutes(10)), std::chrono::minutes(10));
}

TEST_F(Timing, AKeptConnectionIsLetGoASecondBeforeTheServiceWouldCloseIt) {
    start("timeouts: { idle_client: 1h }\n");
    serve();
    client->say(kGet);
    settle();
    upstream.peers[0]->say("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=10\r\nContent-Length: 0\r\n\r\n");
    settle();
    until([] { return false; }, seconds(9));
    client->say(kGet);
    settle();
    EXPECT_EQ(upstream.peers.size(), 2u);
}

TEST_F(Timing, AClientThatLeavesTakesItsExchangeWithIt) {
    start();
    serve();
    client->say(kGet);
    settle();
    client.reset();
    const Duration took = until([&] { return upstream.peers[0]->closed; });
    EXPECT_LE(took, seconds(1) + std::chrono::milliseconds(2));
}

}  // namespace
}  // namespace portico::server
