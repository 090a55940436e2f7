// Rules over cookies: the pairs of a request's Cookie (RFC 6265 §4.2), the Set-Cookie fields of an answer (§4.1). Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "http/fields.h"
#include "policy/transform/rules.h"

namespace portico::policy::transform {

struct CookieRules {
    std::vector<NameTest> remove;
    std::vector<Named> set;                // the value alone
    std::vector<std::string> attributes;   // of an answer's, by set: "; Path=/; Secure"

    bool empty() const { return remove.empty() && set.empty(); }
    bool reads(size_t root) const;
    void check_place(const gateway::PlaceValues& place, const config::Scope& scope) const;
};

// By CookieRules::set. None: there is no such cookie.
Result<Rendered> render(const CookieRules& rules, const gateway::Values& values, Arena& arena);

// The request's cookies, in one Cookie field. Pairs that no rule touches keep their bytes.
void apply_cookies(const CookieRules& rules, const Rendered& values, http::FieldList& fields, Arena& arena);
// The answer's: one Set-Cookie field for each.
void apply_set_cookies(const CookieRules& rules, const Rendered& values, http::FieldList& fields, Arena& arena);

}  // namespace portico::policy::transform
