#include "gateway/guarded_elsewhere.h"

#include <algorithm>

#include "gateway/snapshot.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

// Whether a policy of the route that the path leads to, read leniently, would judge another value of a parameter than it does here: the
// guards see the one, the service the other.
bool is_named_otherwise(Exchange& x, const Match& other) {
    const auto& rules = x.epoch->snapshot->table.rules();
    const std::vector<std::string>&ours = rules[x.match.route].parameters, &theirs = rules[other.route].parameters;
    for (const uint32_t slot : x.epoch->snapshot->routes[other.route].judged) {
        std::string_view here = x.match.rest, there = other.rest;
        if (slot < kMaxParameters) {
            const auto same = std::ranges::find(ours, theirs[slot]);
            here = same == ours.end() ? std::string_view{} : x.match.values[static_cast<size_t>(same - ours.begin())];
            there = other.values[slot];
        }
        if (http::decode_segment(here, x.arena) != http::decode_segment(there, x.arena)) return true;
    }
    return false;
}

}  // namespace

bool is_guarded_elsewhere(Exchange& x, std::string_view path) {
    const Snapshot& snapshot = *x.epoch->snapshot;
    for (const auto order : {http::LenientOrder::decode_first, http::LenientOrder::drop_first}) {
        RequestView read = x.view;
        read.path = http::lenient_path(path, order, x.arena);
        Match other;
        if (!snapshot.table.find(read, other)) continue;
        const auto& guards = snapshot.routes[other.route].guards;
        if (guards.empty()) continue;
        if (!std::ranges::includes(x.rules->guards, guards) || is_named_otherwise(x, other)) return true;
    }
    return false;
}

Result<void> judge_rewritten(Exchange& x, const TargetParts& target) {
    if (!target.ambiguous || !is_guarded_elsewhere(x, target.path)) return {};
    return fail(Fault::bad_rewrite, "a service that reads it leniently would be asked for what a guarded route asks it");
}

}  // namespace portico::gateway
