// What the tests of TLS share: certificates made on the spot, a server's side, and two ends of one connection on the simulated
// network or on either backend. For tests only.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "io/loop_fixture.h"
#include "io/sim/network.h"
#include "io/tls_client.h"
#include "io/tls_stream.h"

namespace portico::io {

// A certificate with its key, both as PEM.
struct Credential {
    std::string certificate, key;
};

struct CertificateOrder {
    std::string subject = "test";
    std::string names;             // "DNS:a.test,IP:127.0.0.1"; empty: none
    const Credential* issuer = nullptr;  // nullptr: itself
    bool authority = false;
    int64_t from_days = -1, to_days = 30;  // from `now`
    WallTime now{std::chrono::seconds(1'700'000'000)};
};

inline std::string pem_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<size_t>(size));
    BIO_free(bio);
    return text;
}
inline EVP_PKEY* key_of(const Credential& c) {
    BIO* in = BIO_new_mem_buf(c.key.data(), static_cast<int>(c.key.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
    BIO_free(in);
    return key;
}
inline X509* certificate_of(const Credential& c) {
    BIO* in = BIO_new_mem_buf(c.certificate.data(), static_cast<int>(c.certificate.size()));
    X509* certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
    BIO_free(in);
    return certificate;
}

inline Credential make_certificate(const CertificateOrder& order) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* c = X509_new();
    static long serial = 1;
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
    const auto seconds = static_cast<time_t>(std::chrono::duration_cast<std::chrono::seconds>(order.now.time_since_epoch()).count());
    ASN1_TIME_set(X509_getm_notBefore(c), seconds + order.from_days * 86400);
    ASN1_TIME_set(X509_getm_notAfter(c), seconds + order.to_days * 86400);
    X509_set_pubkey(c, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(order.subject.c_str()), -1, -1, 0);
    X509* issuer = order.issuer != nullptr ? certificate_of(*order.issuer) : nullptr;
    EVP_PKEY* signer = order.issuer != nullptr ? key_of(*order.issuer) : key;
    X509_set_issuer_name(c, X509_get_subject_name(issuer != nullptr ? issuer : c));
    const auto extend = [&](int nid, const std::string& value) {
        if (value.empty()) return;
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer != nullptr ? issuer : c, c, nullptr, nullptr, 0);
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
        EXPECT_NE(extension, nullptr) << value;
        X509_add_ext(c, extension, -1);
        X509_EXTENSION_free(extension);
    };
    extend(NID_basic_constraints, order.authority ? "critical,CA:TRUE" : "CA:FALSE");
    extend(NID_subject_alt_name, order.names);
    X509_sign(c, signer, EVP_sha256());
    Credential made;
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, c);
    made.certificate = pem_of(out);
    out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    made.key = pem_of(out);
    X509_free(c);
    if (issuer != nullptr) {
        X509_free(issuer);
        EVP_PKEY_free(signer);
    }
    EVP_PKEY_free(key);
    return made;
}

// The server's side.
class TlsServer {
  public:
    explicit TlsServer(const Credential& c, int version = 0) : context_(SSL_CTX_new(TLS_server_method())) {
        SSL_CTX_set_max_proto_version(context_, version);
        X509* certificate = certificate_of(c);
        EVP_PKEY* key = key_of(c);
        SSL_CTX_use_certificate(context_, certificate);
        SSL_CTX_use_PrivateKey(context_, key);
        X509_free(certificate);
        EVP_PKEY_free(key);
        SSL_CTX_set_session_id_context(context_, reinterpret_cast<const unsigned char*>("t"), 1);
        SSL_CTX_set_alpn_select_cb(context_, choose_protocol, this);
    }
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;
    ~TlsServer() { SSL_CTX_free(context_); }

    SSL_CTX* context() { return context_; }
    // Wants a client's certificate of this issuer.
    void want_client(const Credential& issuer) {
        X509* certificate = certificate_of(issuer);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), certificate);
        X509_STORE_set_flags(SSL_CTX_get_cert_store(context_), X509_V_FLAG_NO_CHECK_TIME);
        X509_free(certificate);
        SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    std::unique_ptr<TlsStream> over(Loop& loop, std::unique_ptr<Stream> plain) {
        SSL* ssl = SSL_new(context_);
        SSL_set_accept_state(ssl);
        return std::make_unique<TlsStream>(loop, std::move(plain), ssl);
    }
    std::string protocols;  // that the client offered

  private:
    static int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size, void* self) {
        static_cast<TlsServer*>(self)->protocols.assign(reinterpret_cast<const char*>(in), in_size);
        *out = in + 1;
        *size = in[0];
        return SSL_TLSEXT_ERR_OK;
    }
    SSL_CTX* context_;
};

