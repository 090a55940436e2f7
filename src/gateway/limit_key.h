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
    // Of a policy's `key`, for its row.
    static constexpr std::string_view kType = "value, list of values, `{ first: [ … ] }` or all";
    static constexpr std::string_view kSchema =
        R"({"anyOf":[{"$ref":"#/$defs/textOrList"},{"type":"object","properties":{"first":{"type":"array","items":{"type":"string"},"minItems":2}},"required":["first"],"additionalProperties":false}]})";

    // The client's address.
    LimitKey();
    // A policy's `key`: one value in either notation, a list of values, `{ first: [ … ] }` or the word `all`. What can only be judged on a route is left to
    // check_place. Faults go to `scope`.
    static LimitKey read(const config::Scope& scope, const config::Node& node);

    // Judges it where the policy stands, and warns where clients choose all of it: whoever sends another value each time is never limited
    // (LANGUAGE.md §5). An identity that may be absent will do where others stand behind it in a `first`. @returns false after a fault
    bool check_place(const PolicyPlace& place, config::Mark mark, const config::Scope& scope) const;
    bool names_claims() const;
    // By one who names subjects alone: `claims.sub`, also as one of a `first`.
    bool is_subject() const;
    // A header of that name, in any spelling, is one of its values.
    bool names_header(std::string_view name) const;
    // A parameter of the path is one of its values (kRest: {**}).
    bool names_parameter(std::string_view name) const;
    bool is_one_value() const { return mode_ == Mode::joined && values_.size() == 1; }
    // Nothing but the client's address.
    bool is_address() const;
    // Appends the request's key to `out`. One value stands as it is; several are joined by their lengths, so that no value can
    // look like two. The first that is there stands with its name, joined likewise: alice is not the cookie alice. All are `all`.
    // @errors value_refused or claim_refused where a value is not there or empty (LANGUAGE.md §4), naming it; of a `first` where none is there
    Result<void> build(const Exchange& x, std::string& out) const;

  private:
    enum class Mode : uint8_t { joined, first, all };

    void read_values(const config::Scope& scope, const config::Node& node);
    // The value as it is counted. @returns none where it is not there or empty  @errors where it is a list or an object
    Result<std::optional<std::string_view>> value_of(const TemplatePart& part, const Exchange& x, Arena& arena) const;
    Result<void> build_first(const Exchange& x, std::string& out) const;

    Mode mode_ = Mode::joined;
    std::vector<Template> values_;  // each nothing but one {…}; of `all` none
};

// A load error where a policy before takes that value off: nothing would ever be found. @returns false after it
bool check_not_taken_off(const Template& value, const PolicyPlace& place, config::Mark mark, const config::Scope& scope);

// An address as limits see it: IPv4 whole, IPv6 as its /64, for that is what one customer is given. Appends.
void append_limited_address(const IpAddress& address, std::string& out);
// The values as one text: `5:alice3:eve` where there are several. Appends.
void append_joined(std::span<const std::string_view> values, std::string& out);

}  // namespace portico::gateway
