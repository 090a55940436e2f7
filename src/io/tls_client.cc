#include "io/tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <utility>

#include "io/system_store.h"
#include "io/tls_stream.h"
#include "io/tls_words.h"

namespace portico::io {
namespace {

// One handshake's own, and what OpenSSL's callbacks find by the SSL object. Lives as long as that.
struct Attempt {
    std::string name;
    std::shared_ptr<TlsSession> session;
    std::string bad_certificate;  // in words, once one was refused
};

template <class T, void (*F)(T*)>
struct FreeBy {
    void operator()(T* p) const { F(p); }
};
using BioPtr = std::unique_ptr<BIO, FreeBy<BIO, BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, FreeBy<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY, EVP_PKEY_free>>;

int no_password(char*, int, int, void*) { return -1; }

BioPtr memory(const std::string& text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// The certificates of a PEM text, in its order. @returns none where there is none, or one of them is broken
std::vector<CertificatePtr> certificates_of(const std::string& pem) {
    std::vector<CertificatePtr> all;
    const BioPtr in = memory(pem);
    ERR_clear_error();
    while (X509* one = PEM_read_bio_X509_AUX(in.get(), nullptr, no_password, nullptr)) all.emplace_back(one);
    const unsigned long end = ERR_peek_last_error();
    if (ERR_GET_LIB(end) != ERR_LIB_PEM || ERR_GET_REASON(end) != PEM_R_NO_START_LINE) all.clear();
    ERR_clear_error();
    return all;
}

std::unexpected<TlsSettingFault> bad(TlsSetting setting, std::string what) {
    return std::unexpected<TlsSettingFault>({setting, std::move(what)});
}

std::expected<void, TlsSettingFault> trust(SSL_CTX* context, const std::string& ca) {
    if (ca.empty()) {
        SSL_CTX_set_default_verify_paths(context);
        return {};
    }
    const auto certificates = certificates_of(ca);
    if (certificates.empty()) return bad(TlsSetting::ca, "holds no certificate in PEM form");
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    for (const auto& c : certificates) X509_STORE_add_cert(store, c.get());
    // Whoever names a certificate trusts it, though it may be no root.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return {};
}

std::expected<void, TlsSettingFault> identify(SSL_CTX* context, const TlsClientSettings& settings) {
    if (settings.certificate.empty()) return {};
    const auto certificates = certificates_of(settings.certificate);
    if (certificates.empty()) return bad(TlsSetting::certificate, "holds no certificate in PEM form");
    if (SSL_CTX_use_certificate(context, certificates[0].get()) != 1) {
        return bad(TlsSetting::certificate, "holds a certificate that cannot be used: " + take_tls_error());
    }
    for (size_t i = 1; i < certificates.size(); ++i) SSL_CTX_add1_chain_cert(context, certificates[i].get());
    const BioPtr in = memory(settings.key);
    const KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr));
    if (key == nullptr) {
        ERR_clear_error();
        const bool locked = settings.key.find("ENCRYPTED") != std::string::npos;
        return bad(TlsSetting::key, locked ? "is encrypted: the gateway needs it in plain form" : "holds no private key in PEM form");
    }
    if (X509_check_private_key(certificates[0].get(), key.get()) != 1) {
        ERR_clear_error();
        return bad(TlsSetting::key, "is not the key of the certificate");
    }
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return bad(TlsSetting::key, "cannot be used: " + take_tls_error());
    return {};
}

std::array<unsigned char, 32> digest_of(const TlsClientSettings& s) {
    std::string all = s.verify ? "1" : "0";
    for (const std::string* part : {&s.ca, &s.server_name, &s.certificate, &s.key, &s.alpn}) {
        all += std::to_string(part->size()) + ':' + *part;
    }
    if (s.verify && s.ca.empty()) all += system_store_state();
    std::array<unsigned char, 32> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest.data());
    OPENSSL_cleanse(all.data(), all.size());
    return digest;
}

int on_verified(int good, X509_STORE_CTX* verification) {
    if (good == 1) return 1;
    const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto& attempt = *static_cast<Attempt*>(SSL_get_app_data(ssl));
    attempt.bad_certificate = describe_bad_certificate(verification, attempt.name);
    return 0;
}

