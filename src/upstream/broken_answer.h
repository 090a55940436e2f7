// Why a service's answer is no valid HTTP, in words for the log: what was wanted, and what came in its place. Nothing of a body, and of
// the fields only those that frame one.
#pragma once

#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace portico::upstream {

// @param error     the parser's
// @param received  from the answer's first byte on
// @param head      as far as it was read
Error broken_head(Error error, std::string_view received, const http::ResponseHead& head);
// Of a body in chunks. @param error the decoder's
Error broken_chunks(const Error& error);

}  // namespace portico::upstream
