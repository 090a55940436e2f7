#include "policy/jwt/token_place.h"

#include <algorithm>

#include "base/text.h"
#include "http/uri.h"

namespace portico::policy::jwt {
namespace {

using gateway::Exchange;
using http::FieldName;

// What follows "Bearer " (the scheme in any case, one or more spaces: RFC 9110 §11.4); none for another scheme.
std::optional<std::string_view> bearer(std::string_view value) {
    constexpr std::string_view kScheme = "bearer";
    if (value.size() < kScheme.size() || !iequals(value.substr(0, kScheme.size()), kScheme)) return std::nullopt;
    value.remove_prefix(kScheme.size());
    if (value.empty()) return value;
    // A tab is no separator here, but may be one to the service: what follows is judged, and found malformed.
    if (value.front() != ' ' && value.front() != '\t') return std::nullopt;
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
}

class Finder {
  public:
    void found(std::string_view text, const TokenPlace& place) {
        result.several |= result.place != nullptr;
        result.text = text;
        result.place = &place;
    }
    FoundToken result;
};

// Calls f(name, value, whole) for each pair of the Cookie fields (RFC 6265 §5.4).
template <class F>
void for_each_cookie(std::string_view value, F&& f) {
    while (!value.empty()) {
        const size_t end = std::min(value.find(';'), value.size());
        const std::string_view pair = trim_ows(value.substr(0, end));
        value.remove_prefix(std::min(end + 1, value.size()));
        const size_t eq = pair.find('=');
        if (eq != std::string_view::npos) f(pair.substr(0, eq), pair.substr(eq + 1), pair);
    }
}

bool is_spelling_of(std::string_view name, std::string_view other) {
    const auto folded = [](char c) { return c == '_' ? '-' : ascii_lower(c); };
    return std::ranges::equal(name, other, {}, folded, folded);
}

void remove_cookie(Exchange& x, std::string_view name) {
    for (http::Field& f : x.request.fields.all()) {
        if (f.id != FieldName::cookie) continue;
        std::string kept;
        for_each_cookie(f.value, [&](std::string_view key, std::string_view, std::string_view whole) {
            if (key == name) return;
            if (!kept.empty()) kept += "; ";
            kept += whole;
        });
        f.value = x.arena.copy(kept);
    }
    x.request.fields.remove_if([](const http::Field& f) { return f.id == FieldName::cookie && f.value.empty(); });
}

void remove_pair(Exchange& x, std::string_view name) {
    std::string kept;
    http::for_each_pair(x.view.query, [&](std::string_view key, std::string_view, std::string_view whole) {
        if (http::decode_query_value(key) == name) return;
        if (!kept.empty()) kept += '&';
        kept += whole;
    });
    x.view.query = x.arena.copy(kept);
    x.view.has_query = !kept.empty();
}

}  // namespace

FoundToken find_token(const Exchange& x, std::span<const TokenPlace> places) {
    Finder finder;
    for (const TokenPlace& place : places) {
        switch (place.kind) {
            case TokenPlace::Kind::authorization:
                for (const http::Field& f : x.request.fields) {
                    if (f.id != FieldName::authorization) continue;
                    if (const auto token = bearer(f.value)) finder.found(*token, place);
                }
                break;
            case TokenPlace::Kind::header:
                for (const http::Field& f : x.request.fields) {
                    if (!iequals(f.name, place.name)) continue;
                    finder.found(bearer(f.value).value_or(f.value), place);
                }
                break;
            case TokenPlace::Kind::cookie:
                for (const http::Field& f : x.request.fields) {
                    if (f.id != FieldName::cookie) continue;
                    for_each_cookie(f.value, [&](std::string_view key, std::string_view value, std::string_view) {
                        if (key == place.name) finder.found(value, place);
                    });
                }
                break;
            case TokenPlace::Kind::query:
                if (!x.view.has_query) break;
                http::for_each_pair(x.view.query, [&](std::string_view key, std::string_view value, std::string_view) {
                    if (http::decode_query_value(key) == place.name) finder.found(value, place);
                });
                break;
        }
    }
    return finder.result;
}

void remove_token(Exchange& x, const TokenPlace& place) {
    switch (place.kind) {
        case TokenPlace::Kind::authorization:
            x.request.fields.remove_if([](const http::Field& f) { return f.id == FieldName::authorization; });
            return;
        case TokenPlace::Kind::header:
            x.request.fields.remove_if([&](const http::Field& f) { return is_spelling_of(f.name, place.name); });
            return;
        case TokenPlace::Kind::cookie: return remove_cookie(x, place.name);
        case TokenPlace::Kind::query: return remove_pair(x, place.name);
    }
}

}  // namespace portico::policy::jwt
