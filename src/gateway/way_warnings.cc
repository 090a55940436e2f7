#include "gateway/way_warnings.h"

#include <algorithm>

#include "gateway/probe.h"

namespace portico::gateway {

bool WayWarnings::less_guarded(size_t other, size_t guarded) const {
    const RouteRules &a = s_.routes[other], &b = s_.routes[guarded];
    if (s_.config.routes[other].open || std::ranges::includes(a.guards, b.guards)) return false;
    if (std::holds_alternative<RespondAction>(a.action) || std::holds_alternative<RedirectAction>(a.action)) return false;
    if (a.signs_in < 0 || std::ranges::binary_search(b.guards, static_cast<uint32_t>(a.signs_in))) return true;
    return !std::ranges::includes(a.deciding, b.deciding);
}

void WayWarnings::warn(size_t route, const char* code, const std::string& what, const std::string& hint) {
    if (found_ >= kMostOfRoute || total_ >= kMostInAll) {
        ++more_;
        return;
    }
    ++found_;
    ++total_;
    faults_.warning(s_.config.routes[route].mark, "routes[" + std::to_string(route) + "]", code, what, hint);
}

// A pattern or a condition of which nobody here can make up a text.
void WayWarnings::warn_of_what_has_no_example() {
    if (std::ranges::none_of(s_.routes, [](const RouteRules& r) { return !r.guards.empty(); })) return;
    for (const RouteTable::Entry& e : s_.table.entries()) {
        if (Probe::for_both(s_.table, e, e) || !pair(e.route, e.route)) continue;
        bool matters = false;
        for (size_t other = 0; other < s_.routes.size() && !matters && may_compare(); ++other) matters = less_guarded(other, e.route) || less_guarded(e.route, other);
        if (!matters) continue;
        begin_route();
        warn(e.route, "unjudged-route",
             "no request was found that \"" + s_.config.routes[e.route].name + "\" takes by " + e.path.text() + ": whether there is a way around a guard there was not judged",
             "write its patterns and conditions more plainly, or see for yourself with portico explain");
    }
}

void WayWarnings::finish() {
    ended_ |= allowance_ == 0;
    warn_of_what_has_no_example();
    if (s_.routes.empty()) return;
    const config::Mark mark = s_.config.routes[0].mark;
    if (more_ > 0) {
        faults_.warning(mark, "routes", "more-ways-around", "there are " + std::to_string(more_) + " more warnings of this kind",
                        "mend what those that are shown tell of, and check again");
    }
    if (ended_) {
        faults_.warning(mark, "routes", "unfinished-search", "the search for ways around guards ended early: there are too many routes to compare each with each",
                        "check parts of the file by themselves");
    }
}

}  // namespace portico::gateway
