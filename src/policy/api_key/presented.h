// Where a request carries its key: in a header, or in the query. Pure: a request's parts in, views of them out.
#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/fields.h"

namespace portico::policy::api_key {

struct Place {
    bool in_query = false;
    std::string name = "X-API-Key";
};

struct Presented {
    size_t count = 0;      // keys: of more than one nobody knows which counts
    std::string_view key;  // the first, decoded
};

// Names as http/credential.h reads them.
Presented key_in(const http::FieldList& fields, std::string_view name);
Presented key_in(std::string_view query, std::string_view name, Arena& arena);

}  // namespace portico::policy::api_key
