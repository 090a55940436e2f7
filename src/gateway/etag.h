// Entity tags of answers whose body the gateway makes itself (a transform's, an aggregate's), and the condition that clients put
// on them. Pure; used by every worker.
#pragma once

#include <string>
#include <string_view>

#include "http/fields.h"

namespace portico::gateway {

// A strong tag: equal for equal bodies only, as far as SHA-256 goes (its first 144 bits). With its quotes.
// @spec RFC 9110 §8.8.3
std::string etag_of(std::string_view body);

// Whether If-None-Match is there and names this tag, weak or not, or `*`: the client has that answer already, and GET and HEAD are
// answered 304. A value that is malformed says nothing from there on.
// @spec RFC 9110 §13.1.2
bool none_match(const http::FieldList& request, std::string_view etag);

}  // namespace portico::gateway
