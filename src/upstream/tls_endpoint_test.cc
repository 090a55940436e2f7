// Endpoints behind TLS: the handshake is part of connecting, and a reload keeps what is still the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/tls_fixture.h"
#include "upstream/service.h"

namespace portico::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

const SocketAddress kAddress = *SocketAddress::parse("10.0.0.1:443");

class SecurePool : public ::testing::Test, private io::Root::Owner, private io::Acceptor::Sink {
  protected:
    void SetUp() override { acceptor = loop.backend().listen(net.listener(kAddress), *this); }
    void TearDown() override {
        root.cancel();
        far.clear();
    }
    std::shared_ptr<const io::TlsClient> client(const std::string& ca) { return *io::TlsClient::make({.ca = ca}); }
    EndpointTls tls() { return {client(own.certificate), "x.test"}; }
    void settle() {
        do loop.turn(Duration::zero());
        while (net.busy());
    }
    Result<std::unique_ptr<Connection>> connect(Endpoint& e, Duration within = seconds(5)) {
        result = fail(Fault::internal);
        root.cancel();
        root.start(run(e, loop.now() + within), this);
        settle();
        return std::move(result);
    }

    io::SimNetwork net;
    io::Loop loop{net.backend(), net.clock()};
    const io::Credential own = io::make_certificate({.names = "DNS:x.test"});
    io::TlsServer server{own};
    bool silent = false;  // accepts and says nothing
    struct Far {
        std::unique_ptr<io::Stream> plain;
        std::unique_ptr<io::TlsStream> stream;
        io::TlsStream::HandshakeEnd end;
        bool done = false;
        io::Running running;
    };
    std::vector<std::unique_ptr<Far>> far;
    std::unique_ptr<io::Acceptor> acceptor;
    Result<std::unique_ptr<Connection>> result = fail(Fault::internal);
    io::Root root;

  private:
    io::Task<void> run(Endpoint& e, Time deadline) { result = co_await e.connect(deadline); }
    void on_root_done() override {}
    void on_accept(std::unique_ptr<io::Stream> stream) override {
        far.push_back(std::make_unique<Far>());
        Far& f = *far.back();
        if (silent) {
            f.plain = std::move(stream);
            return;
        }
        f.stream = server.over(loop, std::move(stream));
        f.running.start(io::run_server(*f.stream, loop.now() + seconds(5), f.end, f.done));
    }
    void on_accept_error(int) override {}
};

TEST_F(SecurePool, AConnectionIsGivenOutOnceItsHandshakeIsDone) {
    Endpoint e(loop, kAddress, "x.test", {}, {}, tls());
    auto made = connect(e);
    ASSERT_TRUE(made);
    EXPECT_EQ((*made)->stream().splice_fd(), -1);
    (*made)->end_request();
    (*made)->end_response(true);
    std::ignore = (*made)->stream().quiet(false);  // reads what came behind the handshake
    settle();
    e.give_back(std::move(*made), kForever);
    settle();
    EXPECT_EQ(e.resting(), 1u);  // the tickets that came are no bytes out of turn
    EXPECT_TRUE(e.take_resting(true)->reused());
}

TEST_F(SecurePool, ACertificateThatIsNotBelievedIsAFaultOfTlsAndTheEndpointIsAvoided) {
    Endpoint e(loop, kAddress, "y", {}, {}, {client(own.certificate), "y.test"});
    auto refused = connect(e);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::upstream_tls);
    EXPECT_THAT(refused.error().context, HasSubstr("connect to 10.0.0.1:443: the TLS handshake failed: its certificate is not for y.test but for x.test"));
    EXPECT_TRUE(e.avoided(loop.now()));
    EXPECT_EQ(e.open(), 0u);
}

TEST_F(SecurePool, TheHandshakeIsWithinTheConnectTimeout) {
    silent = true;
    Endpoint e(loop, kAddress, "x.test", {}, {}, tls());
    EXPECT_EQ(connect(e, milliseconds(700)).error().fault, Fault::internal);  // not over
    const Time before = net.clock().now();
    while (!e.avoided(loop.now()) && net.clock().now() < before + seconds(5)) loop.turn(kForever);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, Fault::upstream_connect_timeout);
    EXPECT_LE(net.clock().now() - before, milliseconds(702));
}

TEST_F(SecurePool, AHandshakeUnderWayCountsAsAConnection) {
    silent = true;
    Endpoint e(loop, kAddress, "x.test", {.max_idle = 1, .max_connections = 1, .idle_connection = seconds(5)}, {}, tls());
    (void)connect(e);
    io::Running other;
    Result<std::unique_ptr<Connection>> second = fail(Fault::internal);
    const auto task = [](Endpoint& at, Time deadline, Result<std::unique_ptr<Connection>>& out) -> io::Task<void> {
        out = co_await at.connect(deadline);
    };
    other.start(task(e, loop.now() + seconds(5), second));
    EXPECT_EQ(second.error().fault, Fault::upstream_overloaded);
    root.cancel();
    silent = false;
    EXPECT_TRUE(connect(e));
}

TEST_F(SecurePool, AnUpdateKeepsTheConnectionsOfEqualSettingsAndDrainsThoseOfOthers) {
    Service s(loop, "s");
    s.update({{"x.test", {kAddress}, tls()}}, {});
    const auto first = s.pick({});
    auto made = std::move(*connect(*first));
    made->end_request();
    made->end_response(true);
    std::ignore = made->stream().quiet(false);
    settle();
    first->give_back(std::move(made), kForever);
    s.update({{"x.test", {kAddress}, tls()}}, {});  // made anew of equal settings
    EXPECT_EQ(s.pick({}), first);
    EXPECT_EQ(first->resting(), 1u);
    const io::Credential other = io::make_certificate({.names = "DNS:x.test"});
    for (const EndpointTls& changed : {EndpointTls{client(other.certificate), "x.test"}, EndpointTls{client(own.certificate), "y.test"}, EndpointTls{}}) {
        const auto before = s.pick({});
        s.update({{"x.test", {kAddress}, changed}}, {});
        EXPECT_NE(s.pick({}), before);
    }
    EXPECT_EQ(first->resting(), 0u);
}

}  // namespace
}  // namespace portico::upstream
