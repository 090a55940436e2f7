// A request made up at load, to ask the route table what it would do: in messages it is the example that proves the point.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/request_view.h"
#include "gateway/route_table.h"

namespace portico::gateway {

// Texts of a segment, one of which most patterns take.
std::span<const std::string_view> path_samples();
// Texts, encoded, that a pattern's expression takes; empty where none was found, or it is no pattern.
std::vector<std::string> pattern_samples(const PathSegment& segment);
// A text that both segments take (nullptr: any). @param number makes those of parameters differ along a path
// @param skip takes a later one, where there are several  @returns false where none was found
bool sample_segment(const PathSegment* a, const PathSegment* b, size_t number, std::string& into, size_t skip = 0);

class Probe {
  public:
    // One that `entry` takes, or none where no example of a pattern was found. One that no other route takes before it, if one was found.
    static std::optional<Probe> for_entry(const RouteTable& table, const RouteTable::Entry& entry);
    // One that both take, as far as host, path and conditions can agree.
    // @param attempt another one gives another path, where there are several
    static std::optional<Probe> for_both(const RouteTable& table, const RouteTable::Entry& a, const RouteTable::Entry& b, size_t attempt = 0);
    // One that both take and the table gives to the second one.
    static std::optional<Probe> lost(const RouteTable& table, const RouteTable::Entry& by, const RouteTable::Entry& to);

    std::string method = "GET";
    config::Scheme scheme = config::Scheme::any;  // any: of no account
    std::string host;
    std::string path;
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<std::pair<std::string, std::string>> query;

    // "GET /users/1?v=2 with Host: example.com, X-Kind: a"
    std::string text() const;
    // The route that takes it, or Match::kNone.
    size_t route_in(const RouteTable& table) const;
    bool matches(const RouteTable& table, const RouteTable::Entry& entry) const;

  private:
    template <class F>
    auto with_view(F&& f) const;
};

}  // namespace portico::gateway