// A session outlives the certificate that it was made with; what that has proved, it has not.
bool may_resume(const SSL_SESSION* session, time_t now) {
    X509* certificate = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session));
    return certificate != nullptr && X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
}

// Says whom the certificate must name. OpenSSL checks no name where none is set, an empty one included: what cannot be set must end
// the handshake.
// @returns false where `name` can be no server's name
bool want_name(SSL* ssl, const std::string& name) {
    if (name.empty() || name.find('\0') != std::string::npos) return false;
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl);
    // An address is no server name indication (RFC 6066 §3).
    if (IpAddress::parse(name)) return X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1;
    return X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size()) == 1 && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
}

}  // namespace

TlsSession::~TlsSession() { SSL_SESSION_free(session_); }

void TlsSession::keep(SSL_SESSION* session) { SSL_SESSION_free(std::exchange(session_, session)); }

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

int TlsClient::on_new_session(SSL* ssl, SSL_SESSION* session) {
    const auto* attempt = static_cast<const Attempt*>(SSL_get_app_data(ssl));
    if (attempt->session == nullptr) return 0;
    attempt->session->keep(session);
    return 1;
}

std::expected<std::shared_ptr<const TlsClient>, TlsSettingFault> TlsClient::make(const TlsClientSettings& settings) {
    std::shared_ptr<TlsClient> client(new TlsClient);
    SSL_CTX* context = client->context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_new_session);
    SSL_CTX_set_verify(context, settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, settings.verify ? on_verified : nullptr);
    // The subject's common name is no name of a server (RFC 9525 §2), and a `*` stands for one whole label.
    X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(context), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (auto r = trust(context, settings.ca); !r) return std::unexpected(std::move(r).error());
    if (auto r = identify(context, settings); !r) return std::unexpected(std::move(r).error());
    if (!settings.alpn.empty()) {
        std::string list(1, static_cast<char>(settings.alpn.size()));
        list += settings.alpn;
        SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()), static_cast<unsigned>(list.size()));
    }
    client->server_name_ = settings.server_name;
    client->verify_ = settings.verify;
    client->digest_ = digest_of(settings);
    return client;
}

SSL* TlsClient::prepare(const std::string& name, WallTime now, TlsSession* session) const {
    std::unique_ptr<SSL, FreeBy<SSL, SSL_free>> owned(SSL_new(context_));
    SSL* ssl = owned.get();
    if (ssl == nullptr || !want_name(ssl, name)) return nullptr;
    SSL_set_connect_state(ssl);
    const time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::time_point_cast<std::chrono::system_clock::duration>(now));
    X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), seconds);
    if (session != nullptr && session->session_ != nullptr && (!verify_ || may_resume(session->session_, seconds))) {
        SSL_set_session(ssl, session->session_);
    }
    return owned.release();
}

Task<Result<std::unique_ptr<Stream>>> TlsClient::handshake(Loop& loop, std::unique_ptr<Stream> plain, std::string host, Time deadline,
                                                           std::shared_ptr<TlsSession> session) const {
    auto attempt = std::make_shared<Attempt>();
    attempt->name = server_name_.empty() ? std::move(host) : server_name_;
    // The root's dot is no part of the name that certificates and SNI carry (RFC 6066 §3).
    if (attempt->name.ends_with('.')) attempt->name.pop_back();
    attempt->session = std::move(session);
    SSL* ssl = prepare(attempt->name, loop.wall(), attempt->session.get());
    if (ssl == nullptr) {
        ERR_clear_error();
        co_return fail(Fault::upstream_tls, "there is no server name that a certificate could carry: \"" + attempt->name + "\"");
    }
    SSL_set_app_data(ssl, attempt.get());
    auto stream = std::make_unique<TlsStream>(loop, std::move(plain), ssl, attempt);
    TlsStream::HandshakeEnd end = co_await stream->handshake(deadline);
    if (end.error == 0) co_return std::unique_ptr<Stream>(std::move(stream));
    if (end.error == ETIMEDOUT) co_return fail(Fault::upstream_connect_timeout, "the TLS handshake took too long", ETIMEDOUT);
    const std::string& what = attempt->bad_certificate.empty() ? end.what : attempt->bad_certificate;
    co_return fail(Fault::upstream_tls, "the TLS handshake failed: " + what, end.error);
}

}  // namespace portico::io
