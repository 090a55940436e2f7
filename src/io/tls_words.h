// What OpenSSL found, in words for a person who has to mend it. Beneath tls_stream and tls_client; private to src/io. Each
// empties this thread's queue of OpenSSL's errors.
#pragma once

#include <string>

struct x509_store_ctx_st;

namespace portico::io {

// Why the certificate at hand does not do. @param name the DNS name or IP address that was wanted
std::string describe_bad_certificate(x509_store_ctx_st* verification, const std::string& name);

// Why a handshake, or reading and writing after it, failed: the peer's alert, or what it sent.
std::string describe_tls_failure();

// The last of OpenSSL's queued errors as it calls it: "bad end line".
std::string take_tls_error();

}  // namespace portico::io
