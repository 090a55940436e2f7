// The handshake: whom a client believes, what it says of those whom it does not, and when it gives up.
#include "io/tls_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/tls_fixture.h"

namespace portico::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class Handshake : public testing::TestWithParam<Under> {
  protected:
    void SetUp() override {
        if (!ground.usable()) GTEST_SKIP() << "no io_uring here";
        now = ground.wall();
        ca = make_certificate({.subject = "Test CA", .authority = true, .from_days = -100, .to_days = 1000, .now = now});
    }
    void TearDown() override {
        far.reset();
        outcome = fail(Fault::internal);
        if (!ground.usable()) return;
        ground.settle();
        EXPECT_EQ(ground.loop().buffers().in_use(), 0u);
    }
    Credential issue(const std::string& names, int64_t from = -1, int64_t to = 30) {
        return make_certificate({.subject = "leaf", .names = names, .issuer = &ca, .from_days = from, .to_days = to, .now = now});
    }
    std::shared_ptr<const TlsClient> client(TlsClientSettings s = {}) {
        if (s.ca.empty()) s.ca = ca.certificate;
        auto made = TlsClient::make(s);
        EXPECT_TRUE(made);
        return *made;
    }
    // Both sides' handshakes to their ends. @param most bytes that a read brings at once
    const ClientEnd& shake(const TlsClient& with, TlsServer& server, const std::string& host, uint32_t most = UINT32_MAX) {
        outcome = fail(Fault::internal);
        far.reset();
        std::unique_ptr<Stream> near, behind;
        ground.connect(near, behind);
        if (most != UINT32_MAX) {
            near = std::make_unique<Trickle>(std::move(near), most);
            behind = std::make_unique<Trickle>(std::move(behind), most);
        }
        far = server.over(ground.loop(), std::move(behind));
        bool near_done = false, far_done = false;
        Running a(run_client(with, ground.loop(), std::move(near), host, ground.in(seconds(5)), session, outcome, near_done));
        Running b(run_server(*far, ground.in(seconds(5)), far_end, far_done));
        EXPECT_TRUE(ground.turn_until([&] { return near_done && far_done; }));
        return outcome;
    }
    std::string refusal(const TlsClient& with, TlsServer& server, const std::string& host) {
        const ClientEnd& end = shake(with, server, host);
        EXPECT_FALSE(end);
        if (end) return "no refusal";
        EXPECT_EQ(end.error().fault, Fault::upstream_tls);
        return end.error().context;
    }
    std::string said(const std::string& text) {
        Buffer from = buffer_with(ground.loop(), text), into;
        Outcome wrote, got;
        Running w(write_once(**outcome, from, wrote)), r(read_once(*far, into, got));
        EXPECT_TRUE(ground.turn_until([&] { return got.done && wrote.done; }));
        return std::string(into.view());
    }

    Ground ground{GetParam()};
    WallTime now;
    Credential ca;
    std::shared_ptr<TlsSession> session;
    ClientEnd outcome = fail(Fault::internal);
    std::unique_ptr<TlsStream> far;
    TlsStream::HandshakeEnd far_end;
};
INSTANTIATE_TEST_SUITE_P(Grounds, Handshake, kEverywhere, under_name);

TEST_P(Handshake, succeeds_with_a_certificate_for_the_name_and_says_the_name_and_the_protocol) {
    TlsServer server(issue("DNS:users.test"));
    ASSERT_TRUE(shake(*client({.alpn = "http/1.1"}), server, "users.test"));
    EXPECT_STREQ(SSL_get_servername(far->ssl(), TLSEXT_NAMETYPE_host_name), "users.test");
    EXPECT_EQ(server.protocols, "\x08http/1.1");
    EXPECT_EQ(said("hello"), "hello");
    EXPECT_EQ((*outcome)->splice_fd(), -1);
}

TEST_P(Handshake, succeeds_although_every_byte_comes_alone) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsServer server(issue("DNS:users.test"), version);
        ASSERT_TRUE(shake(*client(), server, "users.test", 1));
        EXPECT_EQ(said("hello"), "hello");
    }
}

TEST_P(Handshake, takes_the_settings_name_before_the_hosts) {
    TlsServer server(issue("DNS:inner.test"));
    ASSERT_TRUE(shake(*client({.server_name = "inner.test"}), server, "10.0.0.1"));
    EXPECT_STREQ(SSL_get_servername(far->ssl(), TLSEXT_NAMETYPE_host_name), "inner.test");
}

