// Which fields may stand where no policy is asked: among trailers, and in a service's interim responses. What policies remove from a
// head, set in it or judge there must not come by another way.
#pragma once

#include "gateway/exchange.h"
#include "gateway/policy.h"

namespace portico::gateway {

// False for a name that means nothing good among trailers (http::may_be_trailer), and for one that the gateway, or a policy of this
// route, sets, removes or judges on that side.
bool may_be_trailer(const Exchange& x, MessageSide side, std::string_view name);

// Takes off an interim response what the policies of this route remove from responses. @param fields as they would go out
void clean_interim(const Exchange& x, http::FieldList& fields);

}  // namespace portico::gateway
