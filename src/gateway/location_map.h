// Where a `Location` or `Content-Location` of a service's response leads for the client: back through the route's path, in the place of
// the service's own address and of the path that it was sent (LANGUAGE.md §3). Compiled at load, immutable, used by every worker; a
// response without such a field costs one comparison for each of its fields.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "gateway/rewrite.h"
#include "gateway/route_table.h"
#include "http/fields.h"

namespace portico::gateway {

// What a response's fields are compared with.
struct LocationView {
    std::string_view authority;        // what the service was sent as Host
    bool endpoint_tls = false;         // it was reached by https
    std::string_view client_scheme;    // what it was told of the client's
    std::string_view client_path;      // in normal form
    std::string_view prefix;           // what was stripped of it, as X-Forwarded-Prefix says
    const Match* match = nullptr;
};

class LocationMap {
  public:
    LocationMap() = default;
    // @param sent what the route's path becomes; nullptr: it is sent as it is
    // @param ways of the route
    LocationMap(config::LocationMode mode, const TargetTemplate* sent, std::span<const RouteTable::Entry> ways);

    // Changes Location and Content-Location among the fields. One that names another authority, that the path sent cannot have led to,
    // or that would leave this host or climb out of its place stays as it is.
    void apply(const LocationView& view, http::FieldList& fields, Arena& arena) const;
    // One value. @returns none where it stays as it is
    std::optional<std::string> mapped(const LocationView& view, std::string_view value) const;

  private:
    // A path parameter's place, or `{**}`'s, in what is sent.
    struct Piece {
        std::string text;        // stands before it
        bool rest = false;
        uint32_t slot = 0;       // of a parameter, in Match::values
        bool end = false;        // nothing follows the text
    };
    bool compile(const TargetTemplate& sent);
    bool take(std::string_view path, Match& found) const;
    std::optional<std::string> client_path(const LocationView& view, std::string_view path) const;

    config::LocationMode mode_ = config::LocationMode::automatic;
    bool same_ = false;  // the path is sent as it is
    std::vector<Piece> sent_;  // empty: the mapping is not one to one
};

}  // namespace portico::gateway
