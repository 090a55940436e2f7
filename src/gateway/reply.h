// The one table from faults to answers: status, title, and the sentence that tells a client what to do. Everything that the
// gateway answers by itself goes out from here, as problem+json (RFC 9457) or in the shape of `errors:`.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/exchange.h"
#include "io/task.h"

namespace portico::gateway {

struct ReplyRow {
    int status;
    std::string_view title;   // the plain text that people know
    std::string_view detail;  // what to do about it; nothing of an upstream's insides
    bool close;               // the client's connection cannot be trusted with another request
};
const ReplyRow& reply_row(Fault fault);

// Answers the exchange with an error, if its answer has not begun; breaks it off where it has.
// @param fields further fields of the answer (Allow, Retry-After)
io::Task<void> reply_error(Exchange& x, Error error, const http::FieldList* fields = nullptr);
// Answers with a whole body at once. Fields are in x.response.
io::Task<void> reply_body(Exchange& x, std::string_view body);

}  // namespace portico::gateway
