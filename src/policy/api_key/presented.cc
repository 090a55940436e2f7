#include "policy/api_key/presented.h"

#include "http/credential.h"
#include "http/uri.h"

namespace portico::policy::api_key {

Presented key_in(const http::FieldList& fields, std::string_view name) {
    const http::Presented p = http::presented_in_headers(fields, name);
    return {p.count, p.first};
}

Presented key_in(std::string_view query, std::string_view name, Arena& arena) {
    const http::Presented p = http::presented_in_query(query, name);
    const bool coded = p.first.find_first_of("%+") != std::string_view::npos;
    return {p.count, coded ? arena.copy(http::decode_query_value(p.first)) : p.first};
}

}  // namespace portico::policy::api_key
