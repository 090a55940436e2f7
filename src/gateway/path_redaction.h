// `log.redact`: which parameters of paths the access log shows as `…` (LANGUAGE.md §12). Which they are is settled at load, by route; a line of a
// route that has none costs one look. Immutable, read by every worker.
#pragma once

#include <map>
#include <set>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/fault.h"
#include "config/model.h"
#include "gateway/route_table.h"

namespace portico::gateway {

class PathRedaction {
  public:
    PathRedaction() = default;
    // @param names  beside `password`, `token` and `secret`, which are always among them; `**` names what {**} holds. One that no route has
    // is a warning
    PathRedaction(const RouteTable& table, const std::vector<config::Text>& names, config::FaultList& faults);

    // The request's normal path as the log shows it. Where no route took the request (another method, a slash more, half a path), what any
    // route hides whose path begins as it does is hidden too.
    // @param match  of the request; its values are views of the path
    // @returns the path itself, or a text in `room`
    std::string_view shown(std::string_view path, const Match& match, std::string& room) const;

  private:
    struct OfRoute {
        std::vector<uint8_t> slots;  // of Match::values
        bool rest = false;
        bool any() const { return rest || !slots.empty(); }
    };
    // What paths of routes hide, for requests that miss them: segments by their places behind the leading fixed ones, sorted, and all from
    // one on. What stands fixed between them is not asked: a request that misses a path may miss it there.
    struct Way {
        std::vector<size_t> hidden{};
        size_t rest = SIZE_MAX;
        auto operator<=>(const Way&) const = default;
    };
    using Places = std::vector<std::pair<size_t, size_t>>;
    void add_way(const RouteTable::Entry& entry);
    void hide_missed(std::string_view path, Places& places) const;
    static void hide_behind(std::string_view path, size_t at, const Way& way, Places& places);

    std::vector<OfRoute> routes_;  // by their index in the configuration; empty where none hides anything
    std::map<std::string, std::set<Way>, std::less<>> ways_;  // by the leading fixed segments, "/users" or ""
    size_t most_leading_ = 0;                            // segments
};

}  // namespace portico::gateway
