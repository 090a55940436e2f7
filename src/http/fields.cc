#include "http/fields.h"

#include <algorithm>

#include "base/text.h"
#include "http/characters.h"
#include "http/scan.h"

namespace portico::http {
namespace {

// @requires not empty
uint64_t ending_bit(std::string_view name) {
    return uint64_t{1} << ((name.size() * 5 + static_cast<uint8_t>(folded_name_character(name.back()))) & 63);
}
uint64_t initial_bit(std::string_view name) { return uint64_t{1} << (static_cast<uint8_t>(folded_name_character(name.front())) & 63); }

// Three-way comparison of a folded name with one in any spelling.
int compare(std::string_view folded, std::string_view name) {
    const size_t common = std::min(folded.size(), name.size());
    for (size_t i = 0; i < common; ++i) {
        const auto a = static_cast<uint8_t>(folded[i]);
        const auto b = static_cast<uint8_t>(folded_name_character(name[i]));
        if (a != b) return a < b ? -1 : 1;
    }
    return folded.size() == name.size() ? 0 : folded.size() < name.size() ? -1 : 1;
}

}  // namespace

const Field* FieldList::find(FieldName id) const {
    for (const Field& f : fields_) {
        if (f.id == id) return &f;
    }
    return nullptr;
}

const Field* FieldList::find(std::string_view name) const {
    for (const Field& f : fields_) {
        if (iequals(f.name, name)) return &f;
    }
    return nullptr;
}

size_t FieldList::count(FieldName id) const {
    return static_cast<size_t>(std::ranges::count(fields_, id, &Field::id));
}

bool is_token(std::string_view text) {
    return !text.empty() && all_are(kTokenChar, text);
}

bool is_field_value(std::string_view text) {
    const char* const end = text.data() + text.size();
    return find_control(text.data(), end) == end;
}

std::string folded_name(std::string_view name) {
    std::string folded(name);
    for (char& c : folded) c = folded_name_character(c);
    return folded;
}

FieldName spelled_field_name(std::string_view name) { return field_name(folded_name(name)); }

void NameSet::insert(std::string_view name) {
    if (name.empty()) return;
    std::string folded = folded_name(name);
    const auto at = std::ranges::lower_bound(names_, folded);
    if (at != names_.end() && *at == folded) return;
    endings_ |= ending_bit(name);
    initials_ |= initial_bit(name);
    names_.insert(at, std::move(folded));
}

bool NameSet::contains(std::string_view name) const {
    if (name.empty() || (endings_ & ending_bit(name)) == 0 || (initials_ & initial_bit(name)) == 0) return false;
    const auto at =
        std::lower_bound(names_.begin(), names_.end(), name,
                         [](std::string_view folded, std::string_view x) { return compare(folded, x) < 0; });
    return at != names_.end() && compare(*at, name) == 0;
}

void read_connection(const FieldList& fields, ConnectionOptions& out) {
    out.close = out.keep_alive = out.upgrade = false;
    out.names.clear();
    for (const Field& f : fields) {
        if (f.id != FieldName::connection) continue;
        for_each_element(f.value, [&](std::string_view option) {
            if (iequals(option, "close")) {
                out.close = true;
            } else if (iequals(option, "keep-alive")) {
                out.keep_alive = true;
            } else if (iequals(option, "upgrade")) {
                out.upgrade = true;
            } else if (is_token(option)) {  // anything else can be no field's name
                out.names.push_back(option);
            }
        });
    }
}

bool is_hop_by_hop(FieldName id) {
    using enum FieldName;
    switch (id) {
        case connection:
        case keep_alive:
        case proxy_connection:
        case transfer_encoding:
        case te:
        case trailer:
        case upgrade:
        case proxy_authenticate:
        case proxy_authorization:
        case http2_settings: return true;
        default: return false;
    }
}

bool may_be_trailer(std::string_view name) {
    static const NameSet kNever = [] {
        NameSet names;
        for (const std::string_view n : {
                 // framing, routing, this hop
                 "content-length", "transfer-encoding", "host", "trailer", "te", "connection", "keep-alive", "upgrade", "via",
                 "proxy-connection", "http2-settings", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
                 "x-forwarded-port", "x-forwarded-prefix", "x-real-ip", "x-request-id", "traceparent", "tracestate",
                 "x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url",
                 // controls and conditions
                 "age", "cache-control", "expect", "expires", "if-match", "if-modified-since", "if-none-match", "if-range",
                 "if-unmodified-since", "location", "max-forwards", "pragma", "range", "retry-after", "vary",
                 // who one is
                 "authorization", "cookie", "proxy-authenticate", "proxy-authorization", "set-cookie", "www-authenticate",
                 // content
                 "content-encoding", "content-range", "content-type", "accept-encoding", "origin",
                 "access-control-request-method"}) {
            names.insert(n);
        }
        return names;
    }();
    return !kNever.contains(name);
}

}  // namespace portico::http
