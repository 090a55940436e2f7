// The client's side of TLS: settings that were read and judged once, and the handshake that turns a plain Stream into one
// that is encrypted. Used by upstream/ and redis/. Immutable and shared by all workers; a TlsSession is one worker's.
#pragma once

#include <array>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/loop.h"
#include "io/task.h"

struct ssl_ctx_st;
struct ssl_st;
struct ssl_session_st;

namespace portico::io {

// Everything as text: who reads the files is who can name them in a message.
struct TlsClientSettings {
    std::string ca;           // PEM, one or more certificates, each trusted as it stands; empty: the system's store
    std::string server_name;  // DNS name or IP address; empty: the host that each handshake names
    std::string certificate;  // PEM, with its chain behind it; empty: none
    std::string key;          // PEM, not encrypted
    std::string alpn;         // one protocol ("http/1.1"); empty: no ALPN
    bool verify = true;       // false: anybody may answer
};

// Which of the settings was bad, and how, in words that follow its name: "holds no certificate in PEM form".
enum class TlsSetting : uint8_t { ca, certificate, key };
struct TlsSettingFault {
    TlsSetting setting;
    std::string what;
};

// The session that the last handshake with an endpoint left, offered by the next one: that spares the service a signature and
// both a round of certificates. Outlived by no connection that was made with it (shared).
class TlsSession {
  public:
    TlsSession() = default;
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;
    ~TlsSession();

    bool empty() const { return session_ == nullptr; }

  private:
    friend class TlsClient;
    void keep(ssl_session_st* session);
    ssl_session_st* session_ = nullptr;
};

class TlsClient {
  public:
    static std::expected<std::shared_ptr<const TlsClient>, TlsSettingFault> make(const TlsClientSettings& settings);
    ~TlsClient();
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    // Takes `plain` over and makes it encrypted: at least TLS 1.2, the certificate verified for the settings' server name, or for
    // `host` where they have none. Destroying the task closes the connection.
    // @param host DNS name or IP address, without brackets
    // @param session offered and renewed, or nullptr
    // @errors upstream_tls (context: what was wrong, for a person; also where neither names anybody, since nothing could be verified
    // then); upstream_connect_timeout at the deadline. `system` is an errno
    Task<Result<std::unique_ptr<Stream>>> handshake(Loop& loop, std::unique_ptr<Stream> plain, std::string host, Time deadline,
                                                    std::shared_ptr<TlsSession> session = nullptr) const;

    // True where both were made of equal settings and, where those name no authorities, of the same store of the system's: what one
    // connected may serve the other.
    bool same_as(const TlsClient& other) const { return digest_ == other.digest_; }
    // What same_as compares, as bytes.
    std::string_view digest() const { return {reinterpret_cast<const char*>(digest_.data()), digest_.size()}; }
    bool verifies() const { return verify_; }

  private:
    TlsClient() = default;
    // @returns nullptr where `name` can be nobody's
    ssl_st* prepare(const std::string& name, WallTime now, TlsSession* session) const;
    static int on_new_session(ssl_st* ssl, ssl_session_st* session);

    ssl_ctx_st* context_ = nullptr;
    std::string server_name_;
    std::array<unsigned char, 32> digest_{};
    bool verify_ = true;
};

}  // namespace portico::io
