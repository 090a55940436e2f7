// What a request asks for, in the one form in which routes, policies and actions judge it. Views of the exchange's memory.
#pragma once

#include <string_view>

#include "http/fields.h"
#include "http/message.h"

namespace portico::gateway {

struct RequestView {
    http::Method method = http::Method::other;
    std::string_view method_text;
    std::string_view host;   // lower case, without port and last dot; empty where there is none
    std::string_view path;   // normal form (LANGUAGE.md §2): the same that is forwarded
    bool ambiguous = false;  // `path` needs `encoded: allow`
    std::string_view query;  // as it came, without "?"
    bool has_query = false;
    const http::FieldList* fields = nullptr;
    std::string_view scheme = "http";  // or "https"
    bool preflight = false;  // of CORS: conditions on headers hold, for it carries none of those it asks about (LANGUAGE.md §5)
};

}  // namespace portico::gateway
