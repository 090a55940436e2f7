#include "gateway/reply.h"

#include <algorithm>
#include <array>

#include "gateway/templates/error_shape.h"
#include "gateway/snapshot.h"
#include "json/writer.h"

namespace portico::gateway {
namespace {

constexpr std::string_view kBadRequest = "Bad request";
constexpr std::string_view kBadGateway = "Bad gateway";
constexpr std::string_view kInvalidToken = "Invalid token";
// What the policies of a response may take of an error's head: some 20 ms.
constexpr io::Allowance kStepsOfAnError = 2'000'000;
constexpr std::string_view kNewToken = "Sign in again: this token cannot be accepted.";

struct FaultRow {
    Fault fault;
    ReplyRow row;
};

constexpr FaultRow kRows[] = {
    {Fault::bad_request, {400, kBadRequest, "The request is not well-formed HTTP/1.1.", true}},
    {Fault::bad_target, {400, kBadRequest, "The request target is not a valid URI of this server.", true}},
    {Fault::bad_path, {400, kBadRequest, "The path is ambiguous or not valid: send it without dot segments, encoded slashes or control characters.", false}},
    {Fault::bad_header, {400, kBadRequest, "A header field is malformed.", true}},
    {Fault::bad_host, {400, kBadRequest, "Exactly one valid Host is needed, and it must agree with the target.", true}},
    {Fault::bad_framing, {400, kBadRequest, "The length of the body is ambiguous: send one Content-Length, or Transfer-Encoding: chunked.", true}},
    {Fault::bad_chunk, {400, kBadRequest, "The chunked body is malformed.", true}},
    {Fault::bad_method, {400, kBadRequest, "The method is not valid.", true}},
    {Fault::bad_version, {505, "HTTP version not supported", "Speak HTTP/1.1 or HTTP/1.0 here.", true}},
    {Fault::head_too_large, {431, "Request header fields too large", "Send fewer or shorter header fields.", true}},
    {Fault::too_many_fields, {431, "Request header fields too large", "Send fewer header fields.", true}},
    {Fault::target_too_long, {414, "URI too long", "Send a shorter path or query.", true}},
    {Fault::body_too_large, {413, "Content too large", "Send a smaller body.", true}},
    {Fault::head_timeout, {408, "Request timeout", "The request's head did not arrive in time.", true}},
    {Fault::body_timeout, {408, "Request timeout", "The request's body did not arrive in time.", true}},
    {Fault::body_too_slow, {408, "Request timeout", "The request's body came too slowly.", true}},
    {Fault::expectation_failed, {417, "Expectation failed", "Only Expect: 100-continue is understood.", true}},
    {Fault::not_implemented, {501, "Not implemented", "This method is not served here.", true}},
    {Fault::client_gone, {400, kBadRequest, "The request ended before it was whole.", true}},
    {Fault::no_route, {404, "Not found", "No route matches this request.", false}},
    {Fault::method_not_allowed, {405, "Method not allowed", "Use one of the methods in Allow.", false}},
    {Fault::service_not_found, {404, "Service not found", "There is no service of that name.", false}},
    {Fault::bad_rewrite, {400, kBadRequest, "The path cannot be passed on in a safe form.", false}},
    {Fault::value_refused, {400, kBadRequest, "A value of the request cannot be passed on in a safe form.", false}},
    {Fault::claim_refused, {403, "Forbidden", "A claim of the identity cannot be passed on in a safe form.", false}},
    {Fault::forbidden, {403, "Forbidden", "This is not allowed from here.", false}},
    {Fault::policy_unavailable, {503, "Service unavailable", "A guard of this route cannot work at present; nothing passes until it can.", false}},
    {Fault::token_missing, {401, kInvalidToken, "No token was sent: send one, such as Authorization: Bearer <token>.", false}},
    {Fault::token_multiple, {401, kInvalidToken, "Send one token, in one place.", false}},
    {Fault::token_malformed, {401, kInvalidToken, "This is not a signed token in compact form.", false}},
    {Fault::token_algorithm, {401, kInvalidToken, "Tokens signed in this way are not accepted here.", false}},
    {Fault::token_key_unknown, {401, kInvalidToken, kNewToken, false}},
    {Fault::token_signature, {401, kInvalidToken, kNewToken, false}},
    {Fault::token_expired, {401, kInvalidToken, "The token has expired: get a new one.", false}},
    {Fault::token_not_yet_valid, {401, kInvalidToken, "The token is not valid yet.", false}},
    {Fault::token_too_old, {401, kInvalidToken, "The token was issued too long ago: get a new one.", false}},
    {Fault::token_issuer, {401, kInvalidToken, "Tokens of this issuer are not accepted here.", false}},
    {Fault::token_audience, {401, kInvalidToken, "The token is meant for another audience.", false}},
    {Fault::token_claim, {401, kInvalidToken, "The token lacks a claim that is needed here.", false}},
    {Fault::token_revoked, {401, kInvalidToken, "The token was revoked: get a new one.", false}},
    {Fault::token_keys_unavailable, {503, "Service unavailable", "Tokens cannot be verified at present; try again.", false}},
    {Fault::api_key_missing, {401, "Invalid API key", "Send an API key.", false}},
    {Fault::api_key_unknown, {401, "Invalid API key", "This API key is not known.", false}},
    {Fault::basic_missing, {401, "Invalid credentials", "Send a user name and password.", false}},
    {Fault::basic_wrong, {401, "Invalid credentials", "The user name or the password is wrong.", false}},
    {Fault::credential_missing, {401, "Invalid credentials", "Sign in by one of the ways that this route accepts.", false}},
    {Fault::not_authorized, {403, "Forbidden", "What you signed in with does not allow this.", false}},
    {Fault::forward_auth_denied, {403, "Forbidden", "The request was refused.", false}},
    {Fault::forward_auth_multiple, {401, "Unauthorized", "Send each header by which you are known once.", false}},
    {Fault::forward_auth_unavailable, {503, "Service unavailable", "Whoever decides about this request cannot be asked at present; try again.", false}},
    {Fault::cors_refused, {403, "Forbidden", "Pages of this origin may not ask this.", false}},
    {Fault::rate_limit_exceeded, {429, "Rate limit exceeded", "Wait as long as Retry-After says.", false}},
    {Fault::rate_limit_unavailable, {503, "Service unavailable", "Requests cannot be counted at present; try again.", false}},
    {Fault::concurrency_exceeded, {429, "Too many requests at once", "Wait for the answers to your other requests.", false}},
    {Fault::body_not_json, {400, kBadRequest, "The body is not the JSON that is expected here.", false}},
    {Fault::body_encoding, {415, "Unsupported media type", "Send the body without a content coding, or with gzip, br or deflate.", false}},
    {Fault::body_mapping, {400, kBadRequest, "The body lacks a value that is needed here, or holds one that does not fit.", false}},
    {Fault::body_too_costly, {413, "Content too large", "The body takes more work than a request may ask for.", false}},
    {Fault::answer_not_json, {502, kBadGateway, "The service's answer is not the JSON that is expected of it.", false}},
    {Fault::answer_encoding, {502, kBadGateway, "The service's answer has a content coding that cannot be undone.", false}},
    {Fault::answer_mapping, {502, kBadGateway, "The service's answer lacks a value that is needed, or holds one that does not fit.", false}},
    {Fault::answer_too_large, {502, kBadGateway, "The service's answer is larger than may be held.", false}},
    {Fault::answer_too_costly, {502, kBadGateway, "The service's answer takes more work than a request may ask for.", false}},
    {Fault::call_failed, {502, kBadGateway, "A service that is needed for this answer failed.", false}},
    {Fault::call_unavailable, {503, "Service unavailable", "A service that is needed for this answer is not available at present.", false}},
    {Fault::call_timeout, {504, "Gateway timeout", "A service that is needed for this answer took too long.", false}},
    {Fault::call_status, {502, kBadGateway, "A service that is needed for this answer refused.", false}},
    {Fault::store_timeout, {503, "Service unavailable", "The gateway could not decide in time; try again.", false}},
    {Fault::store_unavailable, {503, "Service unavailable", "The gateway could not decide; try again.", false}},
    {Fault::store_protocol, {503, "Service unavailable", "The gateway could not decide; try again.", false}},
    {Fault::store_overload, {503, "Service unavailable", "The gateway could not decide in time; try again.", false}},
    {Fault::upstream_refused, {502, kBadGateway, "The service does not accept connections.", false}},
    {Fault::upstream_unreachable, {502, kBadGateway, "The service cannot be reached.", false}},
    {Fault::upstream_unresolved, {503, "Service unavailable", "The service's address is not known at present.", false}},
    {Fault::upstream_connect_timeout, {504, "Gateway timeout", "The service did not accept a connection in time.", false}},
    {Fault::upstream_first_byte_timeout, {504, "Gateway timeout", "The service did not begin to answer in time.", false}},
    {Fault::upstream_idle_timeout, {504, "Gateway timeout", "The service stopped in the middle.", false}},
    {Fault::upstream_total_timeout, {504, "Gateway timeout", "The exchange took longer than it may.", false}},
    {Fault::upstream_closed, {502, kBadGateway, "The service closed the connection without an answer.", false}},
    {Fault::upstream_protocol, {502, kBadGateway, "The service's answer is not valid HTTP.", false}},
    {Fault::upstream_head_too_large, {502, kBadGateway, "The service's answer has too large a head.", false}},
    {Fault::upstream_no_endpoint, {503, "Service unavailable", "The service has no endpoint at present.", false}},
    {Fault::upstream_overloaded, {503, "Service unavailable", "The service has as many connections as it may have.", false}},
    {Fault::upstream_tls, {502, kBadGateway, "No trusted connection to the service could be made.", false}},
    {Fault::cancelled, {503, "Service unavailable", "The request was cancelled.", true}},
    {Fault::draining, {503, "Service unavailable", "This gateway is shutting down; try again.", true}},
    {Fault::descriptors, {503, "Service unavailable", "This gateway has as many connections as it may at present; try again.", false}},
    {Fault::memory, {503, "Service unavailable", "This gateway holds as much as it may at present; try again.", false}},
    {Fault::io, {500, "Internal error", "The gateway could not answer.", true}},
    {Fault::internal, {500, "Internal error", "The gateway could not answer.", true}},
};

constexpr bool rows_in_order() {
    size_t i = 0;
    for (const FaultRow& row : kRows) {
        if (static_cast<size_t>(row.fault) != i++) return false;
    }
    return i == static_cast<size_t>(Fault::internal) + 1;
}
static_assert(rows_in_order(), "kRows has one row per Fault, in its order");

// What the answer says where the same fault has another blame: a value out of a claim is 403, out of a call's answer 502
// (LANGUAGE.md §4).
std::string problem_document(const ErrorView& error) {
    std::string body;
    json::Writer w(body);
    w.begin_object();
    w.key("type").value("about:blank");
    w.key("title").value(error.title);
    w.key("status").value(error.status);
    w.key("detail").value(error.detail);
    w.key("code").value(error.code);
    if (!error.request_id.empty()) w.key("request_id").value(error.request_id);
    w.end_object();
    return body;
}

}  // namespace

const ReplyRow& reply_row(Fault fault) { return kRows[static_cast<size_t>(fault)].row; }

io::Task<void> reply_body(Exchange& x, std::string_view body) {
    x.response.body = {http::Framing::length, body.size()};
    io::Buffer part;
    part.ensure(x.context.loop.buffers(), body.size() <= io::kSmallBuffer ? io::kSmallBuffer : static_cast<uint32_t>(body.size()));
    part.append(body);
    // A time of its own: what the exchange waited for before may have just run out.
    const Duration idle = x.epoch->snapshot->config.timeouts.idle.value_or(config::EffectiveTimeouts{}.idle);
    x.client->set_times(idle, io::Timer::kNever);
    co_await x.client->send_head(x.response, part, true);
}

io::Task<void> reply_error(Exchange& x, Error error, const http::FieldList* fields) {
    x.note(error);
    if (x.response_begun) {
        x.client->abort_response();
        co_return;
    }
    const ReplyRow& row = reply_row(error.fault);
    const std::string_view detail = error.client_detail.empty() ? row.detail : std::string_view(error.client_detail);
    const int status = error.status != 0 ? error.status : row.status;
    const std::string_view title = status == row.status ? row.title : http::reason_of(status);
    const ErrorView view{title, status, detail, error.code(), x.request_id};
    x.response.clear();
    x.response.status = status;
    x.response.close = row.close;
    std::optional<std::string> body;
    const ErrorShape* const shape = x.epoch->snapshot->error_shape(x.match.route);
    if (shape != nullptr) {
        Values values = x.values();
        values.error = &view;
        body = shape->render(values);
    }
    x.response.fields.add("Content-Type", !body ? "application/problem+json" : shape->is_text() ? "text/plain; charset=utf-8" : "application/json");
    if (!body) body = problem_document(view);
    if (fields != nullptr) {
        for (const http::Field& f : *fields) x.response.fields.add(f);
    }
    x.own_answer = true;
    x.body_filters.clear();
    x.answer_error.reset();
    // Its policies (cors among them) see the error too, whatever the request has spent, of its time as well.
    x.allowance = std::max(x.allowance, kStepsOfAnError);
    x.compute_due = io::Timer::kNever;
    co_await x.begin_response();
    // An error's own head is good without them.
    x.answer_error.reset();
    x.response_begun = true;
    co_await reply_body(x, *body);
}

}  // namespace portico::gateway
