// Whom a limit counts: the key of a request, built from one value of it or from a list of them. Shared by the policies that
// limit. Immutable once read, used by every worker.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/read.h"
#include "gateway/policy.h"
#include "gateway/templates/template_string.h"

namespace portico::gateway {

class LimitKey {
  public:
    // The client's address.
    LimitKey();
    // A policy's `key`: one value in either notation, or a list of values. What can only be judged on a route is left to
    // check_place. Faults go to `scope`.
    static LimitKey read(const config::Scope& scope, const config::Node& node);

    // Judges it where the policy stands, and warns where clients choose all of it: whoever sends another value each time is never limited
    // (LANGUAGE.md §5). @returns false after a fault
    bool check_place(const PolicyPlace& place, config::Mark mark, const config::Scope& scope) const;
    bool names_claims() const;
    // Nothing but `claims.sub`.
    bool is_subject() const;
    // A header of that name, in any spelling, is one of its values.
    bool names_header(std::string_view name) const;
    // A parameter of the path is one of its values (kRest: {**}).
    bool names_parameter(std::string_view name) const;
    size_t size() const { return values_.size(); }
    // Nothing but the client's address.
    bool is_address() const;
    // Appends the request's key to `out`. One value stands as it is; several are joined by their lengths, so that no value can
    // look like two.
    // @errors value_refused or claim_refused where a value is not there or empty (LANGUAGE.md §4), naming it
    Result<void> build(const Exchange& x, std::string& out) const;

  private:
    std::vector<Template> values_;  // each nothing but one {…}
};

// An address as limits see it: IPv4 whole, IPv6 as its /64, for that is what one customer is given. Appends.
void append_limited_address(const IpAddress& address, std::string& out);
// The values as one text: `5:alice3:eve` where there are several. Appends.
void append_joined(std::span<const std::string_view> values, std::string& out);

}  // namespace portico::gateway
