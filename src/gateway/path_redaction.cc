#include "gateway/path_redaction.h"

#include <algorithm>

#include "base/text.h"

namespace portico::gateway {
namespace {

constexpr std::string_view kShown = "…";
constexpr std::string_view kAlways[] = {"password", "token", "secret"};

// Where a value stands in its path. @requires that it is a view of the path
std::pair<size_t, size_t> place_of(std::string_view value, std::string_view path) {
    const auto begin = static_cast<size_t>(value.data() - path.data());
    return {begin, begin + value.size()};
}

}  // namespace

PathRedaction::PathRedaction(const RouteTable& table, const std::vector<config::Text>& names, config::FaultList& faults) {
    std::vector<bool> used(names.size());
    const auto is_hidden = [&](std::string_view parameter) {
        bool hidden = std::ranges::any_of(kAlways, [&](std::string_view n) { return iequals(n, parameter); });
        for (size_t i = 0; i < names.size(); ++i) {
            if (!iequals(names[i].value, parameter)) continue;
            hidden = used[i] = true;
        }
        return hidden;
    };
    std::vector<OfRoute> routes(table.rules().size());
    for (const RouteTable::Entry& e : table.entries()) {
        OfRoute& route = routes[e.route];
        const auto& parameters = table.rules()[e.route].parameters;
        for (const uint8_t slot : e.slots) {
            if (is_hidden(parameters[slot]) && std::ranges::find(route.slots, slot) == route.slots.end()) route.slots.push_back(slot);
        }
        route.rest |= e.path.open() && is_hidden("**");
    }
    for (size_t i = 0; i < names.size(); ++i) {
        if (used[i]) continue;
        faults.warning(names[i].mark, "log.redact", "idle-setting", "no route has a parameter {" + names[i].value + "} in its path",
                       "write the name of a path's parameter, such as " + std::string(kAlways[0]));
    }
    if (std::ranges::any_of(routes, &OfRoute::any)) routes_ = std::move(routes);
}

std::string_view PathRedaction::shown(const RouteTable& table, const RequestView& request, const Match& match, std::string& room) const {
    if (routes_.empty() || (match.route != Match::kNone && !routes_[match.route].any())) return request.path;
    std::vector<std::pair<size_t, size_t>> places;
    const auto hide = [&](const Match& m) {
        const OfRoute& route = routes_[m.route];
        for (const uint8_t slot : route.slots) {
            if (m.values[slot].data() != nullptr) places.push_back(place_of(m.values[slot], request.path));
        }
        if (route.rest && !m.rest.empty()) places.push_back(place_of(m.rest, request.path));
    };
    if (match.route != Match::kNone) hide(match);
    else table.each_match(request, hide);
    std::ranges::sort(places);
    room.clear();
    size_t at = 0;
    for (const auto& [begin, end] : places) {
        // One that begins within another, of another route, may end behind it.
        if (begin >= at) room.append(request.path.substr(at, begin - at)).append(kShown);
        at = std::max(at, end);
    }
    room += request.path.substr(at);
    return room;
}

}  // namespace portico::gateway
