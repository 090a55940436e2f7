// A claim's value as a file writes it, with its type: what `authorize` and `required_claims` compare with.
#pragma once

#include <optional>
#include <string>

#include "config/schema.h"
#include "json/document.h"

namespace portico::gateway {

struct ClaimConstant {
    json::Kind kind = json::Kind::string;  // string, number or boolean
    std::string text;                      // decoded; a number as it was written
};

// A text, a number, `true` or `false`. Anything else is a fault. @returns none where there was one
std::optional<ClaimConstant> read_claim_constant(const config::Scope& scope, const config::Node& node);

// A text by its characters, a boolean as itself, a number by its value (`1`, `1.0` and `10e-1` are one, whatever their size).
bool equals(json::Value claim, const ClaimConstant& wanted);

}  // namespace portico::gateway
