// What heads say where a body becomes another on its way (body_filtering.h): the request's, so that the service answers with what can
// be changed, and the answer's, so that it is true.
#pragma once

#include <string_view>

#include "gateway/exchange.h"

namespace portico::gateway {

// Called from on_request by a policy that may put a filter before the answer: keeps from the service the client's ranges and
// conditions, which would speak of another body, and the codings that could not be undone.
void expect_filters(Exchange& x);

// Takes off a head what was said of the body that is replaced: its tag, its digests, its ranges, its time. Content-Encoding stays.
void forget_body(http::FieldList& fields);

// Says to whoever keeps the answer that it depends on that header of the request (RFC 9110 §12.5.5). @param header outlives the fields
void vary_by(http::FieldList& fields, std::string_view header);

}  // namespace portico::gateway
