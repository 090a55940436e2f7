// The parts of an HTTP message that every version shares. Layer 1.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"

namespace portico::http {

enum class Method : uint8_t { get, head, post, put, delete_, options, patch, trace, connect, other };
// Methods are compared with case (RFC 9110 §9.1).
Method method_of(std::string_view text);
// "GET" …; empty for `other`.
std::string_view method_text(Method m);
// RFC 9110 §9.2.2: GET, HEAD, OPTIONS, TRACE, PUT, DELETE.
bool is_idempotent(Method m);
// True for methods that say how long their body is even where there is none: POST, PUT, PATCH (RFC 9110 §8.6).
bool expects_body(Method m);
// True for every method in IANA's registry (ACL … VERSION-CONTROL), of which `Method` names only the common ones.
bool is_registered_method(std::string_view text);
// The registered method nearest to a misspelt one, or empty.
std::string_view nearest_method(std::string_view text);

enum class Version : uint8_t { http10, http11, http2 };

// How a body's end is known (RFC 9112 §6.3).
enum class Framing : uint8_t { none, length, chunked, until_close };

struct BodyLength {
    Framing framing = Framing::none;
    uint64_t length = 0;  // bytes; only with Framing::length
    bool operator==(const BodyLength&) const = default;
};

struct RequestHead {
    Method method = Method::other;
    std::string_view method_text;
    std::string_view target;  // as it came
    Version version = Version::http11;
    FieldList fields;
    BodyLength body;
    bool keep_alive = true;        // RFC 9112 §9.3, from version and Connection
    bool expect_continue = false;  // Expect: 100-continue (HTTP/1.1 only)
    bool upgrade = false;          // Upgrade with Connection: upgrade
    ConnectionOptions connection;
    std::string_view host;  // the Host field's value (or the target's authority in absolute-form, which wins); may be empty in 1.0

    void clear() {
        method = Method::other;
        method_text = target = host = {};
        version = Version::http11;
        fields.clear();
        body = {};
        keep_alive = true;
        expect_continue = upgrade = false;
        connection.close = connection.keep_alive = connection.upgrade = false;
        connection.names.clear();
    }
};

struct ResponseHead {
    int status = 0;
    std::string_view reason;
    Version version = Version::http11;
    FieldList fields;
    BodyLength body;
    bool keep_alive = true;
    bool upgrade = false;
    ConnectionOptions connection;

    void clear() {
        status = 0;
        reason = {};
        version = Version::http11;
        fields.clear();
        body = {};
        keep_alive = true;
        upgrade = false;
        connection.close = connection.keep_alive = connection.upgrade = false;
        connection.names.clear();
    }
};

// The reason phrase that goes with a status (RFC 9110 §15), or "".
std::string_view reason_of(int status);
// True for a field that holds a digest of a body, and is untrue of another one: RFC 9530, RFC 3230, Content-MD5 of RFC 1864.
bool is_digest(std::string_view field_name);
// True where a response never has a body whatever its fields say: 1xx, 204, 304, any answer to HEAD, 2xx to CONNECT.
bool never_has_body(int status, Method request);

}  // namespace portico::http
