// Which route a request takes: hosts by hash, paths by a tree of segments, conditions at its leaves, in the order of LANGUAGE.md
// §2. Built once for a snapshot, then read by every worker. The time of a lookup grows with the depth of the path, not with
// the number of routes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/fault.h"
#include "config/model.h"
#include "gateway/conditions.h"
#include "gateway/path_pattern.h"
#include "gateway/request_view.h"

namespace portico::gateway {

inline constexpr size_t kMaxParameters = 16;  // of one route

struct Match;

class RouteTable {
  public:
    // One way into a route: each of its hosts with each of its paths.
    struct Entry {
        uint32_t route = 0;
        std::string host;            // "" for every host; "*.example.com" or exact, lower case
        PathPattern path;
        std::vector<uint8_t> slots;  // for each parameter of the path, in its order: its place in Match::values
        config::Mark mark;           // of the path in the file
    };
    struct Rule {  // a route
        Conditions conditions;
        std::vector<std::string> parameters;  // names, in the order of Match::values
        int tie_break = 0;
        bool any_path_open = false;           // every path of it ends in /**
    };

    RouteTable() = default;
    RouteTable(RouteTable&&) = default;
    RouteTable& operator=(RouteTable&&) = default;

    // What is wrong with the routes (patterns, pairs that could not be told apart) goes into `faults`.
    static RouteTable build(const config::Config& config, config::FaultList& faults);

    // @returns false when no route takes the request
    bool find(const RequestView& request, Match& out) const;
    // Whether many conditions may have to be tried on much text: whoever finds a route takes his turn then (io/turn_budget.h).
    bool takes_long(const RequestView& request) const;
    // The methods with which some route would take the request, sorted; empty where the method is not what is missing.
    std::vector<std::string> allowed_methods(const RequestView& request) const;

    const std::vector<Entry>& entries() const { return entries_; }
    // Those of one route, which stand together.
    std::span<const Entry> ways_of(uint32_t route) const;
    const std::vector<Rule>& rules() const { return rules_; }
    // By the ranks of LANGUAGE.md §2 without the path: a method, a scheme, headers, query, tie_break. @returns true when a goes before b
    bool conditions_before(uint32_t route_a, uint32_t route_b) const;
    // Calls f(entry) for every entry whose host and path some request could share with `with`, until it returns false.
    template <class F>
    void visit_intersecting(const Entry& with, F&& f) const;

    static bool host_matches(std::string_view pattern, std::string_view host);

  private:
    struct Node {
        std::vector<std::pair<std::string_view, uint32_t>> few;         // fixed children, up to kFew
        std::unordered_map<std::string_view, uint32_t> many;            // fixed children, beyond
        std::vector<std::pair<const re2::RE2*, uint32_t>> patterns;
        std::vector<std::string_view> pattern_texts;
        uint32_t parameter = 0;           // child, 0: none
        std::vector<uint32_t> ends;       // entries, best rank first
        std::vector<uint32_t> opens;      // entries ending in ** here
    };
    struct Cut;      // a request's path in pieces
    template <class F>
    class Search;

    void add(uint32_t entry);
    uint32_t child(uint32_t node, const PathSegment& segment);
    uint32_t fixed_child(const Node& node, std::string_view text) const;
    void sort_leaves();
    // Calls f(root) for each tree that a request to `host` may use, in the order of their rank, until it returns true.
    template <class F>
    bool each_root(std::string_view host, F&& f) const;
    // Calls f(entry) for every entry whose host and path match, best rank first, until it returns true.
    template <class F>
    bool each_candidate(const RequestView& request, F&& f, Cut& cut) const;
    template <class F>
    bool visit_below(uint32_t node, const PathPattern& path, size_t at, F& f) const;
    void take(const Entry& entry, const RequestView& request, const Cut& cut, Match& out) const;

    std::vector<Entry> entries_;
    std::vector<Rule> rules_;
    std::vector<Node> nodes_{1};  // [0] is no node
    uint32_t any_host_ = 0;
    std::unordered_map<std::string, uint32_t> exact_hosts_;
    std::unordered_map<std::string, uint32_t> wildcard_hosts_;  // by what follows the "*": ".example.com"
    std::vector<std::string_view> host_views_;
    size_t depth_ = 0;        // segments of the longest pattern
    size_t patterns_ = 0;     // the most of one place
    size_t conditioned_ = 0;  // the most routes of one path that look at headers or at the query
};

// Pairs of routes that one request could match both, with equal rank; and every tie_break that breaks no tie.
void check_overlaps(const RouteTable& table, const config::Config& config, config::FaultList& faults);

template <class F>
bool RouteTable::visit_below(uint32_t index, const PathPattern& path, size_t at, F& f) const {
    const Node& node = nodes_[index];
    for (const uint32_t e : node.opens) {
        if (!f(entries_[e])) return false;
    }
    const bool over = at >= path.segments().size();
    if (over) {
        for (const uint32_t e : node.ends) {
            if (!f(entries_[e])) return false;
        }
        if (!path.open()) return true;
    }
    const auto go = [&](uint32_t next) { return visit_below(next, path, over ? at : at + 1, f); };
    if (!over && path.segments()[at].kind == PathSegment::Kind::fixed) {
        if (const uint32_t next = fixed_child(node, path.segments()[at].text); next != 0 && !go(next)) return false;
        if (path.segments()[at].text.empty()) return true;  // a parameter is never empty
    } else {
        for (const auto& [text, next] : node.few) {
            if (!go(next)) return false;
        }
        for (const auto& [text, next] : node.many) {
            if (!go(next)) return false;
        }
    }
    for (const auto& [matcher, next] : node.patterns) {
        if (!go(next)) return false;
    }
    return node.parameter == 0 || go(node.parameter);
}

template <class F>
void RouteTable::visit_intersecting(const Entry& with, F&& f) const {
    const auto tree = [&](uint32_t root) { return root == 0 || visit_below(root, with.path, 0, f); };
    if (!tree(any_host_)) return;
    for (const auto* hosts : {&exact_hosts_, &wildcard_hosts_}) {
        for (const auto& [name, root] : *hosts) {
            const std::string pattern = hosts == &wildcard_hosts_ ? "*" + name : name;
            const bool shared = with.host.empty() || with.host == pattern ||
                                host_matches(with.host, hosts == &wildcard_hosts_ ? "x" + name : name) ||
                                host_matches(pattern, with.host.starts_with('*') ? "x" + with.host.substr(1) : with.host);
            if (shared && !tree(root)) return;
        }
    }
}

// What matched, with the values of the path's parameters. Views of the request's normal path.
struct Match {
    static constexpr size_t kNone = SIZE_MAX;
    size_t route = kNone;                                // its index in the configuration
    const RouteTable::Entry* way = nullptr;              // which of its hosts and paths; lives as long as the table
    std::array<std::string_view, kMaxParameters> values; // encoded, by the route's own order of parameters; empty for those that this way lacks
    std::string_view rest;                               // {**}, encoded
};

}  // namespace portico::gateway
