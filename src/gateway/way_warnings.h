// What is said of ways around a guard: which of two routes is the less guarded one, how many warnings there are, and how long is searched
// for them. Private to gateway/ (route_warnings.cc, sent_alike.cc). At load.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "config/fault.h"
#include "gateway/snapshot.h"

namespace portico::gateway {

class WayWarnings {
  public:
    WayWarnings(const Snapshot& snapshot, config::FaultList& faults) : s_(snapshot), faults_(faults) {}

    // True where `other` lacks a guard that `guarded` has, and has no right to: it does not say so itself, asks a service at all, and does not
    // merely ask for an identity in another way, with all that decides who of those may pass.
    bool less_guarded(size_t other, size_t guarded) const;

    // What follows is about another route: its share of warnings and of the search begins.
    void begin_route() { found_ = looked_at_ = 0; }
    // Asked for each entry or sender that is looked at, and for each that is then compared. @returns false where the search ends
    bool may_look() { return is_within(++looked_at_, kMostLookedAt) && is_within(++looked_at_in_all_, kMostLookedAtInAll); }
    bool may_compare() { return is_within(++compared_, kMostCompared) && allowance_ > 0; }
    // Of what comparing spends: texts that are tried, and what stands in their way.
    size_t& allowance() { return allowance_; }
    // @returns false where the two routes were told of already
    bool pair(size_t route, size_t other) { return pairs_.insert({route, other}).second; }
    bool is_told(size_t route, size_t other) const { return pairs_.contains({route, other}); }
    // Counted where there are too many already.
    void warn(size_t route, const char* code, const std::string& what, const std::string& hint);
    // Routes that could not be judged, warnings that were not shown, a search that ended early.
    void finish();

  private:
    static constexpr size_t kMostOfRoute = 5, kMostInAll = 200;                    // warnings
    static constexpr size_t kMostLookedAt = 100'000, kMostCompared = 1'000'000;  // of one route; in all
    static constexpr size_t kMostLookedAtInAll = 20'000'000, kMostSteps = 10'000'000;  // a second or so

    bool is_within(size_t count, size_t most) {
        ended_ |= count > most;
        return count <= most;
    }
    void warn_of_what_has_no_example();

    const Snapshot& s_;
    config::FaultList& faults_;
    std::set<std::pair<size_t, size_t>> pairs_;
    size_t found_ = 0, total_ = 0, more_ = 0;
    size_t looked_at_ = 0, looked_at_in_all_ = 0, compared_ = 0, allowance_ = kMostSteps;
    bool ended_ = false;
};

// LANGUAGE.md §2.7: requests by which a service is sent by another route what a guarded route sends it.
void warn_of_what_is_sent_alike(const Snapshot& snapshot, WayWarnings& told);

}  // namespace portico::gateway