// A stream that brings and takes at most a few bytes at a time.
class Trickle final : public Stream {
  public:
    Trickle(std::unique_ptr<Stream> below, uint32_t most) : below_(std::move(below)), most_(most) {}
    void interrupt(int error, Direction which) override { below_->interrupt(error, which); }
    bool quiet(bool now) override { return below_->quiet(now); }
    bool at_end() override { return below_->at_end(); }
    void watch(StreamWatcher* watcher) override { below_->watch(watcher); }
    void shutdown_write() override { below_->shutdown_write(); }
    void abort_on_close() override { below_->abort_on_close(); }
    SocketAddress peer() const override { return below_->peer(); }
    SocketAddress local() const override { return below_->local(); }

  protected:
    bool start_read(StreamOp& op) override {
        op.max = std::min(op.max, most_);
        return start_read_of(*below_, op);
    }
    bool start_write(StreamOp& op) override { return start_write_of(*below_, op); }
    void abandon_read() override { abandon_read_of(*below_); }
    void abandon_write() override { abandon_write_of(*below_); }

  private:
    std::unique_ptr<Stream> below_;
    uint32_t most_;
};

enum class Under : uint8_t { sim, uring, epoll };
inline const auto kEverywhere = testing::Values(Under::sim, Under::uring, Under::epoll);
inline std::string under_name(const testing::TestParamInfo<Under>& info) {
    return info.param == Under::sim ? "sim" : info.param == Under::uring ? "uring" : "epoll";
}

// A loop, and connections of which both ends are streams of it.
class Ground final : private Acceptor::Sink {
  public:
    explicit Ground(Under under) {
        if (under == Under::sim) {
            net_ = std::make_unique<SimNetwork>();
            loop_ = std::make_unique<Loop>(net_->backend(), net_->clock());
            acceptor_ = loop_->backend().listen(net_->listener(address_), *this);
            return;
        }
        auto made = Loop::make(under == Under::uring ? BackendChoice::uring : BackendChoice::epoll, clock_);
        if (made) loop_ = std::move(*made);
    }
    bool usable() const { return loop_ != nullptr; }
    bool simulated() const { return net_ != nullptr; }
    Loop& loop() { return *loop_; }
    SimNetwork& net() { return *net_; }
    WallTime wall() const { return net_ != nullptr ? net_->clock().wall() : clock_.wall(); }
    Time in(Duration d) const { return (net_ != nullptr ? net_->clock().now() : clock_.now()) + d; }

    template <class F>
    bool turn_until(F holds) {
        const Time end = clock_.now() + std::chrono::seconds(20);
        while (!holds()) {
            if (clock_.now() >= end) return false;
            loop_->turn(std::chrono::milliseconds(1));
        }
        return true;
    }
    void settle(int turns = 12) {
        for (int i = 0; i < turns; ++i) loop_->turn(std::chrono::milliseconds(1));
    }
    void connect(std::unique_ptr<Stream>& near, std::unique_ptr<Stream>& far) {
        if (net_ != nullptr) {
            near = net_->connect(address_, *SocketAddress::parse("10.0.0.9:5000"));
            EXPECT_TRUE(turn_until([&] { return accepted_ != nullptr; }));
            far = std::move(accepted_);
            return;
        }
        PlainListener listener;
        Peer peer = Peer::to(listener.address());
        const int fd = listener.accept();
        far = loop_->backend().adopt(fd, peer_address(fd));
        const int own = ::dup(peer.fd());
        set_no_delay(fd);
        set_no_delay(own);
        near = loop_->backend().adopt(own, listener.address());
    }

  private:
    void on_accept(std::unique_ptr<Stream> stream) override { accepted_ = std::move(stream); }
    void on_accept_error(int) override {}

    const SocketAddress address_ = *SocketAddress::parse("10.0.0.1:443");
    SystemClock clock_;
    std::unique_ptr<SimNetwork> net_;
    std::unique_ptr<Loop> loop_;
    std::unique_ptr<Acceptor> acceptor_;
    std::unique_ptr<Stream> accepted_;
};

using ClientEnd = Result<std::unique_ptr<Stream>>;
inline Task<void> run_client(const TlsClient& client, Loop& loop, std::unique_ptr<Stream> plain, std::string host, Time deadline,
                             std::shared_ptr<TlsSession> session, ClientEnd& out, bool& done) {
    out = co_await client.handshake(loop, std::move(plain), std::move(host), deadline, std::move(session));
    done = true;
}
inline Task<void> run_server(TlsStream& stream, Time deadline, TlsStream::HandshakeEnd& out, bool& done) {
    out = co_await stream.handshake(deadline);
    done = true;
}

}  // namespace portico::io
