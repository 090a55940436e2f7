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
    if (std::ranges::none_of(routes, &OfRoute::any)) return;
    routes_ = std::move(routes);
    for (const RouteTable::Entry& e : table.entries()) {
        if (routes_[e.route].any()) add_way(e);
    }
}

void PathRedaction::add_way(const RouteTable::Entry& entry) {
    const OfRoute& route = routes_[entry.route];
    std::string leading;
    size_t count = 0, parameter = 0;
    Way way;
    size_t behind = 0;
    for (const PathSegment& s : entry.path.segments()) {
        const bool fixed = s.kind == PathSegment::Kind::fixed;
        if (!fixed && std::ranges::find(route.slots, entry.slots[parameter++]) != route.slots.end()) way.hidden.push_back(behind);
        if (fixed && behind == 0) {
            leading.append("/").append(s.text);
            ++count;
        } else {
            ++behind;
        }
    }
    if (route.rest && entry.path.open()) way.rest = behind;
    most_leading_ = std::max(most_leading_, count);
    ways_[std::move(leading)].insert(std::move(way));
}

// As far as a path goes with a route's, its segments are taken for those.
void PathRedaction::hide_missed(std::string_view path, Places& places) const {
    size_t end = 0;  // of what is compared with the leading ones
    for (size_t leading = 0; leading <= most_leading_ && end < path.size(); ++leading) {
        const auto found = ways_.find(path.substr(0, end));
        if (found != ways_.end()) {
            for (const Way& way : found->second) hide_behind(path, end, way, places);
        }
        end = std::min(path.find('/', end + 1), path.size());
    }
}

void PathRedaction::hide_behind(std::string_view path, size_t at, const Way& way, Places& places) {
    auto next = way.hidden.begin();
    for (size_t segment = 0; at < path.size() && (next != way.hidden.end() || way.rest != SIZE_MAX); ++segment) {
        const size_t begin = at + 1;
        if (segment == way.rest) {
            if (begin < path.size()) places.emplace_back(begin, path.size());
            return;
        }
        at = std::min(path.find('/', begin), path.size());
        if (next == way.hidden.end() || *next != segment) continue;
        ++next;
        if (at > begin) places.emplace_back(begin, at);
    }
}

std::string_view PathRedaction::shown(std::string_view path, const Match& match, std::string& room) const {
    if (routes_.empty() || (match.route != Match::kNone && !routes_[match.route].any())) return path;
    Places places;
    if (match.route != Match::kNone) {
        const OfRoute& route = routes_[match.route];
        for (const uint8_t slot : match.way->slots) {
            if (std::ranges::find(route.slots, slot) != route.slots.end()) places.push_back(place_of(match.values[slot], path));
        }
        if (route.rest && !match.rest.empty()) places.push_back(place_of(match.rest, path));
    } else {
        hide_missed(path, places);
    }
    std::ranges::sort(places);
    room.clear();
    size_t at = 0;
    for (const auto& [begin, end] : places) {
        // One that begins within another, of another route, may end behind it.
        if (begin >= at) room.append(path.substr(at, begin - at)).append(kShown);
        at = std::max(at, end);
    }
    room += path.substr(at);
    return room;
}

}  // namespace portico::gateway
