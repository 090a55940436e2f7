#include "gateway/claim_headers.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "config/read.h"
#include "gateway/exchange.h"
#include "gateway/snapshot.h"
#include "gateway/subjects.h"
#include "http/fields.h"

namespace portico::gateway {
namespace {

using config::Scope;

// Names of registered claims, and of those that issuers commonly give.
bool is_likely_claim(std::string_view name) {
    constexpr std::string_view kClaims[] = {"sub", "iss", "aud", "azp", "jti", "sid", "email", "name", "given_name", "family_name", "preferred_username", "username",
                                            "nickname", "phone_number", "locale", "role", "roles", "groups", "scope", "scp", "tenant", "tid", "oid", "org", "org_id",
                                            "client_id", "uid", "user_id", "plan", "permissions", "realm_access.roles"};
    return std::ranges::find(kClaims, name) != std::end(kClaims);
}

bool is_likely_header(std::string_view name) { return http::is_token(name) && name.find('-') != std::string_view::npos; }

void append_element(std::string& out, std::string_view text) {
    constexpr char kHex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<uint8_t>(c);
        // White space at an element's end would be trimmed by who splits the list.
        const bool at_end = (i == 0 || i + 1 == text.size()) && c == ' ';
        if (c != '%' && c != ',' && byte >= 0x20 && byte != 0x7F && !at_end) {
            out += c;
            continue;
        }
        out += '%';
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
}

}  // namespace

bool is_written_by_gateway(std::string_view name) {
    constexpr std::string_view kOwn[] = {"expect", "http2-settings", "proxy-authenticate", "proxy-authorization", "proxy-connection",
                                         "traceparent", "tracestate", "via", "x-request-id"};
    return is_forwarding_header(name) || std::ranges::find(kOwn, http::folded_name(name)) != std::end(kOwn);
}

Result<std::optional<std::string_view>> claim_as_field_value(json::Value claim, Arena& arena) {
    if (claim.is_object()) return fail(Fault::claim_refused, "it is an object");
    if (!claim.is_array()) {
        const auto text = claim_text(claim);
        if (!text) return std::nullopt;
        if (!http::is_field_value(*text)) return fail(Fault::claim_refused, "it holds a control character");
        // Its reader would do the same (RFC 9110 §5.5): no two services see two values.
        return trim_ows(*text);
    }
    std::string joined;
    bool any = false;
    for (const json::Value element : claim.elements()) {
        if (is_compound(element)) return fail(Fault::claim_refused, "it is a list that holds lists or objects");
        const auto text = claim_text(element);
        if (!text) continue;
        if (any) joined += ',';
        any = true;
        append_element(joined, *text);
    }
    if (!any) return std::nullopt;
    return arena.copy(joined);
}

ClaimHeaders ClaimHeaders::read(const Scope& scope, const config::Node& node) {
    ClaimHeaders headers;
    if (!node.is_mapping()) {
        scope.expected(node, "headers, each with its claim", "write { X-User-ID: sub }");
        return headers;
    }
    std::vector<std::string> seen;
    for (const config::Entry& e : node.entries) {
        const Scope at(scope, e.key);
        if (!config::check_managed_header(at, e.key_mark, e.key)) continue;
        // A mapping the other way round is good as it stands, and no service would ever see who asks.
        if (e.value->is_scalar() && is_likely_claim(e.key) && is_likely_header(e.value->text)) {
            at.error(e.key_mark, "reversed-claim", "the header stands first and its claim behind it: \"" + e.key + "\" is a claim's name, and \"" + e.value->text + "\" a header's",
                     "did you mean " + e.value->text + ": " + e.key + "?");
            continue;
        }
        if (is_written_by_gateway(e.key)) {
            at.error(e.key_mark, "unmanageable-header", e.key + " cannot bear a claim: the gateway writes it itself");
            continue;
        }
        if (std::ranges::find(seen, http::folded_name(e.key)) != seen.end()) {
            at.error(e.key_mark, "duplicate-header", "the header " + e.key + " stands here twice, in two spellings");
            continue;
        }
        seen.push_back(http::folded_name(e.key));
        const auto text = config::read_string(at, *e.value, "a claim such as sub or realm_access.roles", config::Braces::notation);
        if (!text) continue;
        std::string fault;
        auto claim = ClaimPath::parse(*text, fault);
        if (claim) headers.rows_.push_back({e.key, http::field_name(e.key), std::move(*claim)});
        else at.error(e.value->mark, "bad-claim", "\"" + *text + "\" names no claim: " + fault);
    }
    return headers;
}

std::vector<std::string> ClaimHeaders::managed(const config::Node& settings) {
    std::vector<std::string> names;
    const config::Node* node = settings.get("claims_to_headers");
    if (node == nullptr) return names;
    for (const config::Entry& e : node->entries) names.push_back(e.key);
    return names;
}

Result<void> ClaimHeaders::apply(Exchange& x) const {
    for (const Row& row : rows_) {
        auto value = claim_as_field_value(row.claim.find(x.claims), x.arena);
        if (!value) {
            // In shadow mode the request goes on: as nobody's, with none of the headers.
            x.set_fields.remove_if([&](const http::Field& f) { return std::ranges::find(rows_, f.name, &Row::header) != rows_.end(); });
            x.claims = {};
            x.identity_by = {};
            return fail(Fault::claim_refused, "the claim " + row.claim.text() + " cannot be a header: " + value.error().context);
        }
        if (*value) x.set_field(row.header, **value, row.id);
    }
    return {};
}

std::optional<ClaimHeaders::Rendered> ClaimHeaders::render(const json::Document& claims) const {
    Rendered rendered;
    Arena arena;
    for (const Row& row : rows_) {
        const auto value = claim_as_field_value(row.claim.find(claims), arena);
        if (!value) return std::nullopt;
        if (!*value) continue;
        const Rendered::Piece piece{static_cast<uint32_t>(&row - rows_.data()), static_cast<uint32_t>((*value)->size())};
        rendered.text_.append(reinterpret_cast<const char*>(&piece), sizeof piece).append(**value);
    }
    rendered.text_.shrink_to_fit();
    return rendered;
}

void ClaimHeaders::apply(Exchange& x, const Rendered& rendered) const {
    std::string_view text = x.arena.copy(rendered.text_);
    while (!text.empty()) {
        Rendered::Piece piece;
        std::memcpy(&piece, text.data(), sizeof piece);
        text.remove_prefix(sizeof piece);
        x.set_field(rows_[piece.row].header, text.substr(0, piece.size), rows_[piece.row].id);
        text.remove_prefix(piece.size);
    }
}

void ClaimHeaders::subject_headers(const std::vector<SubjectParty>& parties, std::vector<SubjectHeader>& into) const {
    const auto is_issuer = [](const Row& r) { return r.claim.names().size() == 1 && r.claim.names().front() == "iss"; };
    if (std::ranges::any_of(rows_, is_issuer)) return;
    for (const Row& row : rows_) {
        if (is_subject(row.claim)) into.push_back({row.header, parties});
    }
}

}  // namespace portico::gateway