TEST_P(Handshake, verifies_an_address_by_the_certificates_addresses) {
    TlsServer server(issue("IP:127.0.0.1,IP:::1"));
    ASSERT_TRUE(shake(*client(), server, "127.0.0.1"));
    EXPECT_EQ(SSL_get_servername(far->ssl(), TLSEXT_NAMETYPE_host_name), nullptr);
    ASSERT_TRUE(shake(*client(), server, "::1"));
    EXPECT_THAT(refusal(*client(), server, "127.0.0.2"), HasSubstr("is not for 127.0.0.2 but for 127.0.0.1, ::1"));
}

TEST_P(Handshake, asks_for_a_name_without_the_roots_dot) {
    TlsServer server(issue("DNS:users.test"));
    ASSERT_TRUE(shake(*client(), server, "users.test."));
    EXPECT_STREQ(SSL_get_servername(far->ssl(), TLSEXT_NAMETYPE_host_name), "users.test");
}

TEST_P(Handshake, A71_ends_where_there_is_no_name_to_verify) {
    TlsServer server(issue("DNS:elsewhere.test"));
    for (const std::string& name : {std::string("."), std::string(), std::string("elsewhere.test\0x", 16), std::string(300, 'a')}) {
        std::unique_ptr<Stream> near, behind;
        ground.connect(near, behind);
        bool done = false;
        const auto with = client({.server_name = name});
        Running a(run_client(*with, ground.loop(), std::move(near), "", ground.in(seconds(5)), nullptr, outcome, done));
        ASSERT_TRUE(ground.turn_until([&] { return done; }));
        ASSERT_FALSE(outcome) << name;
        EXPECT_EQ(outcome.error().fault, Fault::upstream_tls);
        EXPECT_THAT(outcome.error().context, HasSubstr("no server name that a certificate could carry"));
    }
}

TEST_P(Handshake, takes_a_wildcard_for_one_label) {
    TlsServer server(issue("DNS:*.users.test"));
    EXPECT_TRUE(shake(*client(), server, "a.users.test"));
    EXPECT_THAT(refusal(*client(), server, "a.b.users.test"), HasSubstr("is not for a.b.users.test but for *.users.test"));
    EXPECT_FALSE(shake(*client(), server, "users.test"));
}

TEST_P(Handshake, refuses_a_wrong_name_and_says_which_was_wanted) {
    TlsServer server(issue("DNS:a.test,DNS:b.test,DNS:c.test,DNS:d.test,DNS:e.test"));
    EXPECT_EQ(refusal(*client(), server, "users.test"),
              "the TLS handshake failed: its certificate is not for users.test but for a.test, b.test, c.test, d.test and 1 more");
}

TEST_P(Handshake, takes_no_common_name_for_a_name) {
    TlsServer server(make_certificate({.subject = "users.test", .issuer = &ca, .now = now}));
    EXPECT_THAT(refusal(*client(), server, "users.test"), HasSubstr("is not for users.test but for no name at all"));
}

TEST_P(Handshake, refuses_what_has_expired_or_is_not_valid_yet_and_says_when) {
    TlsServer expired(issue("DNS:users.test", -30, -2));
    EXPECT_THAT(refusal(*client(), expired, "users.test"), HasSubstr("its certificate expired on 20"));
    TlsServer early(issue("DNS:users.test", 2, 30));
    EXPECT_THAT(refusal(*client(), early, "users.test"), HasSubstr("its certificate is valid only from 20"));
}

TEST_P(Handshake, refuses_an_unknown_authority) {
    const Credential other = make_certificate({.subject = "Other CA", .authority = true, .now = now});
    TlsServer server(make_certificate({.subject = "leaf", .names = "DNS:users.test", .issuer = &other, .now = now}));
    EXPECT_THAT(refusal(*client(), server, "users.test"), HasSubstr("was issued by an authority that is not trusted: CN=Other CA"));
    // The machine's own authorities do not know it either.
    auto with_system = TlsClient::make({});
    ASSERT_TRUE(with_system);
    EXPECT_THAT(refusal(**with_system, server, "users.test"), HasSubstr("an authority that is not trusted"));
}

TEST_P(Handshake, refuses_a_self_signed_certificate_unless_it_is_trusted_itself) {
    const Credential own = make_certificate({.subject = "own", .names = "DNS:users.test", .now = now});
    TlsServer server(own);
    EXPECT_THAT(refusal(*client(), server, "users.test"), HasSubstr("its certificate is self-signed and not among the trusted ones"));
    EXPECT_TRUE(shake(*client({.ca = own.certificate}), server, "users.test"));
}

