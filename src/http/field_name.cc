// field_name(): length and one character choose the only name that it can be; one folded comparison decides.
#include <cstring>

#include "base/text.h"
#include "http/fields.h"

namespace portico::http {
namespace {

template <class Word>
bool word_matches(const char* text, const char* lower) {
    Word x, y;
    std::memcpy(&x, text, sizeof x);
    std::memcpy(&y, lower, sizeof y);
    // The names hold a-z, 0-9 and "-" only. Of these just the letters have bit 0x40, and they alone may differ by bit
    // 0x20.
    constexpr Word kLetters = static_cast<Word>(0x4040404040404040ULL);
    return ((x ^ y) & ~((y & kLetters) >> 1)) == 0;
}

bool matches(std::string_view text, std::string_view lower) {
    const size_t size = lower.size();
    if (text.size() != size) return false;
    if (size >= 8) {
        for (size_t i = 0; i + 8 <= size; i += 8) {
            if (!word_matches<uint64_t>(text.data() + i, lower.data() + i)) return false;
        }
        return word_matches<uint64_t>(text.data() + size - 8, lower.data() + size - 8);
    }
    if (size >= 4) {
        return word_matches<uint32_t>(text.data(), lower.data()) &&
               word_matches<uint32_t>(text.data() + size - 4, lower.data() + size - 4);
    }
    return iequals(text, lower);
}

FieldName forwarded_name(std::string_view name) {
    constexpr std::string_view kPrefix = "x-forwarded-";
    if (!matches(name.substr(0, kPrefix.size()), kPrefix)) return FieldName::other;
    const std::string_view what = name.substr(kPrefix.size());
    if (matches(what, "for")) return FieldName::x_forwarded_for;
    if (matches(what, "host")) return FieldName::x_forwarded_host;
    if (matches(what, "port")) return FieldName::x_forwarded_port;
    if (matches(what, "proto")) return FieldName::x_forwarded_proto;
    if (matches(what, "prefix")) return FieldName::x_forwarded_prefix;
    return FieldName::x_forwarded_other;
}

struct Candidate {
    FieldName id = FieldName::other;
    std::string_view text{};
};

Candidate candidate_of(size_t size, char first) {
    using enum FieldName;
    switch (size) {
        case 2: return {te, "te"};
        case 3: return {via, "via"};
        case 4: return first == 'h' ? Candidate{host, "host"} : Candidate{date, "date"};
        case 6:
            switch (first) {
                case 'e': return {expect, "expect"};
                case 'c': return {cookie, "cookie"};
                case 's': return {server, "server"};
                default: return {origin, "origin"};
            }
        case 7: return first == 't' ? Candidate{trailer, "trailer"} : Candidate{upgrade, "upgrade"};
        case 8: return {location, "location"};
        case 9: return first == 'f' ? Candidate{forwarded, "forwarded"} : Candidate{x_real_ip, "x-real-ip"};
        case 10:
            switch (first) {
                case 'c': return {connection, "connection"};
                case 'k': return {keep_alive, "keep-alive"};
                case 's': return {set_cookie, "set-cookie"};
                default: return {tracestate, "tracestate"};
            }
        case 11: return {traceparent, "traceparent"};
        case 12:
            return first == 'c' ? Candidate{content_type, "content-type"} : Candidate{x_request_id, "x-request-id"};
        case 13: return {authorization, "authorization"};
        case 14:
            return first == 'c' ? Candidate{content_length, "content-length"}
                                : Candidate{http2_settings, "http2-settings"};
        case 15: return {accept_encoding, "accept-encoding"};
        case 16:
            switch (first) {
                case 'c': return {content_encoding, "content-encoding"};
                case 'p': return {proxy_connection, "proxy-connection"};
                default: return {www_authenticate, "www-authenticate"};
            }
        case 17: return {transfer_encoding, "transfer-encoding"};
        case 18: return {proxy_authenticate, "proxy-authenticate"};
        case 19: return {proxy_authorization, "proxy-authorization"};
        case 29: return {access_control_request_method, "access-control-request-method"};
        default: return {};
    }
}

}  // namespace

FieldName field_name(std::string_view name) {
    if (name.empty()) return FieldName::other;
    const char first = ascii_lower(name.front());
    const Candidate candidate = candidate_of(name.size(), first);
    if (!candidate.text.empty() && matches(name, candidate.text)) return candidate.id;
    return first == 'x' && name.size() >= 12 ? forwarded_name(name) : FieldName::other;
}

}  // namespace portico::http
