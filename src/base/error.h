// What went wrong, as a value. Every failure that a peer, a network or a configuration can cause travels as an Error inside
// a Result; the one table in gateway/reply.cc turns it into an HTTP answer. Nothing here knows HTTP, sockets or threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace portico {

// Whose fault it is. Decides the class of the answer (4xx or 5xx) and which counter moves.
enum class Side : uint8_t { client, gateway, upstream, store };

// The stable kinds of failure. `code_of` gives the name that logs, metrics and problem documents show: those names are part
// of the product and are never changed, only added to.
enum class Fault : uint8_t {
    // the client's message
    bad_request, bad_target, bad_path, bad_header, bad_host, bad_framing, bad_chunk, bad_method, bad_version,
    head_too_large, too_many_fields, target_too_long, body_too_large, head_timeout, body_timeout, body_too_slow, expectation_failed,
    not_implemented, client_gone,
    // routing
    no_route, method_not_allowed, service_not_found, bad_rewrite, value_refused, claim_refused,
    // guards
    forbidden, policy_unavailable,
    token_missing, token_multiple, token_malformed, token_algorithm, token_key_unknown, token_signature, token_expired,
    token_not_yet_valid, token_too_old, token_issuer, token_audience, token_claim, token_revoked, token_keys_unavailable,
    api_key_missing, api_key_unknown, basic_missing, basic_wrong, credential_missing, not_authorized,
    forward_auth_denied, forward_auth_multiple, forward_auth_unavailable, cors_refused,
    rate_limit_exceeded, rate_limit_unavailable, concurrency_exceeded,
    // bodies that are read, and what is made of them
    body_not_json, body_encoding, body_mapping, body_too_costly,
    answer_not_json, answer_encoding, answer_mapping, answer_too_large, answer_too_costly,
    // an aggregate's calls
    call_failed, call_unavailable, call_timeout, call_status,
    // the stores behind guards
    store_timeout, store_unavailable, store_protocol, store_overload,
    // the upstream
    upstream_refused, upstream_unreachable, upstream_unresolved, upstream_connect_timeout, upstream_first_byte_timeout,
    upstream_idle_timeout, upstream_total_timeout, upstream_closed, upstream_protocol, upstream_head_too_large,
    upstream_no_endpoint, upstream_overloaded, upstream_tls,
    // ours
    cancelled, draining, descriptors, memory, io, internal,
};

// The stable name of a fault, such as "upstream.first_byte_timeout".
std::string_view code_of(Fault fault);
// Of a call of an aggregate that was answered with that status: "aggregate.call_404". Lives for ever.
// @requires 100 <= status <= 999
std::string_view code_of_call(int status);
Side side_of(Fault fault);

struct Error {
    Fault fault = Fault::internal;
    // For the operator's log: what was being done, and what the system said. Never sent to a client.
    std::string context{};
    // For the client, in place of the fault's own sentence (gateway/reply.cc): what to do about it, in words of the configuration.
    // Nothing of a secret, of a token, or of an upstream's insides.
    std::string client_detail{};
    // An errno value where there was one, else 0.
    int system = 0;
    // Of the answer, in place of the fault's own: another service's that is passed on. 0: the fault's.
    int status = 0;
    // Of Fault::call_status: what its service answered, or 0.
    int call_status = 0;

    Error() = default;
    explicit Error(Fault f) : fault(f) {}
    Error(Fault f, std::string_view what, int err = 0) : fault(f), context(what), system(err) {}
    static Error told(Fault f, std::string_view what, std::string client) {
        Error e(f, what);
        e.client_detail = std::move(client);
        return e;
    }

    // Of a call that was answered with a status that does not do, that status is part of it: "aggregate.call_404".
    std::string_view code() const { return call_status != 0 ? code_of_call(call_status) : code_of(fault); }
    Side side() const { return side_of(fault); }
};

}  // namespace portico
