// How a call of an aggregate ended: the words of the log, the metrics and the `errors` member, and the answer of the aggregate
// where a call that it needs has failed. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace portico::gateway {

enum class CallFailure : uint8_t {
    none,
    timeout,      // the call's own time, or one of its service's, ran out
    deadline,     // the aggregate's time ran out
    refused,      // no connection was accepted
    unreachable,
    unresolved,   // its address is not known
    overloaded,   // the service has as many connections as it may have
    tls,          // no trusted connection could be made
    closed,       // before the answer was whole
    protocol,     // what came is not HTTP
    status,       // not one that is accepted
    not_json,
    encoding,     // the answer has a content coding that cannot be undone
    too_large,    // an answer over max_body
    too_many,     // values of a for_each over max_items
    value,        // the call could not be made: a value that it names is missing, or cannot stand where it should
    count_,
};

// "timeout": stable, part of the product.
std::string_view word_of(CallFailure failure);
// What an error of upstream::call, of a template or of a path means for the call. @param deadline the aggregate's time is over
CallFailure failure_of(Fault fault, bool deadline);
// The aggregate's answer where the call `name`, which it needs, has failed: it names the call, and nothing of the service's insides.
// @param why what the log says
// @param came the status that its service answered, or 0
// @param passed whether the client gets that status as it is
Error error_of_call(std::string_view name, CallFailure failure, const Error& why, int came, bool passed);

}  // namespace portico::gateway
