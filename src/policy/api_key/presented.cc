#include "policy/api_key/presented.h"

#include <algorithm>

#include "base/text.h"
#include "http/uri.h"

namespace portico::policy::api_key {
namespace {

bool is_name(std::string_view written, std::string_view name) {
    if (written.find_first_of("%+") == std::string_view::npos) return written == name;
    return http::decode_query_value(written) == name;
}

bool same_folded(std::string_view a, std::string_view b) {
    const auto folded = [](char c) { return c == '_' ? '-' : ascii_lower(c); };
    return std::ranges::equal(a, b, {}, folded, folded);
}

}  // namespace

Presented key_in(const http::FieldList& fields, std::string_view name) {
    Presented p;
    for (const http::Field& f : fields) {
        if (!iequals(f.name, name)) continue;
        if (p.count++ == 0) p.key = f.value;
    }
    return p;
}

Presented key_in(std::string_view query, std::string_view name, Arena& arena) {
    Presented p;
    http::for_each_pair(query, [&](std::string_view written, std::string_view value, std::string_view) {
        if (!is_name(written, name)) return;
        if (p.count++ == 0) p.key = value.find_first_of("%+") == std::string_view::npos ? value : arena.copy(http::decode_query_value(value));
    });
    return p;
}

void remove_key(http::FieldList& fields, std::string_view name) {
    fields.remove_if([&](const http::Field& f) { return same_folded(f.name, name); });
}

std::string_view without_key(std::string_view query, std::string_view name, Arena& arena) {
    std::string rest;
    bool found = false;
    http::for_each_pair(query, [&](std::string_view written, std::string_view, std::string_view pair) {
        if (is_name(written, name)) {
            found = true;
            return;
        }
        if (!rest.empty()) rest += '&';
        rest += pair;
    });
    return found ? arena.copy(rest) : query;
}

}  // namespace portico::policy::api_key
