// From a parsed head to a request that routes can judge: managed headers off, one normal path, the client's address, the ids;
// then the route. The running gateway and `portico explain` use the same functions.
#pragma once

#include "gateway/exchange.h"

namespace portico::gateway {

// Takes managed headers off first, before anything else reads them (a trusted proxy's are read on the way); then target, path,
// host, client, request id and trace.
// @errors bad_target, bad_path, not_implemented
Result<void> set_up_request(Exchange& x);
// The request's id and its trace alone: for one that is refused before it is set up.
void choose_ids(Exchange& x);
// The route, into x.match and x.rules. @errors no_route, method_not_allowed, bad_path, body_too_large
Result<void> find_route(Exchange& x);

}  // namespace portico::gateway
