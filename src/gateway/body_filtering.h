// An answer's body on its way through Exchange::body_filters: framing off, content codings undone, filters, coded as the service
// had chosen, and a head that says what is true of the new body. Stands beside body_pipe, which passes bodies as they are; a route
// without filters never comes here. One worker's.
//
// Where a filter wants the whole body, that is held (by the filter's max_body) and the head waits; otherwise every part goes on as
// it comes.
#pragma once

#include <string>

#include "gateway/body_pipe.h"
#include "gateway/exchange.h"
#include "upstream/connection.h"

namespace portico::gateway {

// Sends the service's answer, whose head in x.response the policies have seen, through x.body_filters.
// @requires the head has not been sent
io::Task<PipeEnd> filter_response(Exchange& x, upstream::Connection& from, const Deadlines& deadlines, http::BodyLength length);

enum class Tag : uint8_t { none, of_body };
// Answers with what an action made: its head is in x.response, the policies see it now, and its body passes the filters.
// @param tag of_body: the answer gets an ETag, and a client that has it already a 304
io::Task<void> reply_answer(Exchange& x, std::string body, Tag tag = Tag::none);

}  // namespace portico::gateway
