#include "gateway/aggregate/call_outcome.h"

namespace portico::gateway {
namespace {

struct Row {
    CallFailure failure;
    std::string_view word;
    Fault fault;  // of the answer
    std::string_view said;  // to the client, behind the call's name
};

constexpr Row kRows[] = {
    {CallFailure::none, "none", Fault::internal, ""},
    {CallFailure::timeout, "timeout", Fault::call_timeout, "took too long"},
    {CallFailure::deadline, "deadline", Fault::call_timeout, "was not answered in the time that there was"},
    {CallFailure::refused, "refused", Fault::call_failed, "could not be made: its service does not accept connections"},
    {CallFailure::unreachable, "unreachable", Fault::call_failed, "could not be made: its service cannot be reached"},
    {CallFailure::unresolved, "unresolved", Fault::call_unavailable, "could not be made: its service's address is not known at present"},
    {CallFailure::overloaded, "overloaded", Fault::call_unavailable, "could not be made: its service has as much to do as it may have"},
    {CallFailure::tls, "tls", Fault::call_failed, "could not be made: no trusted connection to its service"},
    {CallFailure::closed, "closed", Fault::call_failed, "was broken off by its service"},
    {CallFailure::protocol, "protocol", Fault::call_failed, "was not answered with valid HTTP"},
    {CallFailure::status, "status", Fault::call_status, "was answered"},
    {CallFailure::not_json, "not_json", Fault::call_failed, "was not answered with JSON"},
    {CallFailure::encoding, "encoding", Fault::call_failed, "was answered with a content coding that cannot be undone"},
    {CallFailure::too_large, "too_large", Fault::call_failed, "was answered with more than may be held"},
    {CallFailure::too_many, "too_many", Fault::call_failed, "would have to be made for more values than it may"},
    {CallFailure::value, "value", Fault::answer_mapping, "could not be made: a value that it needs is missing, or does not fit"},
};

constexpr bool rows_in_order() {
    size_t i = 0;
    for (const Row& row : kRows) {
        if (static_cast<size_t>(row.failure) != i++) return false;
    }
    return i == static_cast<size_t>(CallFailure::count_);
}
static_assert(rows_in_order(), "kRows has one row per CallFailure, in its order");

}  // namespace

std::string_view word_of(CallFailure failure) { return kRows[static_cast<size_t>(failure)].word; }

CallFailure failure_of(Fault fault, bool deadline) {
    switch (fault) {
        case Fault::upstream_connect_timeout:
        case Fault::upstream_first_byte_timeout:
        case Fault::upstream_idle_timeout: return CallFailure::timeout;
        case Fault::upstream_total_timeout: return deadline ? CallFailure::deadline : CallFailure::timeout;
        case Fault::upstream_refused: return CallFailure::refused;
        case Fault::upstream_unreachable: return CallFailure::unreachable;
        case Fault::upstream_unresolved:
        case Fault::upstream_no_endpoint: return CallFailure::unresolved;
        case Fault::descriptors:
        case Fault::upstream_overloaded: return CallFailure::overloaded;
        case Fault::upstream_tls: return CallFailure::tls;
        case Fault::upstream_closed: return CallFailure::closed;
        case Fault::answer_too_large: return CallFailure::too_large;
        case Fault::upstream_protocol:
        case Fault::upstream_head_too_large: return CallFailure::protocol;
        default: return CallFailure::value;
    }
}

Error error_of_call(std::string_view name, CallFailure failure, const Error& why, int came, bool passed) {
    const Row& row = kRows[static_cast<size_t>(failure)];
    Error error(row.fault);
    // A value of the client's, or of its identity: no service is to blame (LANGUAGE.md §4).
    if (failure == CallFailure::value) error.fault = why.fault;
    error.context.append(name).append(": ").append(row.word);
    if (!why.context.empty()) error.context.append(": ").append(why.context);
    if (why.system != 0) error.system = why.system;
    error.status = passed ? came : 0;
    error.client_detail.append("The call \"").append(name).append("\" ").append(row.said);
    if (failure == CallFailure::status) {
        error.call_status = came;
        error.client_detail.append(" ").append(std::to_string(came)).append(" by its service");
    }
    error.client_detail += '.';
    if (failure == CallFailure::value && !why.client_detail.empty()) error.client_detail.append(" ").append(why.client_detail);
    return error;
}

}  // namespace portico::gateway
