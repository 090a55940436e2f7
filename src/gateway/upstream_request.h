// The head of the request that goes upstream: which of the client's fields pass, what the gateway adds. Pure: from an
// Exchange to bytes.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "gateway/exchange.h"
#include "gateway/forward.h"
#include "http/h1/writer.h"

namespace portico::gateway {

// What the gateway adds to Via, towards services and clients (RFC 9110 §7.6.3).
inline constexpr std::string_view kVia = "1.1 portico";

// @param authority the endpoint's own
// @param expect whether Expect: 100-continue goes along
void write_upstream_head(http::h1::Output& out, const Exchange& x, const ForwardPlan& plan, std::string_view authority,
                         bool expect);

// The fields of an upstream's answer that go to the client, into x.response (status and body length too).
void take_upstream_head(Exchange& x, const http::ResponseHead& head);
// The same of an interim response (1xx), without what the route's policies remove from responses.
void take_interim_head(Exchange& x, const http::ResponseHead& head);

}  // namespace portico::gateway
