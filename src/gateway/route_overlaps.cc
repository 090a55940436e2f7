#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "base/text_table.h"
#include "gateway/probe.h"
#include "gateway/route_table.h"

namespace portico::gateway {
namespace {

// Everything that ranks an entry, but for tie_break: only entries of one such key can be told apart by nothing else.
std::string rank_key(const RouteTable::Entry& e, const Conditions& c) {
    return e.host + "\n" + e.path.shape() + "\n" + (c.methods.any() ? "*" : "m") + (c.scheme == config::Scheme::any ? "" : "s") + std::to_string(c.headers.size()) + "," +
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
            if (!group.empty() && group.mapped().size() > 1) split(group.mapped(), 0);
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
    using Entries = std::vector<uint32_t>;  // in the order of the file
    static constexpr size_t kFew = 16;
    static constexpr size_t kMostSplits = 4;

    const RouteTable::Entry& entry(uint32_t i) const { return table_.entries()[i]; }
    const RouteTable::Rule& rules(uint32_t i) const { return table_.rules()[entry(i).route]; }

    // Entries that want different texts of one name have no request in common: they are not compared, or a thousand routes of one path
    // would be compared each with each.
    void split(const Entries& entries, size_t splits) {
        if (entries.size() > kFew && splits < kMostSplits) {
            if (const auto by = Place::wanted_most(*this, entries)) {
                TextMap<Entries> parts;
                Entries rest, apart;
                for (const uint32_t i : entries) {
                    const std::string* const text = by->text_of(rules(i).conditions);
                    if (text == nullptr) {
                        rest.push_back(i);
                    } else {
                        parts[*text].push_back(i);
                        apart.push_back(i);
                    }
                }
                for (const auto& [text, part] : parts) split(part, parts.size() == 1 ? kMostSplits : splits + 1);
                for (const uint32_t i : rest) {
                    for (const uint32_t j : apart) pair(std::min(i, j), std::max(i, j));
                }
                return each_with_each(rest);
            }
        }
        each_with_each(entries);
    }

    // Where a condition on exactly one text stands.
    struct Place {
        bool query;
        std::string name;  // a header's in lower case

        static std::string name_of(const ValueCondition& c, bool query) { return query ? c.match().name : to_lower(c.match().name); }
        const std::string* text_of(const Conditions& conditions) const {
            for (const ValueCondition& c : query ? conditions.query : conditions.headers) {
                if (c.match().kind == config::ValueMatch::Kind::exact && name_of(c, query) == name) return &c.match().value;
            }
            return nullptr;
        }
        // Of most of the entries. @returns none where few of them want one text of anything, or all want the same
        static std::optional<Place> wanted_most(const Overlaps& of, const Entries& entries) {
            struct Count {
                size_t entries = 0;
                TextViewSet texts;
            };
            TextMap<Count> counts;
            for (const uint32_t i : entries) {
                for (const bool query : {false, true}) {
                    for (const ValueCondition& c : query ? of.rules(i).conditions.query : of.rules(i).conditions.headers) {
                        if (c.match().kind != config::ValueMatch::Kind::exact) continue;
                        Count& count = counts[(query ? "?" : ":") + name_of(c, query)];
                        ++count.entries;
                        count.texts.insert(c.match().value);
                    }
                }
            }
            const auto most = std::ranges::max_element(counts, {}, [](const auto& c) { return c.second.texts.size(); });
            if (most == counts.end() || most->second.texts.size() < 2 || most->second.entries < entries.size() / 2) return std::nullopt;
            return Place{most->first.front() == '?', most->first.substr(1)};
        }
    };

    // Each is told of once, beside the first that it cannot be told from.
    void each_with_each(const Entries& entries) {
        std::map<int, Entries> before;  // by tie_break
        Entries idle;                   // whose tie_break has decided nothing yet
        const auto is_idle = [&](uint32_t i) { return config_.routes[entry(i).route].tie_break_written && !breaks_.contains(entry(i).route); };
        for (const uint32_t i : entries) {
            const int mine = rules(i).tie_break;
            for (size_t k = 0; k < before[mine].size() && !told_.contains(i); ++k) pair(before[mine][k], i);
            for (const auto& [tie_break, others] : before) {
                if (tie_break == mine) continue;
                for (size_t k = 0; k < others.size() && is_idle(i); ++k) pair(others[k], i);
                if (!is_idle(i)) break;
            }
            for (const uint32_t j : idle) pair(j, i);
            std::erase_if(idle, [&](uint32_t j) { return !is_idle(j); });
            if (is_idle(i)) idle.push_back(i);
            before[mine].push_back(i);
        }
    }

    // @requires first stands before second in the file
    void pair(uint32_t first, uint32_t second) {
        const RouteTable::Entry &a = entry(first), &b = entry(second);
        const RouteTable::Rule &rule_a = rules(first), &rule_b = rules(second);
        const bool decided = rule_a.tie_break != rule_b.tie_break;
        if (decided ? breaks_.contains(a.route) && breaks_.contains(b.route) : told_.contains(second)) return;
        if (!rule_a.conditions.overlaps(rule_b.conditions)) return;
        if (decided) {
            breaks_.insert(a.route);
            breaks_.insert(b.route);
        } else if (a.route != b.route) {
            tell(a, b);
            told_.insert(second);
        } else if (a.path.text() == b.path.text()) {
            faults_.error(b.mark, "routes[" + std::to_string(b.route) + "].match", "duplicate-path", "this route names \"" + b.path.text() + "\" twice");
            told_.insert(second);
        }
    }

    void tell(const RouteTable::Entry& a, const RouteTable::Entry& b) {
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
    std::unordered_set<size_t> breaks_;  // routes whose tie_break, or lack of one, decides
    std::unordered_set<uint32_t> told_;  // entries
};

}  // namespace

void check_overlaps(const RouteTable& table, const config::Config& config, config::FaultList& faults) {
    Overlaps(table, config, faults).run();
}

}  // namespace portico::gateway
