// Max-Forwards: how many proxies an OPTIONS request may still pass (RFC 9110 §7.6.2). Of other methods it is the service's to read;
// TRACE is not served.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/exchange.h"

namespace portico::gateway {

// The methods of a route without a condition on them, as Allow lists them.
inline constexpr std::string_view kEveryMethod = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

// Takes one off what goes on to the service.
// @returns false where none is left: the gateway answers itself
// @errors bad_header where it is no number, or there twice
Result<bool> take_hop(Exchange& x);

// What the path allows, for that answer: the methods of the route and of those that only their method keeps from it.
std::string methods_here(const Exchange& x);

}  // namespace portico::gateway
