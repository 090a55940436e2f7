#include "gateway/field_rules.h"

#include <algorithm>

#include "gateway/snapshot.h"

namespace portico::gateway {
namespace {

// The strongest rule of the route's policies. Those in shadow change nothing.
FieldRule rule_of(const Exchange& x, MessageSide side, std::string_view name) {
    FieldRule strongest = FieldRule::none;
    if (x.rules == nullptr) return strongest;
    for (const ChainLink& link : x.rules->chain) {
        if (!link.shadow) strongest = std::max(strongest, link.policy->field_rule(side, name));
    }
    return strongest;
}

bool is_set(const Exchange& x, std::string_view name) {
    return std::ranges::any_of(x.set_fields, [&](const http::Field& f) { return http::is_same_name(f.name, name); });
}

}  // namespace

bool may_be_trailer(const Exchange& x, MessageSide side, std::string_view name) {
    if (!http::may_be_trailer(name) || rule_of(x, side, name) != FieldRule::none) return false;
    if (side == MessageSide::response) return !x.is_managed(name);
    return !is_forwarding_header(name) && !x.epoch->snapshot->no_trailers.contains(name) && !is_set(x, name);
}

void clean_interim(const Exchange& x, http::FieldList& fields) {
    if (x.rules == nullptr || x.rules->chain.empty()) return;
    fields.remove_if([&](const http::Field& f) { return rule_of(x, MessageSide::response, f.name) == FieldRule::withholds; });
}

}  // namespace portico::gateway
