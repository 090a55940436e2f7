// A credential by its name: in a header, a cookie or a pair of the query. One reading of names finds it, counts it and takes it
// off, so that what was judged is all that there is. What the gateway itself sets there takes the client's off in the same way, to
// stand alone. Pure: a request's parts in, views of them out.
//
// Wider than any one specification: services read names in ways of their own, and one that finds a second credential where the
// gateway saw none believes what nobody has verified. So a name counts in each of these spellings:
//
// - a header's in any case, and with any byte that is no letter or digit in place of another (CGI makes `X_Token` of both);
// - a cookie's likewise, and with anything around it that no name may hold (RFC 6265 §4.1.1), percent-encoded, and behind a `,`
//   (RFC 2965 §3.3.4 lets servers split there) or white space within a value (Python's SimpleCookie splits there);
// - a query pair's likewise, decoded, with white space or a `?` around it, and behind a `;` within a value (HTML 4.01 §B.2.2);
// - of these two also with a `%uXXXX` in it, as ASP.NET decodes; between brackets, or with one behind it, as lists are named
//   (`name[]`; Rack and qs take `[name]` for the name); and with a NUL behind it. (ASP.NET has no case in names, PHP makes `_` of dots.)
#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/fields.h"

namespace portico::http {

struct Presented {
    size_t count = 0;        // of more than one nobody knows which counts
    std::string_view first;  // its value as it came, undecoded
};

Presented presented_in_headers(const FieldList& fields, std::string_view name);
Presented presented_in_cookies(const FieldList& fields, std::string_view name);
Presented presented_in_query(std::string_view query, std::string_view name);
// Whether one pair of a query bears that name.
inline bool bears_name(std::string_view pair, std::string_view name) { return presented_in_query(pair, name).count > 0; }

// What follows the scheme in the value of an Authorization field (in any case, and one or more spaces: RFC 9110 §11.4). Where another
// byte that no scheme may hold stands around the scheme, which some services pass over like a space, it is kept, so that no reader of
// credentials takes the text for good. @returns none for another scheme
std::optional<std::string_view> behind_scheme(std::string_view value, std::string_view scheme);

// What is not the credential keeps its bytes.
void remove_headers(FieldList& fields, std::string_view name);
void remove_cookies(FieldList& fields, std::string_view name, Arena& arena);
// @returns `query` itself where there is nothing to take off, else a text in the arena
std::string_view without_pairs(std::string_view query, std::string_view name, Arena& arena);

}  // namespace portico::http
