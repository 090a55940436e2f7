#include "base/error.h"

#include <array>

namespace portico {
namespace {

struct Row {
    Fault fault;
    Side side;
    std::string_view code;
};

constexpr Row kRows[] = {
    {Fault::bad_request, Side::client, "http.bad_request"},
    {Fault::bad_target, Side::client, "http.bad_target"},
    {Fault::bad_path, Side::client, "http.bad_path"},
    {Fault::bad_header, Side::client, "http.bad_header"},
    {Fault::bad_host, Side::client, "http.bad_host"},
    {Fault::bad_framing, Side::client, "http.bad_framing"},
    {Fault::bad_chunk, Side::client, "http.bad_chunk"},
    {Fault::bad_method, Side::client, "http.bad_method"},
    {Fault::bad_version, Side::client, "http.bad_version"},
    {Fault::head_too_large, Side::client, "http.head_too_large"},
    {Fault::too_many_fields, Side::client, "http.too_many_fields"},
    {Fault::target_too_long, Side::client, "http.target_too_long"},
    {Fault::body_too_large, Side::client, "http.body_too_large"},
    {Fault::head_timeout, Side::client, "http.head_timeout"},
    {Fault::body_timeout, Side::client, "http.body_timeout"},
    {Fault::body_too_slow, Side::client, "http.body_too_slow"},
    {Fault::expectation_failed, Side::client, "http.expectation_failed"},
    {Fault::not_implemented, Side::client, "http.not_implemented"},
    {Fault::client_gone, Side::client, "http.client_gone"},
    {Fault::no_route, Side::client, "route.none"},
    {Fault::method_not_allowed, Side::client, "route.method_not_allowed"},
    {Fault::service_not_found, Side::client, "route.service_not_found"},
    {Fault::bad_rewrite, Side::client, "route.bad_rewrite"},
    {Fault::value_refused, Side::client, "route.value_refused"},
    {Fault::claim_refused, Side::client, "route.claim_refused"},
    {Fault::forbidden, Side::client, "policy.forbidden"},
    {Fault::policy_unavailable, Side::gateway, "policy.unavailable"},
    {Fault::token_missing, Side::client, "jwt.missing"},
    {Fault::token_multiple, Side::client, "jwt.multiple"},
    {Fault::token_malformed, Side::client, "jwt.malformed"},
    {Fault::token_algorithm, Side::client, "jwt.algorithm"},
    {Fault::token_key_unknown, Side::client, "jwt.kid_unknown"},
    {Fault::token_signature, Side::client, "jwt.signature"},
    {Fault::token_expired, Side::client, "jwt.expired"},
    {Fault::token_not_yet_valid, Side::client, "jwt.not_yet_valid"},
    {Fault::token_too_old, Side::client, "jwt.too_old"},
    {Fault::token_issuer, Side::client, "jwt.issuer"},
    {Fault::token_audience, Side::client, "jwt.audience"},
    {Fault::token_claim, Side::client, "jwt.claim"},
    {Fault::token_revoked, Side::client, "jwt.revoked"},
    {Fault::token_keys_unavailable, Side::gateway, "jwt.keys_unavailable"},
    {Fault::api_key_missing, Side::client, "api_key.missing"},
    {Fault::api_key_unknown, Side::client, "api_key.unknown"},
    {Fault::basic_missing, Side::client, "basic.missing"},
    {Fault::basic_wrong, Side::client, "basic.wrong"},
    {Fault::credential_missing, Side::client, "any_of.missing"},
    {Fault::not_authorized, Side::client, "authorize.refused"},
    {Fault::forward_auth_denied, Side::client, "forward_auth.denied"},
    {Fault::forward_auth_multiple, Side::client, "forward_auth.multiple"},
    {Fault::forward_auth_unavailable, Side::gateway, "forward_auth.unavailable"},
    {Fault::cors_refused, Side::client, "cors.refused"},
    {Fault::rate_limit_exceeded, Side::client, "rate_limit.exceeded"},
    {Fault::rate_limit_unavailable, Side::store, "rate_limit.unavailable"},
    {Fault::concurrency_exceeded, Side::client, "concurrency.exceeded"},
    {Fault::body_not_json, Side::client, "body.not_json"},
    {Fault::body_encoding, Side::client, "body.encoding"},
    {Fault::body_mapping, Side::client, "body.mapping"},
    {Fault::body_too_costly, Side::client, "body.too_costly"},
    {Fault::answer_not_json, Side::upstream, "response.not_json"},
    {Fault::answer_encoding, Side::upstream, "response.encoding"},
    {Fault::answer_mapping, Side::upstream, "response.mapping"},
    {Fault::answer_too_large, Side::upstream, "response.too_large"},
    {Fault::answer_too_costly, Side::upstream, "response.too_costly"},
    {Fault::call_failed, Side::upstream, "aggregate.call_failed"},
    {Fault::call_unavailable, Side::upstream, "aggregate.call_unavailable"},
    {Fault::call_timeout, Side::upstream, "aggregate.call_timeout"},
    {Fault::call_status, Side::upstream, "aggregate.call_status"},
    {Fault::store_timeout, Side::store, "store.timeout"},
    {Fault::store_unavailable, Side::store, "store.unavailable"},
    {Fault::store_protocol, Side::store, "store.protocol"},
    {Fault::store_overload, Side::store, "store.overload"},
    {Fault::upstream_refused, Side::upstream, "upstream.refused"},
    {Fault::upstream_unreachable, Side::upstream, "upstream.unreachable"},
    {Fault::upstream_unresolved, Side::upstream, "upstream.unresolved"},
    {Fault::upstream_connect_timeout, Side::upstream, "upstream.connect_timeout"},
    {Fault::upstream_first_byte_timeout, Side::upstream, "upstream.first_byte_timeout"},
    {Fault::upstream_idle_timeout, Side::upstream, "upstream.idle_timeout"},
    {Fault::upstream_total_timeout, Side::upstream, "upstream.total_timeout"},
    {Fault::upstream_closed, Side::upstream, "upstream.closed"},
    {Fault::upstream_protocol, Side::upstream, "upstream.protocol"},
    {Fault::upstream_head_too_large, Side::upstream, "upstream.head_too_large"},
    {Fault::upstream_no_endpoint, Side::upstream, "upstream.no_endpoint"},
    {Fault::upstream_overloaded, Side::upstream, "upstream.overloaded"},
    {Fault::upstream_tls, Side::upstream, "upstream.tls"},
    {Fault::cancelled, Side::gateway, "gateway.cancelled"},
    {Fault::draining, Side::gateway, "gateway.draining"},
    {Fault::descriptors, Side::gateway, "gateway.descriptors"},
    {Fault::memory, Side::gateway, "gateway.memory"},
    {Fault::io, Side::gateway, "gateway.io"},
    {Fault::internal, Side::gateway, "gateway.internal"},
};

constexpr bool rows_in_order() {
    size_t i = 0;
    for (const Row& row : kRows) {
        if (static_cast<size_t>(row.fault) != i++) return false;
    }
    return i == static_cast<size_t>(Fault::internal) + 1;
}
static_assert(rows_in_order(), "kRows has one row per Fault, in its order");

}  // namespace

std::string_view code_of(Fault fault) { return kRows[static_cast<size_t>(fault)].code; }
std::string_view code_of_call(int status) {
    static constexpr std::string_view kPrefix = "aggregate.call_";
    static constexpr size_t kSize = kPrefix.size() + 3, kFirst = 100, kLast = 999;
    static constexpr auto kCodes = [] {
        std::array<char, (kLast - kFirst + 1) * kSize> all{};
        size_t at = 0;
        for (size_t n = kFirst; n <= kLast; ++n) {
            for (const char c : kPrefix) all[at++] = c;
            for (const size_t digit : {n / 100, n / 10 % 10, n % 10}) all[at++] = static_cast<char>('0' + digit);
        }
        return all;
    }();
    return {kCodes.data() + (static_cast<size_t>(status) - kFirst) * kSize, kSize};
}

Side side_of(Fault fault) { return kRows[static_cast<size_t>(fault)].side; }

}  // namespace portico
