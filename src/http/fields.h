// Header fields as they came: views into the message's head, in order, each with the identity of a name that the gateway
// itself cares about. Layer 1: no socket, no clock, no allocation per field.
//
// A FieldList lives in an exchange and is reused; the bytes that it views must outlive it (the connection's head buffer or the
// exchange's arena).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace portico::http {

// Names that some part of the gateway treats specially; anything else is `other`.
enum class FieldName : uint8_t {
    other = 0,
    host, connection, content_length, transfer_encoding, te, trailer, upgrade, keep_alive, proxy_connection,
    proxy_authenticate, proxy_authorization, expect, http2_settings,
    forwarded, via, x_forwarded_for, x_forwarded_host, x_forwarded_proto, x_forwarded_port, x_forwarded_prefix,
    x_forwarded_other,  // any other x-forwarded-*
    x_real_ip, x_request_id, traceparent, tracestate,
    authorization, cookie, set_cookie, content_type, content_encoding, date, server, location, origin, accept_encoding,
    access_control_request_method, www_authenticate,
    count_
};

// @returns the identity of a field name, compared without regard to ASCII case (RFC 9110 §5.1)
FieldName field_name(std::string_view name);

struct Field {
    std::string_view name;   // as it came: case kept
    std::string_view value;  // without surrounding white space
    FieldName id = FieldName::other;
};

class FieldList {
  public:
    void clear() { fields_.clear(); }
    void reserve(size_t n) { fields_.reserve(n); }
    void add(std::string_view name, std::string_view value) { add(name, value, field_name(name)); }
    // For a caller that knows the identity. @returns the field, until the next add. (Built in place and read from there: a Field
    // put together elsewhere and copied here costs a failed store forwarding, more than the parsing of the field.)
    const Field& add(std::string_view name, std::string_view value, FieldName id) {
        Field& field = fields_.emplace_back();
        field.name = name;
        field.value = value;
        field.id = id;
        return field;
    }
    void add(const Field& f) { add(f.name, f.value, f.id); }
    size_t size() const { return fields_.size(); }
    bool empty() const { return fields_.empty(); }
    std::span<const Field> all() const { return fields_; }
    std::span<Field> all() { return fields_; }
    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }
    // First field of that name, or nullptr.
    const Field* find(FieldName id) const;
    // First field of that name (any case), or nullptr.
    const Field* find(std::string_view name) const;
    size_t count(FieldName id) const;
    // Removes every field for which drop(field) holds; keeps the order of the rest. @returns how many went
    template <class F>
    size_t remove_if(F&& drop) {
        return std::erase_if(fields_, drop);
    }

  private:
    std::vector<Field> fields_;
};

// True for a field name's characters: RFC 9110 §5.6.2 token.
bool is_token(std::string_view text);
// True where `text` may stand as a field value: RFC 9110 §5.5 (HTAB, SP, VCHAR, obs-text; no CR, LF, NUL or other control).
bool is_field_value(std::string_view text);

// One character of a name as all spellings have it: a letter in lower case, a digit, and `-` for every other byte. Programs that
// hand header names on as variables (CGI, WSGI) tell no two of those apart (LANGUAGE.md §6).
inline constexpr std::array<char, 256> kFoldedNameCharacter = [] {
    std::array<char, 256> folded{};
    folded.fill('-');
    for (char c = '0'; c <= '9'; ++c) folded[static_cast<uint8_t>(c)] = c;
    for (char c = 'a'; c <= 'z'; ++c) folded[static_cast<uint8_t>(c)] = folded[static_cast<uint8_t>(c - 0x20)] = c;
    return folded;
}();
constexpr char folded_name_character(char c) { return kFoldedNameCharacter[static_cast<uint8_t>(c)]; }
std::string folded_name(std::string_view name);
// @returns the identity of the name of which this is a spelling: of `Transfer_Encoding` that of `Transfer-Encoding`
FieldName spelled_field_name(std::string_view name);
// True where both are one name in two spellings, or in one.
inline bool is_same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::ranges::equal(a, b, {}, folded_name_character, folded_name_character);
}

// A set of names matched in every spelling (folded_name). Built once at load, then read by any thread.
class NameSet {
  public:
    void insert(std::string_view name);
    bool contains(std::string_view name) const;
    bool empty() const { return names_.empty(); }
    size_t size() const { return names_.size(); }
    std::span<const std::string> names() const { return names_; }  // folded, sorted

  private:
    std::vector<std::string> names_;
    // A cheap first test, so that a name that is surely absent costs no comparison: one bit for each class of lengths and last
    // characters, one for each first character.
    uint64_t endings_ = 0;
    uint64_t initials_ = 0;
};

// What a Connection field says (RFC 9110 §7.6.1), over all its values.
struct ConnectionOptions {
    bool close = false;
    bool keep_alive = false;
    bool upgrade = false;
    // The other tokens: names of fields that are for this hop only. Views into the values.
    std::vector<std::string_view> names;
};
// Reads every Connection field of `fields`. `out` is cleared first and keeps its capacity.
void read_connection(const FieldList& fields, ConnectionOptions& out);

// True for fields that never pass a proxy, listed in Connection or not: Connection, Keep-Alive, Proxy-Connection,
// Transfer-Encoding, TE, Trailer, Upgrade, Proxy-Authenticate, Proxy-Authorization, HTTP2-Settings (RFC 9110 §7.6.1).
bool is_hop_by_hop(FieldName id);

// False for names that mean nothing good among trailers: those that frame, route, authenticate, modify or condition a message, or
// say how its content is to be read, in any spelling. Who merges trailers into headers would be led astray.
// @spec RFC 9110 §6.5.1
bool may_be_trailer(std::string_view name);

}  // namespace portico::http
