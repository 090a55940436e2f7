// What another service's answer decides about a request, and what of it goes on: to the service behind, into the identity, or
// back to the client. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/fields.h"

namespace portico::policy::forward_auth {

enum class Outcome : uint8_t {
    pass,      // 2xx
    refuse,    // 401, 403, a redirect: the client gets that answer
    failed,    // 5xx: it cannot decide now
    unusable,  // decides nothing, and a client may be why: 400 or 431 for what it sent
};
Outcome outcome_of(int status);

// Whether a call that brought no answer failed for what the service, or the way to it, is like. Answers that cannot be read, and calls
// that this gateway held back, are no such thing: clients can bring them about, and `on_failure: allow` must not let them.
bool is_failure_of_service(const Error& why);

// A header of a passing answer that goes on.
struct Copied {
    std::string header;
    std::string claim;     // empty: it bears none
    bool is_list = false;  // the claim is a list: the value's elements between commas
};

// The header's value, or none where it is absent or empty. @errors upstream_protocol where it stands twice, in any spelling: nobody
// could say which of the two holds (FIELD-CASES R4); where it is not UTF-8: two such would be one claim
Result<std::optional<std::string_view>> value_of(const Copied& copied, const http::FieldList& answer);
// The claims as JSON, from values in the rows' order. @returns none where none of the rows that bear a claim has a value
std::optional<std::string> claims_of(const std::vector<Copied>& rows, const std::vector<std::optional<std::string_view>>& values);
// Whether a header of the client's may go along where all do: none that is for one hop or of a body or its framing, none by which the
// question would be another (Expect, Range, If-…), and none that the gateway writes itself. In any spelling.
bool may_be_sent(std::string_view name);
// A name as those write it who decide: `-` for every byte that is no letter or digit.
std::string usual_spelling(std::string_view name);
// A name that stands among these in two spellings that differ by more than case (`X-Tenant`, `X_Tenant`), in its usual spelling, or none:
// two services may read two headers there, or one.
std::optional<std::string> twice_in_other_spellings(std::span<const std::string_view> names);
// The fields of a refusal that a client may see: what it needs to sign in, and what its body is. Nothing of how that answer was
// framed or connected. Appends views.
void copy_refusal(const http::FieldList& answer, http::FieldList& to);

}  // namespace portico::policy::forward_auth
