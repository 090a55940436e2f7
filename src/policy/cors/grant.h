// What a route's answers say about other sites' pages: the fields of the CORS protocol. Pure: a request's words in, fields out.
//
// @spec Fetch, "CORS protocol" (HTTP responses; preflight)
#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/fields.h"
#include "policy/cors/origin_rules.h"

namespace portico::policy::cors {

struct Grant {
    OriginRules origins;
    std::string methods;       // "GET, POST"; empty: the route's
    bool any_method = false;   // the one that is asked about
    std::string headers;       // "Authorization, Content-Type"
    bool any_header = false;   // those that are asked about
    std::string expose;
    bool credentials = false;
    std::string max_age;       // seconds; empty: unsaid

    // What a preflight asks.
    struct Question {
        std::string_view origin;   // empty: the request has none, or several
        std::string_view method;
        std::string_view headers;  // as asked, joined by commas
        std::string_view route_methods;  // empty: the route takes every method
    };

    // True where the answer's fields depend on who asks.
    bool depends_on_origin() const { return !origins.any() || credentials; }
    bool admits(std::string_view origin) const { return origins.any() || (!origin.empty() && origins.admits(origin)); }
    // Puts this grant in the place of whatever the answer says of CORS. Views live as long as this, the question and `arena`.
    void write_answer(std::string_view origin, http::FieldList& fields, Arena& arena) const;
    void write_preflight(const Question& question, http::FieldList& fields, Arena& arena) const;

  private:
    void write_origin(std::string_view origin, http::FieldList& fields) const;
};

// Adds a name to the answer's Vary, unless it stands there (RFC 9110 §12.5.5).
void add_vary(std::string_view name, http::FieldList& fields, Arena& arena);

}  // namespace portico::policy::cors
