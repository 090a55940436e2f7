#include "io/tls_words.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>

#include "base/address.h"

namespace portico::io {
namespace {

constexpr size_t kMaxNames = 4;    // of a certificate that has many
constexpr size_t kMaxName = 128;   // bytes shown of one

std::string cut(std::string text) {
    if (text.size() > kMaxName) text.replace(kMaxName, std::string::npos, "…");
    return text;
}

std::string text_of(const X509_NAME* name) {
    BIO* out = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    std::string text(data, static_cast<size_t>(size));
    BIO_free(out);
    return cut(std::move(text));
}

std::string text_of(const ASN1_TIME* time) {
    tm t{};
    if (ASN1_TIME_to_tm(time, &t) != 1) return "an unreadable time";
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d UTC", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                  t.tm_sec);
    return text;
}

std::string text_of(const GENERAL_NAME* name) {
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(name, &type));
    if (type != GEN_DNS && type != GEN_IPADD) return {};
    const unsigned char* data = ASN1_STRING_get0_data(value);
    const auto size = static_cast<size_t>(ASN1_STRING_length(value));
    if (type == GEN_DNS) return cut(std::string(reinterpret_cast<const char*>(data), size));
    if (size == 4) {
        char text[32];
        std::snprintf(text, sizeof text, "%u.%u.%u.%u", data[0], data[1], data[2], data[3]);
        return text;
    }
    if (size != 16) return {};
    IpAddress ip{};
    std::copy(data, data + size, ip.bytes.begin());
    return ip.text();
}

// The names that a certificate is good for. The subject's common name is none of them (RFC 9525 §2).
std::string names_of(X509* certificate) {
    auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    std::string text;
    size_t shown = 0, left_out = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const std::string name = text_of(sk_GENERAL_NAME_value(all, i));
        if (name.empty()) continue;
        if (shown == kMaxNames) {
            ++left_out;
            continue;
        }
        if (shown++ > 0) text += ", ";
        text += name;
    }
    GENERAL_NAMES_free(all);
    if (left_out > 0) text += " and " + std::to_string(left_out) + " more";
    return text.empty() ? "no name at all" : text;
}

}  // namespace

std::string describe_bad_certificate(X509_STORE_CTX* verification, const std::string& name) {
    const int error = X509_STORE_CTX_get_error(verification);
    X509* at = X509_STORE_CTX_get_current_cert(verification);
    const bool own = X509_STORE_CTX_get_error_depth(verification) == 0;
    const std::string what =
        own || at == nullptr ? "its certificate" : "a certificate of its chain (" + text_of(X509_get_subject_name(at)) + ")";
    switch (at != nullptr ? error : X509_V_ERR_UNSPECIFIED) {
        case X509_V_ERR_CERT_HAS_EXPIRED: return what + " expired on " + text_of(X509_get0_notAfter(at));
        case X509_V_ERR_CERT_NOT_YET_VALID: return what + " is valid only from " + text_of(X509_get0_notBefore(at));
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH: return what + " is not for " + name + " but for " + names_of(at);
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return what + " is self-signed and not among the trusted ones";
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "its chain ends at an authority that is not trusted: " + text_of(X509_get_subject_name(at));
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return what + " was issued by an authority that is not trusted: " + text_of(X509_get_issuer_name(at));
        default: return what + " was refused: " + X509_verify_cert_error_string(error);
    }
}

std::string describe_tls_failure() {
    const unsigned long error = ERR_peek_last_error();
    const int reason = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) return "TLS failed: " + take_tls_error();
    switch (reason) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_HTTP_REQUEST: ERR_clear_error(); return "what it sent is not TLS";
        case SSL_R_UNSUPPORTED_PROTOCOL: ERR_clear_error(); return "it speaks no version of TLS from 1.2 on";
        default: break;
    }
    std::string text = take_tls_error();
    if (reason < SSL_AD_REASON_OFFSET) return "TLS failed: " + text;
    // OpenSSL's words begin with the version that brought the alert: "tlsv13 alert certificate required".
    if (const size_t alert = text.find("alert "); alert != std::string::npos) text.erase(0, alert + 6);
    return "it sent the alert \"" + text + "\"";
}

std::string take_tls_error() {
    const unsigned long error = ERR_peek_last_error();
    const char* text = error != 0 ? ERR_reason_error_string(error) : nullptr;
    ERR_clear_error();
    return text != nullptr ? text : "unknown error";
}

}  // namespace portico::io
