// Whether a field is named in Connection, and so ends here (RFC 9110 §7.6.1). Asked for each field of a head or of trailers: where many names are
// there, they are put into a table first, for a head may hold thousands of both.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/text_table.h"
#include "http/fields.h"

namespace portico::gateway {

class ConnectionNames {
  public:
    // `connection` outlives it.
    explicit ConnectionNames(const http::ConnectionOptions& connection) : names_(connection.names) {
        if (names_.size() <= kFew) return;
        many_.emplace();
        for (const std::string_view name : names_) many_->insert(to_lower(name));
    }

    // In any case.
    bool contains(std::string_view name) const {
        if (names_.empty()) return false;
        if (many_) return many_->contains(to_lower(name));
        return std::ranges::any_of(names_, [&](std::string_view n) { return iequals(n, name); });
    }

  private:
    static constexpr size_t kFew = 8;

    const std::vector<std::string_view>& names_;
    std::optional<TextSet> many_;  // in lower case
};

}  // namespace portico::gateway
