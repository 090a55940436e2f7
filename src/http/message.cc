#include "http/message.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"

namespace portico::http {
namespace {

constexpr std::array<std::string_view, 10> kMethodTexts = {"GET",     "HEAD",  "POST",  "PUT",     "DELETE",
                                                           "OPTIONS", "PATCH", "TRACE", "CONNECT", ""};

// https://www.iana.org/assignments/http-methods, without "*" and "PRI", which it lists so that nobody uses them as
// methods.
constexpr std::string_view kRegistered[] = {
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
};
static_assert(std::ranges::is_sorted(kRegistered));

}  // namespace

Method method_of(std::string_view text) {
    using enum Method;
    const auto when = [&](Method m) { return text == kMethodTexts[static_cast<size_t>(m)] ? m : other; };
    switch (text.size()) {
        case 3: return text[0] == 'G' ? when(get) : when(put);
        case 4: return text[0] == 'H' ? when(head) : when(post);
        case 5: return text[0] == 'P' ? when(patch) : when(trace);
        case 6: return when(delete_);
        case 7: return text[0] == 'O' ? when(options) : when(connect);
        default: return other;
    }
}

std::string_view method_text(Method m) {
    return kMethodTexts[static_cast<size_t>(m)];
}

bool is_idempotent(Method m) {
    using enum Method;
    return m == get || m == head || m == options || m == trace || m == put || m == delete_;
}

bool expects_body(Method m) { return m == Method::post || m == Method::put || m == Method::patch; }

bool is_registered_method(std::string_view text) {
    return std::ranges::binary_search(kRegistered, text);
}

std::string_view nearest_method(std::string_view text) {
    return nearest(text, kRegistered, std::size(kRegistered));
}

std::string_view reason_of(int status) {
    switch (status) {
        case 100: return "Continue";
        case 101: return "Switching Protocols";
        case 102: return "Processing";
        case 103: return "Early Hints";
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 203: return "Non-Authoritative Information";
        case 204: return "No Content";
        case 205: return "Reset Content";
        case 206: return "Partial Content";
        case 207: return "Multi-Status";
        case 208: return "Already Reported";
        case 226: return "IM Used";
        case 300: return "Multiple Choices";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 305: return "Use Proxy";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 402: return "Payment Required";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 407: return "Proxy Authentication Required";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 411: return "Length Required";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 416: return "Range Not Satisfiable";
        case 417: return "Expectation Failed";
        case 421: return "Misdirected Request";
        case 422: return "Unprocessable Content";
        case 423: return "Locked";
        case 424: return "Failed Dependency";
        case 425: return "Too Early";
        case 426: return "Upgrade Required";
        case 428: return "Precondition Required";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 451: return "Unavailable For Legal Reasons";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        case 506: return "Variant Also Negotiates";
        case 507: return "Insufficient Storage";
        case 508: return "Loop Detected";
        case 511: return "Network Authentication Required";
        default: return "";
    }
}

bool never_has_body(int status, Method request) {
    return status < 200 || status == 204 || status == 304 || request == Method::head ||
           (request == Method::connect && status < 300);
}

bool is_digest(std::string_view name) {
    constexpr std::string_view kNames[] = {"Content-MD5", "Digest", "Content-Digest", "Repr-Digest"};
    return std::ranges::any_of(kNames, [&](std::string_view n) { return iequals(n, name); });
}

}  // namespace portico::http