TEST_P(Handshake, trusts_an_intermediate_that_the_settings_name) {
    const Credential middle = make_certificate({.subject = "Middle", .issuer = &ca, .authority = true, .now = now});
    TlsServer server(make_certificate({.subject = "leaf", .names = "DNS:users.test", .issuer = &middle, .now = now}));
    EXPECT_TRUE(shake(*client({.ca = middle.certificate}), server, "users.test"));
    EXPECT_FALSE(shake(*client(), server, "users.test"));
}

TEST_P(Handshake, believes_anybody_only_where_it_was_told_to) {
    TlsServer server(make_certificate({.subject = "nobody", .to_days = 0, .now = now}));
    EXPECT_FALSE(shake(*client(), server, "users.test"));
    EXPECT_TRUE(shake(*client({.verify = false}), server, "users.test"));
}

TEST_P(Handshake, shows_its_own_certificate_where_one_is_wanted) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsServer server(issue("DNS:users.test"), version);
        server.want_client(ca);
        const Credential own = issue("DNS:gateway.test");
        ASSERT_TRUE(shake(*client({.certificate = own.certificate, .key = own.key}), server, "users.test"));
        EXPECT_EQ(said("hello"), "hello");
    }
}

TEST_P(Handshake, says_that_a_certificate_of_its_own_was_wanted) {
    TlsServer older(issue("DNS:users.test"), TLS1_2_VERSION);
    older.want_client(ca);
    EXPECT_THAT(refusal(*client(), older, "users.test"), HasSubstr("it sent the alert \"handshake failure\""));
    // In TLS 1.3 the client's side is finished by then: the first read says it.
    TlsServer newer(issue("DNS:users.test"), TLS1_3_VERSION);
    newer.want_client(ca);
    ASSERT_TRUE(shake(*client(), newer, "users.test"));
    Buffer into;
    Outcome got;
    Running r(read_once(**outcome, into, got));
    ASSERT_TRUE(ground.turn_until([&] { return got.done; }));
    EXPECT_EQ(got.result.error(), EPROTO);
    EXPECT_EQ((*outcome)->failure(), "it sent the alert \"certificate required\"");
}

TEST_P(Handshake, refuses_versions_before_1_2) {
    TlsServer server(issue("DNS:users.test"), TLS1_1_VERSION);
    SSL_CTX_set_min_proto_version(server.context(), TLS1_VERSION);
    SSL_CTX_set_security_level(server.context(), 0);
    EXPECT_THAT(refusal(*client(), server, "users.test"), HasSubstr("it sent the alert \"protocol version\""));
}

TEST_P(Handshake, resumes_the_last_session_until_its_certificate_has_expired) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsServer server(issue("DNS:users.test"), version);
        const auto with = client();
        session = std::make_shared<TlsSession>();
        for (const bool resumed : {false, true, true}) {
            ASSERT_TRUE(shake(*with, server, "users.test"));
            EXPECT_EQ(SSL_session_reused(far->ssl()), resumed);
            Buffer from = buffer_with(ground.loop(), "ticket first"), into;
            Outcome wrote, got;
            Running w(write_once(*far, from, wrote)), r(read_once(**outcome, into, got));
            ASSERT_TRUE(ground.turn_until([&] { return got.done; }));
            EXPECT_FALSE(session->empty());
        }
        if (!ground.simulated()) continue;
        const WallTime before = ground.wall();
        ground.net().clock().set_wall(now + std::chrono::hours(24 * 31));
        EXPECT_THAT(refusal(*with, server, "users.test"), HasSubstr("expired on"));
        ground.net().clock().set_wall(before);
    }
}

TEST_P(Handshake, a_peer_that_says_nothing_is_given_up_at_the_deadline) {
    std::unique_ptr<Stream> near, behind;
    ground.connect(near, behind);
    bool done = false;
    const auto with = client();
    Running a(run_client(*with, ground.loop(), std::move(near), "x", ground.in(std::chrono::milliseconds(30)), nullptr, outcome, done));
    ASSERT_TRUE(ground.turn_until([&] { return done; }));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().fault, Fault::upstream_connect_timeout);
}

