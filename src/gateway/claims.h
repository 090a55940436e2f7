// What a policy has found out of who asks: the claims of the identity (LANGUAGE.md §5), and how configurations name one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "json/document.h"

namespace portico::gateway {

// Names from the claims' root: `sub`, `realm_access.roles`, `['https://example.com/roles']`, `a['b.c'].d`.
class ClaimPath {
  public:
    // @returns none where `text` is no such path; `fault` says why
    static std::optional<ClaimPath> parse(std::string_view text, std::string& fault);
    // @returns no value where a name is not there
    json::Value find(const json::Document& claims) const;
    // As it would be written.
    std::string text() const;
    const std::vector<std::string>& names() const { return names_; }
    bool operator==(const ClaimPath&) const = default;

  private:
    std::vector<std::string> names_;
};

// A claim as text: a string decoded, a number or boolean as it was written. Absent and `null` are none (LANGUAGE.md §4).
// @requires not a list or object
std::optional<std::string_view> claim_text(json::Value value);
inline bool is_compound(json::Value value) { return value.is_array() || value.is_object(); }

}  // namespace portico::gateway
