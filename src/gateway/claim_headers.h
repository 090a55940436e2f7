// `claims_to_headers`: how a policy that signs in hands the identity on to the service, one header a claim. Used by jwt,
// api_key and basic. Built at load, immutable, read by every worker.
//
// What a service reads is what the claim says without the white space around it, or the request is refused: no text that a header
// cannot carry, and no list whose elements could not be told apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "config/schema.h"
#include "gateway/claims.h"
#include "gateway/subjects.h"
#include "http/fields.h"

namespace portico::gateway {

class Exchange;

class ClaimHeaders {
  public:
    static constexpr std::string_view kDoc =
        "Headers that the service gets, each with its claim, such as `X-User-ID: sub`, without white space around it. A claim that is not there gives no header, a list "
        "of plain values is joined by commas (`%`, `,` and controls in them percent-encoded). No client can send these headers, on any route.";
    static constexpr std::string_view kSchema = R"({"type":"object","additionalProperties":{"type":"string"}})";

    // Reads the mapping from headers to claims; faults go to `scope`.
    static ClaimHeaders read(const config::Scope& scope, const config::Node& node);
    // The headers that settings with the key `claims_to_headers` name: PolicyType::managed_headers.
    static std::vector<std::string> managed(const config::Node& settings);

    // The headers of one identity, in one piece of memory: whoever sees it again need not look into its claims.
    class Rendered {
      public:
        size_t bytes() const { return text_.capacity(); }

      private:
        friend class ClaimHeaders;
        struct Piece {
            uint32_t row;   // of rows_
            uint32_t size;  // of the value that follows
        };
        std::string text_;  // pieces, each before its value
    };

    // Sets the header of every claim that the exchange's identity has, or none, and takes the identity away. @errors claim_refused
    Result<void> apply(Exchange& x) const;
    // @returns none where apply() would refuse these claims
    std::optional<Rendered> render(const json::Document& claims) const;
    // The same as apply() to an exchange with those claims.
    void apply(Exchange& x, const Rendered& rendered) const;
    bool empty() const { return rows_.empty(); }
    // Adds the headers that hold `sub`, unless another one holds `iss` beside it.
    void subject_headers(const std::vector<SubjectParty>& parties, std::vector<SubjectHeader>& into) const;

  private:
    struct Row {
        std::string header;
        http::FieldName id;  // of the header
        ClaimPath claim;
    };
    std::vector<Row> rows_;
};

// A claim as a header's value: a view of the document, or of the arena. @returns none where there is no header: no claim, `null`,
// an empty list. @errors claim_refused
Result<std::optional<std::string_view>> claim_as_field_value(json::Value claim, Arena& arena);
// True for request headers that the gateway writes for reasons of its own, in every spelling: a policy's would be a second value.
bool is_written_by_gateway(std::string_view name);

}  // namespace portico::gateway