TEST_P(Handshake, a_peer_that_closes_or_speaks_something_else_is_told_apart) {
    for (const bool speaks : {false, true}) {
        std::unique_ptr<Stream> near, behind;
        ground.connect(near, behind);
        bool done = false;
        const auto with = client();
        Running a(run_client(*with, ground.loop(), std::move(near), "x", ground.in(seconds(5)), nullptr, outcome, done));
        Buffer hello, answer = buffer_with(ground.loop(), "HTTP/1.1 400 Bad Request\r\n\r\n");
        Outcome got, wrote;
        Running r(read_once(*behind, hello, got));
        ASSERT_TRUE(ground.turn_until([&] { return got.done; }));
        Running w;
        if (speaks) w.start(write_once(*behind, answer, wrote));
        else behind.reset();
        ASSERT_TRUE(ground.turn_until([&] { return done; }));
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().fault, Fault::upstream_tls);
        EXPECT_THAT(outcome.error().context, HasSubstr(speaks ? "what it sent is not TLS" : "it closed the connection during the handshake"));
    }
}

// Others go first for longer than the time that there is: its deadline comes while it waits for its turn, and nothing is pending.
TEST_P(Handshake, whose_time_is_over_before_its_turn_ends_then) {
    struct Long final : Deferred {
        void on_deferred() override {
            const SystemClock clock;
            for (const Time end = clock.now() + milliseconds(5); clock.now() < end;) {
            }
        }
    };
    std::unique_ptr<Stream> near, behind;
    ground.connect(near, behind);
    bool done = false;
    Long first, second;
    const auto with = client();
    ground.loop().defer_one_of_many(first);
    ground.loop().defer_one_of_many(second);
    Running a(run_client(*with, ground.loop(), std::move(near), "x", ground.in(milliseconds(2)), nullptr, outcome, done));
    ASSERT_TRUE(ground.turn_until([&] { return done; }));
    EXPECT_EQ(outcome.error().fault, Fault::upstream_connect_timeout);
}

TEST_P(Handshake, given_up_by_its_owner_leaves_nothing_behind) {
    TlsServer server(issue("DNS:users.test"));
    const auto with = client();
    for (int turns = 0; turns < 12; ++turns) {
        std::unique_ptr<Stream> near, behind;
        ground.connect(near, behind);
        far = server.over(ground.loop(), std::move(near));
        bool a_done = false, b_done = false;
        Running a(run_client(*with, ground.loop(), std::move(behind), "users.test", ground.in(seconds(5)), nullptr, outcome, a_done));
        Running b(run_server(*far, ground.in(seconds(5)), far_end, b_done));
        ground.settle(turns);
        (turns % 2 == 0 ? a : b).cancel();
        ground.settle(2);
    }
}

TEST(TlsSettings, AreJudgedWhenTheyAreRead) {
    const Credential one = make_certificate({.names = "DNS:a"}), two = make_certificate({.names = "DNS:b"});
    const auto fault = [](const TlsClientSettings& s) {
        const auto made = TlsClient::make(s);
        return made ? std::pair{TlsSetting::ca, std::string("no fault")} : std::pair{made.error().setting, made.error().what};
    };
    EXPECT_EQ(fault({.ca = "nonsense"}), std::pair(TlsSetting::ca, std::string("holds no certificate in PEM form")));
    EXPECT_EQ(fault({.ca = one.certificate + "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}).second,
              "holds no certificate in PEM form");
    EXPECT_EQ(fault({.certificate = one.key, .key = one.key}).first, TlsSetting::certificate);
    EXPECT_EQ(fault({.certificate = one.certificate, .key = one.certificate}), std::pair(TlsSetting::key, std::string("holds no private key in PEM form")));
    EXPECT_EQ(fault({.certificate = one.certificate, .key = two.key}), std::pair(TlsSetting::key, std::string("is not the key of the certificate")));
    EXPECT_EQ(fault({.certificate = one.certificate, .key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"}).second,
              "is encrypted: the gateway needs it in plain form");
}

TEST(TlsSettings, AreTheSameExactlyWhereEverythingIsEqual) {
    const Credential one = make_certificate({.names = "DNS:a"}), two = make_certificate({.names = "DNS:b"});
    const TlsClientSettings base{.ca = one.certificate, .server_name = "a", .certificate = one.certificate, .key = one.key, .alpn = "x"};
    const auto a = *TlsClient::make(base);
    EXPECT_TRUE(a->same_as(**TlsClient::make(base)));
    auto other = base;
    other.ca = two.certificate;
    EXPECT_FALSE(a->same_as(**TlsClient::make(other)));
    other = base;
    other.server_name = "b";
    EXPECT_FALSE(a->same_as(**TlsClient::make(other)));
    other = base;
    other.verify = false;
    EXPECT_FALSE(a->same_as(**TlsClient::make(other)));
}

}  // namespace
}  // namespace portico::io
