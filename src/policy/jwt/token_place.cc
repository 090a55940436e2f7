#include "policy/jwt/token_place.h"

#include <algorithm>

#include "http/credential.h"
#include "http/fields.h"

namespace portico::policy::jwt {
namespace {

using gateway::Exchange;
using http::FieldName;

std::optional<std::string_view> bearer(std::string_view value) { return http::behind_scheme(value, "Bearer"); }

class Finder {
  public:
    void found(const http::Presented& presented, const TokenPlace& place) {
        if (presented.count == 0) return;
        result.several |= result.place != nullptr || presented.count > 1;
        result.text = presented.first;
        result.place = &place;
    }
    FoundToken result;
};

// Beside a token no further Authorization may stand, of whatever scheme: a service may read that one.
void find_bearer(const Exchange& x, const TokenPlace& place, Finder& into) {
    http::Presented all;
    std::optional<std::string_view> token;
    for (const http::Field& f : x.request.fields) {
        if (f.id != FieldName::authorization) continue;
        ++all.count;
        if (!token) token = bearer(f.value);
    }
    if (!token) return;
    all.first = *token;
    into.found(all, place);
}

void remove_pair(Exchange& x, std::string_view name) {
    const std::string_view left = http::without_pairs(x.view.query, name, x.arena);
    if (left.size() == x.view.query.size()) return;
    x.view.query = left;
    x.view.has_query = !left.empty();
}

}  // namespace

FoundToken find_token(const Exchange& x, std::span<const TokenPlace> places) {
    Finder finder;
    for (const TokenPlace& place : places) {
        switch (place.kind) {
            case TokenPlace::Kind::authorization: find_bearer(x, place, finder); break;
            case TokenPlace::Kind::header: {
                http::Presented p = http::presented_in_headers(x.request.fields, place.name);
                p.first = bearer(p.first).value_or(p.first);
                finder.found(p, place);
                break;
            }
            case TokenPlace::Kind::cookie: finder.found(http::presented_in_cookies(x.request.fields, place.name), place); break;
            case TokenPlace::Kind::query:
                if (x.view.has_query) finder.found(http::presented_in_query(x.view.query, place.name), place);
                break;
        }
    }
    return finder.result;
}

bool names_token(std::span<const TokenPlace> places, const gateway::TemplatePart& part) {
    return std::ranges::any_of(places, [&](const TokenPlace& place) {
        if (place.kind == TokenPlace::Kind::query) return part.source == gateway::Source::query_value && part.text == place.name;
        if (place.kind == TokenPlace::Kind::cookie && part.source == gateway::Source::cookie) return part.text == place.name;
        if (place.kind == TokenPlace::Kind::cookie || part.source != gateway::Source::header) return false;
        return http::is_same_name(part.text, place.kind == TokenPlace::Kind::header ? std::string_view(place.name) : "Authorization");
    });
}

bool is_token_alone(std::span<const TokenPlace> places, const gateway::TemplatePart& part) {
    const bool spelt_freely = part.source == gateway::Source::header && http::is_same_name(part.text, "Authorization");
    return !spelt_freely && part.source != gateway::Source::cookie && names_token(places, part);
}

void remove_token(Exchange& x, const TokenPlace& place) {
    switch (place.kind) {
        case TokenPlace::Kind::authorization:
            x.request.fields.remove_if([](const http::Field& f) { return f.id == FieldName::authorization; });
            return;
        case TokenPlace::Kind::header: return http::remove_headers(x.request.fields, place.name);
        case TokenPlace::Kind::cookie: return http::remove_cookies(x.request.fields, place.name, x.arena);
        case TokenPlace::Kind::query: return remove_pair(x, place.name);
    }
}

std::string places_in_words(std::span<const TokenPlace> places) {
    if (std::ranges::any_of(places, [](const TokenPlace& p) { return p.kind == TokenPlace::Kind::authorization; })) return ", such as Authorization: Bearer <token>";
    std::string words;
    for (const TokenPlace& p : places) {
        const std::string_view kind = p.kind == TokenPlace::Kind::header ? "header " : p.kind == TokenPlace::Kind::cookie ? "cookie " : "query parameter ";
        words.append(words.empty() ? " in the " : " or in the ").append(kind).append(p.name);
    }
    return words;
}

gateway::CredentialPlace credential_place(const TokenPlace& place) {
    if (place.kind == TokenPlace::Kind::authorization) return {false, "Authorization"};
    return {place.kind == TokenPlace::Kind::query, place.name, place.kind == TokenPlace::Kind::cookie};
}

void add_credential_places(std::span<const TokenPlace> places, std::vector<gateway::CredentialPlace>& into) {
    for (const TokenPlace& p : places) {
        // Authorization and cookies are credentials anyway.
        if (p.kind == TokenPlace::Kind::query || p.kind == TokenPlace::Kind::header) into.push_back(credential_place(p));
    }
}

}  // namespace portico::policy::jwt
