#include "gateway/guarded_elsewhere.h"

#include <algorithm>

#include "gateway/actions.h"
#include "gateway/aggregate/aggregate.h"
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

// Whether the route asks the service, or one at the same address.
bool may_ask(const Snapshot& snapshot, size_t route, int32_t service) {
    const auto is_it = [&](int32_t other) {
        return other < 0 || snapshot.service_addresses[static_cast<size_t>(other)] == snapshot.service_addresses[static_cast<size_t>(service)];
    };
    const Action& action = snapshot.routes[route].action;
    if (const auto* forward = std::get_if<ForwardAction>(&action)) return is_it(forward->service_index);
    const auto* several = std::get_if<AggregateHandle>(&action);
    return several != nullptr && *several != nullptr && std::ranges::any_of((*several)->calls, [&](const AggregateCall& call) { return is_it(call.service); });
}

// Calls f(match) for the route of each way to read the path, until it returns true.
template <class F>
bool any_reading(Exchange& x, RequestView read, std::string_view path, F&& f) {
    const Snapshot& snapshot = *x.epoch->snapshot;
    for (const auto order : {http::LenientOrder::decode_first, http::LenientOrder::drop_first}) {
        read.path = http::lenient_path(path, order, x.arena);
        Match other;
        if (!snapshot.table.find(read, other)) continue;
        const auto& guards = snapshot.routes[other.route].guards;
        if (!guards.empty() && f(other) && (!std::ranges::includes(x.rules->guards, guards) || is_named_otherwise(x, other))) return true;
    }
    return false;
}

}  // namespace

bool is_guarded_elsewhere(Exchange& x) {
    return any_reading(x, x.view, x.view.path, [](const Match&) { return true; });
}

Result<void> judge_rewritten(Exchange& x, const SentTarget& sent) {
    if (!sent.target.ambiguous) return {};
    RequestView read = x.view;
    read.method = sent.method;
    read.method_text = sent.method_text;
    const Snapshot& snapshot = *x.epoch->snapshot;
    if (!any_reading(x, read, sent.target.path, [&](const Match& other) { return may_ask(snapshot, other.route, sent.service); })) return {};
    return fail(Fault::bad_rewrite, "a service that reads it leniently would be asked for what a guarded route asks it");
}

}  // namespace portico::gateway
