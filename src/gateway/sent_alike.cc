// Requests by which a service is sent by a less guarded route what a guarded route sends it: each route's ways to a service, compared.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/text.h"
#include "gateway/probe.h"
#include "gateway/sent_path.h"
#include "gateway/service_addresses.h"
#include "gateway/way_warnings.h"

namespace portico::gateway {
namespace {

constexpr size_t kMostTries = 24;   // pairs of requests, for one pair of ways
constexpr size_t kMostTargets = 16;  // of one route: what policies under conditions make of one

// What a route sends a service, by one of its paths.
struct Way {
    const RouteTable::Entry* entry;
    SentPath path;
    int32_t service;
    std::string_view method;  // of a call, or a policy's; empty: the request's
};

struct Target {
    const TargetTemplate* path;
    std::string_view method;
};

void set_value(std::vector<std::pair<std::string, std::string>>& in, const std::pair<std::string, std::string>& pair, bool is_header) {
    const auto same = std::ranges::find_if(in, [&](const auto& p) { return is_header ? iequals(p.first, pair.first) : p.first == pair.first; });
    if (same == in.end()) in.push_back(pair);
    else same->second = pair.second;
}

class SentAlike {
  public:
    SentAlike(const Snapshot& snapshot, WayWarnings& told) : s_(snapshot), told_(told), addresses_(snapshot.config) {}

    void run() {
        if (std::ranges::none_of(s_.routes, [](const RouteRules& r) { return !r.guards.empty(); })) return;
        for (const RouteTable::Entry& e : s_.table.entries()) {
            if (s_.config.routes[e.route].open) continue;
            each_way(e, [&](Way way) {
                // What others choose is in no client's hand.
                if (way.path.choice() == SentPath::Choice::others) return true;
                std::string first = way.path.first();
                senders_[{address_of(way.service), std::move(first)}].push_back(std::move(way));
                return true;
            });
        }
        for (const RouteTable::Entry& e : s_.table.entries()) {
            if (s_.routes[e.route].guards.empty()) continue;
            told_.begin_route();
            each_way(e, [&](const Way& way) { return compare_with_senders(way); });
        }
    }

  private:
    const std::string& name(size_t route) const { return s_.config.routes[route].name; }
    int32_t address_of(int32_t service) const { return addresses_.of(static_cast<size_t>(service)); }

    // Calls f(way) for each of them, until it returns false.
    template <class F>
    void each_way(const RouteTable::Entry& e, F&& f) const {
        const Action& action = s_.routes[e.route].action;
        if (const auto* forward = std::get_if<ForwardAction>(&action)) {
            for (const Target& target : targets(e.route, *forward)) {
                const SentPath path = SentPath::of(e, target.path == nullptr ? nullptr : &target.path->path());
                if (!each_service(*forward, path, [&](SentPath sent, int32_t service) { return f(Way{&e, std::move(sent), service, target.method}); })) return;
            }
        }
        const auto* several = std::get_if<AggregateHandle>(&action);
        if (several == nullptr || *several == nullptr) return;
        for (const AggregateCall& call : (*several)->calls) {
            if (!f(Way{&e, SentPath::of(e, &call.path.path()), call.service, call.method_text})) return;
        }
    }

    template <class F>
    bool each_service(const ForwardAction& forward, const SentPath& path, F&& f) const {
        if (forward.service_index >= 0) return f(path, forward.service_index);
        for (size_t i = 0; i < s_.config.services.size(); ++i) {
            if (s_.config.services[i].internal) continue;
            SentPath bound = path;
            if (bound.bind(forward.service, s_.config.services[i].name) && !f(std::move(bound), static_cast<int32_t>(i))) return false;
        }
        return true;
    }

    // What the route says, as its policies leave it.
    std::vector<Target> targets(size_t route, const ForwardAction& forward) const {
        std::vector<Target> all{{forward.has_path ? &forward.path : nullptr, {}}};
        for (const ChainLink& link : s_.routes[route].chain) {
            const auto aim = link.shadow ? std::nullopt : link.policy->aim();
            if (!aim) continue;
            std::vector<Target> aimed = all;
            for (Target& t : aimed) {
                if (aim->path != nullptr) t.path = aim->path;
                if (!aim->method.empty()) t.method = aim->method;
            }
            if (aim->always) all = std::move(aimed);
            else if (all.size() < kMostTargets) all.insert(all.end(), aimed.begin(), aimed.end());
        }
        return all;
    }

    bool compare_with_senders(const Way& guarded) {
        const auto compare_with = [&](const std::vector<Way>& some) {
            for (const Way& other : some) {
                if (!told_.may_look()) return false;
                if (other.entry->route == guarded.entry->route || !told_.less_guarded(other.entry->route, guarded.entry->route)) continue;
                if (told_.is_told(guarded.entry->route, other.entry->route)) continue;
                if (!told_.may_compare()) return false;
                compare(guarded, other);
            }
            return true;
        };
        const int32_t address = address_of(guarded.service);
        const std::string first = guarded.path.first();
        auto at = senders_.lower_bound({address, std::string()});
        if (first.empty()) {
            for (; at != senders_.end() && at->first.first == address; ++at) {
                if (!compare_with(at->second)) return false;
            }
            return true;
        }
        // Those that begin with another text send nothing of this.
        if (at != senders_.end() && at->first == std::pair(address, std::string()) && !compare_with(at->second)) return false;
        const auto same = senders_.find({address, first});
        return same == senders_.end() || compare_with(same->second);
    }

