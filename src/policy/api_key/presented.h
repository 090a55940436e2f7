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

Presented key_in(const http::FieldList& fields, std::string_view name);
// A name is compared decoded, so that no spelling of it passes for another parameter.
Presented key_in(std::string_view query, std::string_view name, Arena& arena);

// Takes the key's header off, in every spelling.
void remove_key(http::FieldList& fields, std::string_view name);
// The query without the key's pairs; the rest as it came. A view of `query` or of the arena.
std::string_view without_key(std::string_view query, std::string_view name, Arena& arena);

}  // namespace portico::policy::api_key
