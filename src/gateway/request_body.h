// The client's body, held whole for a policy or an aggregate that must see it. One worker's.
#pragma once

#include "gateway/exchange.h"

namespace portico::gateway {

// Reads the client's body into x.request_body, framing and content codings undone; trailers are dropped. A client that waits for
// 100 gets it. From then on the request bears that body and no other; one that bears none is left so. Held once, it is only
// measured.
// @param max_body bytes, coded and not
// @errors body_too_large, body_encoding, and the client's own: body_timeout, client_gone, bad_chunk
io::Task<Result<void>> hold_request_body(Exchange& x, uint64_t max_body);

}  // namespace portico::gateway