    // The methods of the two requests by which the service is asked by one, where there is one.
    struct Methods {
        std::optional<std::string> of_guarded, of_other;  // none: any that the route takes
        std::string sent;                                 // empty: that of the other's request
    };
    std::optional<Methods> methods_of(const Way& guarded, const Way& other) const {
        const MethodSet& ours = s_.table.rules()[guarded.entry->route].conditions.methods;
        const MethodSet& theirs = s_.table.rules()[other.entry->route].conditions.methods;
        const auto takes = [](const MethodSet& set, std::string_view m) { return set.any() || set.contains(http::method_of(m), m); };
        const std::string a(guarded.method), b(other.method);
        if (a.empty() && b.empty()) {
            if (!ours.overlaps(theirs)) return std::nullopt;
            const std::string common = ours.common(theirs);
            return Methods{common, common, common};
        }
        if (a.empty()) return takes(ours, b) ? std::optional(Methods{b, {}, b}) : std::nullopt;
        if (b.empty()) return takes(theirs, a) ? std::optional(Methods{{}, a, a}) : std::nullopt;
        return a == b ? std::optional(Methods{{}, {}, a}) : std::nullopt;
    }

    const std::optional<Probe>& base_of(const RouteTable::Entry& entry) {
        const auto [at, fresh] = bases_.try_emplace(&entry);
        if (fresh) at->second = Probe::for_entry(s_.table, entry);
        return at->second;
    }

    static Probe probe_of(const Probe& base, const SentPath::Request& r, const std::optional<std::string>& method) {
        Probe p = base;
        p.path = r.path;
        if (method) p.method = *method;
        if (!r.host.empty()) p.host = r.host;
        for (const auto& pair : r.headers) set_value(p.headers, pair, true);
        for (const auto& pair : r.query) set_value(p.query, pair, false);
        return p;
    }

    // Each request has to reach its route, or else the one is no way, or there is nothing to get around.
    void compare(const Way& guarded, const Way& other) {
        const size_t ours = guarded.entry->route, theirs = other.entry->route;
        std::optional<Methods> methods;
        size_t tries = 0;
        SentPath::meet(guarded.path, other.path, told_.allowance(), [&](const SentPath::Meeting& met) {
            if (!methods) methods = methods_of(guarded, other);
            if (!methods || !base_of(*guarded.entry) || !base_of(*other.entry)) return true;
            const Probe around = probe_of(*base_of(*other.entry), met.b, methods->of_other);
            const size_t around_to = around.route_in(s_.table);
            const size_t guarded_to = around_to != theirs ? Match::kNone : probe_of(*base_of(*guarded.entry), met.a, methods->of_guarded).route_in(s_.table);
            if (around_to == theirs && guarded_to == ours) {
                tell(guarded, other, around, methods->sent + " " + met.sent);
                return true;
            }
            // Where one of the two goes before the other, it does so for other texts too; a third one may take but some of them.
            return around_to == ours || guarded_to == theirs || ++tries == kMostTries;
        });
    }

    void tell(const Way& guarded, const Way& other, const Probe& around, const std::string& sent) {
        told_.pair(guarded.entry->route, other.entry->route);
        const std::string service = "\"" + s_.config.services[static_cast<size_t>(other.service)].name + "\"";
        if (other.path.choice() == SentPath::Choice::untold) {
            told_.warn(guarded.entry->route, "way-around",
                       "what the less guarded route \"" + name(other.entry->route) + "\" sends the service " + service + " cannot be told: it may be " + sent + ", which \"" +
                           name(guarded.entry->route) + "\" sends",
                       "guard that route too, narrow what it sends, or write open: true on it");
            return;
        }
        told_.warn(guarded.entry->route, "way-around",
                   around.text() + " goes to the less guarded route \"" + name(other.entry->route) + "\", which sends the service " + service + " " + sent + ", as \"" +
                       name(guarded.entry->route) + "\" does",
                   "guard that route too, narrow what it sends, or write open: true on it");
    }

    const Snapshot& s_;
    WayWarnings& told_;
    const ServiceAddresses addresses_;
    std::unordered_map<const RouteTable::Entry*, std::optional<Probe>> bases_;  // a request that each takes
    std::map<std::pair<int32_t, std::string>, std::vector<Way>> senders_;  // by address and first segment
};

}  // namespace

void warn_of_what_is_sent_alike(const Snapshot& snapshot, WayWarnings& told) { SentAlike(snapshot, told).run(); }

}  // namespace portico::gateway
