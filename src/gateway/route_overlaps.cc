#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "gateway/probe.h"
#include "gateway/route_table.h"

namespace portico::gateway {
namespace {

// Everything that ranks an entry, but for tie_break: only entries of one such key can be told apart by nothing else.
std::string rank_key(const RouteTable::Entry& e, const Conditions& c) {
    return e.host + "\n" + e.path.shape() + "\n" + (c.methods.any() ? "*" : "m") + std::to_string(c.headers.size()) + "," +
           std::to_string(c.query.size());
}

class Overlaps {
  public:
    Overlaps(const RouteTable& table, const config::Config& config, config::FaultList& faults)
        : table_(table), config_(config), faults_(faults) {}

    void run() {
        std::unordered_map<std::string, std::vector<uint32_t>> groups;
        const auto& entries = table_.entries();
        groups.reserve(entries.size());
        for (uint32_t i = 0; i < entries.size(); ++i) {
            groups[rank_key(entries[i], table_.rules()[entries[i].route].conditions)].push_back(i);
        }
        for (uint32_t i = 0; i < entries.size(); ++i) {
            auto group = groups.extract(rank_key(entries[i], table_.rules()[entries[i].route].conditions));
            if (!group.empty() && group.mapped().size() > 1) pairs(group.mapped());
        }
        // A route that could not be read may be the one whose tie it breaks.
        if (std::ranges::any_of(config_.routes, &config::RouteConfig::faulty)) return;
        for (size_t r = 0; r < config_.routes.size(); ++r) {
            const config::RouteConfig& route = config_.routes[r];
            if (!route.tie_break_written || breaks_.contains(r)) continue;
            faults_.error(route.tie_break_mark, "routes[" + std::to_string(r) + "].tie_break", "idle-tie-break",
                          "it breaks no tie: the fixed rule ranks this route against every other that could match the same request",
                          "leave it out");
        }
    }

  private:
    void pairs(const std::vector<uint32_t>& group) {
        for (size_t i = 0; i < group.size(); ++i) {
            for (size_t j = 0; j < i; ++j) pair(table_.entries()[group[j]], table_.entries()[group[i]]);
        }
    }

    void pair(const RouteTable::Entry& a, const RouteTable::Entry& b) {
        const auto& rule_a = table_.rules()[a.route];
        const auto& rule_b = table_.rules()[b.route];
        if (!rule_a.conditions.overlaps(rule_b.conditions)) return;
        if (a.route == b.route) {
            if (a.path.text() == b.path.text()) {
                faults_.error(b.mark, "routes[" + std::to_string(b.route) + "].match", "duplicate-path", "this route names \"" + b.path.text() + "\" twice");
            }
            return;
        }
        if (rule_a.tie_break != rule_b.tie_break) {
            breaks_.insert(a.route);
            breaks_.insert(b.route);
            return;
        }
        const auto probe = Probe::for_both(table_, a, b);
        const config::RouteConfig& first = config_.routes[a.route];
        faults_.error(b.mark, "routes[" + std::to_string(b.route) + "].match", "ambiguous-routes",
                      "this route and \"" + first.name + "\" on line " + std::to_string(a.mark.line) + " could both take " +
                          (probe ? probe->text() : "one request (" + a.path.text() + " and " + b.path.text() + ")") +
                          ", and neither is more specific",
                      "make one more specific, or give one a tie_break (the higher wins)");
    }

    const RouteTable& table_;
    const config::Config& config_;
    config::FaultList& faults_;
    std::unordered_set<size_t> breaks_;
};

}  // namespace

void check_overlaps(const RouteTable& table, const config::Config& config, config::FaultList& faults) {
    Overlaps(table, config, faults).run();
}

}  // namespace portico::gateway
