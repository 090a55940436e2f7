// Ways around a guard: requests that a guarded route just misses or loses, and where they go instead; and those by which a service
// is sent by another route what a guarded route sends it.
#include <algorithm>
#include <map>
#include <set>

#include "gateway/probe.h"
#include "gateway/sent_path.h"
#include "gateway/service_addresses.h"
#include "gateway/snapshot.h"

namespace portico::gateway {
namespace {

constexpr size_t kMaxPerRoute = 5;
constexpr size_t kMaxInAll = 200;
constexpr size_t kMaxVisited = 200'000;  // entries looked at in all: a large file is still checked in a moment

class WaysAround {
  public:
    WaysAround(const Snapshot& snapshot, config::FaultList& faults) : s_(snapshot), faults_(faults), addresses_(snapshot.config) {}

    void run() {
        for (const RouteTable::Entry& e : s_.table.entries()) {
            found_ = 0;
            outranked_redirect(e);
            if (s_.routes[e.route].guards.empty()) continue;
            found_ = 0;
            just_missed(e);
            outranked(e);
            other_case(e);
        }
        reached_by_name();
        sent_alike();
    }

  private:
    const std::string& name(size_t route) const { return s_.config.routes[route].name; }

    // True where `other` lacks a guard that `guarded` has, and has no right to: it does not say so itself, asks a service at all, and lets in
    // no others than those whom it asks for an identity in another way.
    bool less_guarded(size_t other, size_t guarded) const {
        const RouteRules &a = s_.routes[other], &b = s_.routes[guarded];
        if (std::ranges::includes(a.guards, b.guards) || s_.config.routes[other].open) return false;
        if (std::holds_alternative<RespondAction>(a.action) || std::holds_alternative<RedirectAction>(a.action)) return false;
        return a.signs_in < 0 || std::ranges::binary_search(b.guards, static_cast<uint32_t>(a.signs_in));
    }

    void warn(size_t route, const Probe& probe, size_t other, std::string why) {
        if (found_ >= kMaxPerRoute || total_ >= kMaxInAll || !seen_.insert({route, other, why}).second) return;
        told_.insert({route, other});
        ++found_;
        ++total_;
        faults_.warning(s_.config.routes[route].mark, "routes[" + std::to_string(route) + "]", "way-around",
                        why + ": " + probe.text() + " goes to the less guarded route \"" + name(other) + "\", not to \"" + name(route) + "\"",
                        "guard that route too, make this one cover the request, or write open: true on the other");
    }

    void probe(const RouteTable::Entry& e, const Probe& p, const std::string& why) {
        const size_t to = p.route_in(s_.table);
        if (to != Match::kNone && to != e.route && less_guarded(to, e.route)) warn(e.route, p, to, why);
    }

    void just_missed(const RouteTable::Entry& e) {
        const auto base = Probe::for_entry(s_.table, e);
        if (!base) return;
        const Conditions& c = s_.table.rules()[e.route].conditions;
        if (!c.methods.any()) {
            // One example tells it: the method that would do the most harm comes first.
            for (const std::string_view m : {"DELETE", "PUT", "PATCH", "POST", "GET", "OPTIONS"}) {
                if (c.methods.contains(http::method_of(m), m)) continue;
                Probe p = *base;
                p.method = m;
                probe(e, p, "another method");
            }
        }
        if (c.scheme != config::Scheme::any) {
            Probe p = *base;
            p.scheme = c.scheme == config::Scheme::http ? config::Scheme::https : config::Scheme::http;
            probe(e, p, "another scheme");
        }
        for (const auto& header : base->headers) {
            Probe p = *base;
            std::erase_if(p.headers, [&](const auto& h) { return h.first == header.first; });
            probe(e, p, "without " + header.first);
        }
        for (const auto& pair : base->query) {
            Probe p = *base;
            std::erase_if(p.query, [&](const auto& q) { return q.first == pair.first; });
            probe(e, p, "without the query's " + pair.first);
        }
        if (!e.path.open()) {
            Probe p = *base;
            if (p.path.size() > 1 && p.path.ends_with('/')) p.path.pop_back();
            else p.path += '/';
            probe(e, p, "a slash more or less");
        }
    }

    void outranked(const RouteTable::Entry& e) {
        s_.table.visit_intersecting(e, [&](const RouteTable::Entry& other) {
            if (++visited_ > kMaxVisited || found_ >= kMaxPerRoute) return false;
            if (other.route == e.route || !less_guarded(other.route, e.route)) return true;
            if (const auto p = Probe::for_both(s_.table, e, other); p && p->route_in(s_.table) == other.route) {
                warn(e.route, *p, other.route, "a request that both match");
            }
            return true;
        });
    }

    // Who redirects http to https means all of it: a more specific route that does not ask for a scheme serves http as it is.
    void outranked_redirect(const RouteTable::Entry& e) {
        if (s_.table.rules()[e.route].conditions.scheme == config::Scheme::any || !std::holds_alternative<RedirectAction>(s_.routes[e.route].action)) return;
        s_.table.visit_intersecting(e, [&](const RouteTable::Entry& other) {
            if (++visited_ > kMaxVisited || found_ >= kMaxPerRoute || total_ >= kMaxInAll) return false;
            if (other.route == e.route || s_.config.routes[other.route].open || std::holds_alternative<RedirectAction>(s_.routes[other.route].action)) return true;
            const auto p = Probe::for_both(s_.table, e, other);
            if (!p || p->route_in(s_.table) != other.route || !told_.insert({e.route, other.route}).second) return true;
            ++found_;
            ++total_;
            faults_.warning(s_.config.routes[other.route].mark, "routes[" + std::to_string(other.route) + "]", "outranked-redirect",
                            p->text() + " is served by \"" + name(other.route) + "\", and not redirected by \"" + name(e.route) + "\"",
                            std::string("write scheme: ") + (p->scheme == config::Scheme::http ? "https" : "http") + " in this route's match, or open: true to serve both");
            return true;
        });
    }

    // Some services take /Admin for /admin: told once of each that gets both from here.
    void other_case(const RouteTable::Entry& e) {
        const auto* forward = std::get_if<ForwardAction>(&s_.routes[e.route].action);
        if (forward == nullptr || (forward->service_index >= 0 && case_told_.contains(address_of(forward->service_index)))) return;
        auto p = Probe::for_entry(s_.table, e);
        if (!p) return;
        const std::string before = p->path;
        for (char& c : p->path) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
        if (p->path == before) return;
        const size_t to = p->route_in(s_.table);
        if (to == Match::kNone || to == e.route || !less_guarded(to, e.route)) return;
        const auto* other = std::get_if<ForwardAction>(&s_.routes[to].action);
        if (other == nullptr || address_of(other->service_index) != address_of(forward->service_index)) return;
        if (!case_told_.insert(address_of(forward->service_index)).second) return;
        const std::string service = forward->service_index < 0 ? std::string("its service")
                                                               : "the service \"" + s_.config.services[static_cast<size_t>(forward->service_index)].name + "\"";
        faults_.warning(s_.config.routes[e.route].mark, "routes[" + std::to_string(e.route) + "]", "other-case",
                        "the guards of \"" + name(e.route) + "\" hold only as far as " + service + " tells upper and lower case apart: " + p->text() +
                            " goes to the less guarded route \"" + name(to) + "\", and some services take it for " + before,
                        "where the service tells them apart, write open: true on \"" + name(to) + "\"");
    }

    void reached_by_name() {
        std::vector<size_t> dynamic;
        for (size_t r = 0; r < s_.routes.size(); ++r) {
            const auto* f = std::get_if<ForwardAction>(&s_.routes[r].action);
            if (f != nullptr && f->service_index < 0) dynamic.push_back(r);
        }
        std::set<std::pair<int32_t, size_t>> told;
        for (size_t r = 0; r < s_.routes.size() && !dynamic.empty(); ++r) {
            const Action& action = s_.routes[r].action;
            if (const auto* f = std::get_if<ForwardAction>(&action); f != nullptr && f->service_index >= 0) {
                for (const size_t d : dynamic) {
                    const Reach how = less_guarded(d, r) ? Reach::around : Reach::also;
                    reached(f->service_index, r, d, how, told);
                    if (how == Reach::around) reached_by_another_name(f->service_index, r, d, told);
                }
            }
            // A service that an aggregate asks is not meant for it alone.
            const auto* several = std::get_if<AggregateHandle>(&action);
            if (several == nullptr || *several == nullptr) continue;
            for (const AggregateCall& call : (*several)->calls) {
                for (const size_t d : dynamic) {
                    if (!less_guarded(d, r)) continue;
                    reached(call.service, r, d, Reach::around, told);
                    reached_by_another_name(call.service, r, d, told);
                }
            }
        }
    }

    enum class Reach : uint8_t { also, around };
    // Of two names of one address, internal says what it says of one alone.
    void reached_by_another_name(int32_t index, size_t route, size_t dynamic, std::set<std::pair<int32_t, size_t>>& told) {
        for (const int32_t other : addresses_.names_of(address_of(index))) {
            if (other != index) reached(other, route, dynamic, Reach::around, told);
        }
    }
    void reached(int32_t index, size_t route, size_t dynamic, Reach how, std::set<std::pair<int32_t, size_t>>& told) {
        const config::ServiceConfig& service = s_.config.services[static_cast<size_t>(index)];
        if (service.internal || !told.insert({index, dynamic}).second) return;
        const bool less = how == Reach::around;
        faults_.warning(service.mark, "services." + service.name, less ? "way-around" : "reachable-by-name",
                        "the service \"" + service.name + "\" of the route \"" + name(route) + "\" can also be reached by name through \"" +
                            name(dynamic) + "\"" + (less ? ", without that route's guards" : ""),
                        "write internal: true, if only routes that name it should reach it");
    }

    // @param service -1: chosen by a value
    int32_t address_of(int32_t service) const { return service < 0 ? service : addresses_.of(static_cast<size_t>(service)); }

    // What a route sends a service, by one of its paths.
    struct Sender {
        const RouteTable::Entry* entry;
        SentPath path;
        int32_t service;
        std::string_view method{};  // of a call; empty: the request's
    };
    using Senders = std::map<std::pair<int32_t, std::string>, std::vector<Sender>>;  // by address and first segment

    void add(Senders& to, const RouteTable::Entry& e, const TargetTemplate* path, int32_t service, std::string_view method = {}) const {
        if (service < 0) return;
        if (auto sent = SentPath::of(e, path == nullptr ? nullptr : &path->path())) {
            std::string first = sent->first();
            to[{address_of(service), std::move(first)}].push_back({&e, std::move(*sent), service, method});
        }
    }

    // A policy that changes the path or the method makes what is sent unknown.
    bool is_sent_elsewhere(size_t route) const {
        return std::ranges::any_of(s_.routes[route].chain, [](const ChainLink& l) { return l.policy->answer_shapes().asks_elsewhere; });
    }

    void sent_alike() {
        if (std::ranges::none_of(s_.routes, [](const RouteRules& r) { return !r.guards.empty(); })) return;
        Senders all;
        for (const RouteTable::Entry& e : s_.table.entries()) {
            if (is_sent_elsewhere(e.route)) continue;
            const Action& action = s_.routes[e.route].action;
            if (const auto* f = std::get_if<ForwardAction>(&action)) add(all, e, f->has_path ? &f->path : nullptr, f->service_index);
            const auto* several = std::get_if<AggregateHandle>(&action);
            if (several == nullptr || *several == nullptr) continue;
            for (const AggregateCall& call : (*several)->calls) add(all, e, &call.path, call.service, call.method_text);
        }
        visited_ = 0;
        for (const RouteTable::Entry& e : s_.table.entries()) {
            const auto* f = std::get_if<ForwardAction>(&s_.routes[e.route].action);
            if (f == nullptr || s_.routes[e.route].guards.empty() || is_sent_elsewhere(e.route)) continue;
            found_ = 0;
            const TargetTemplate* path = f->has_path ? &f->path : nullptr;
            if (f->service_index >= 0) {
                guarded(e, path, f->service_index, {}, all);
            } else if (f->service.is_single() && f->service.parts()[0].source == Source::parameter) {
                for (size_t i = 0; i < s_.config.services.size() && visited_ <= kMaxVisited; ++i) {
                    if (!s_.config.services[i].internal) guarded(e, path, static_cast<int32_t>(i), f->service.parts()[0].slot, all);
                }
            }
        }
    }

    // @param named the parameter that names the service
    void guarded(const RouteTable::Entry& e, const TargetTemplate* path, int32_t service, std::optional<uint32_t> named, const Senders& all) {
        auto sent = SentPath::of(e, path == nullptr ? nullptr : &path->path());
        if (!sent || (named && !sent->bind(*named, s_.config.services[static_cast<size_t>(service)].name))) return;
        const auto compare_with = [&](const std::vector<Sender>& others) {
            for (const Sender& other : others) {
                if (++visited_ > kMaxVisited) return;
                if (other.entry->route != e.route && less_guarded(other.entry->route, e.route)) compare(e, *sent, other);
            }
        };
        const int32_t address = address_of(service);
        const std::string first = sent->first();
        auto at = all.lower_bound({address, std::string()});
        if (first.empty()) {
            for (; at != all.end() && at->first.first == address; ++at) compare_with(at->second);
            return;
        }
        // Those that begin with another text send nothing of this.
        if (at != all.end() && at->first == std::pair(address, std::string())) compare_with(at->second);
        if (const auto same = all.find({address, first}); same != all.end()) compare_with(same->second);
    }

    void compare(const RouteTable::Entry& e, const SentPath& sent, const Sender& other) {
        if (found_ >= kMaxPerRoute || total_ >= kMaxInAll || told_.contains({e.route, other.entry->route})) return;
        const auto met = SentPath::meeting(sent, other.path);
        if (!met) return;
        const MethodSet& methods = s_.table.rules()[e.route].conditions.methods;
        const MethodSet& others = s_.table.rules()[other.entry->route].conditions.methods;
        if (other.method.empty() ? !methods.overlaps(others) : !methods.any() && !methods.contains(http::method_of(other.method), other.method)) return;
        // Each request has to reach its route, or else the one is no way, or there is nothing to get around.
        const auto reaches = [&](const RouteTable::Entry& entry, const SentPath::Request& r, bool common) -> std::optional<Probe> {
            auto p = Probe::for_entry(s_.table, entry);
            if (!p) return std::nullopt;
            p->path = r.path;
            if (common) p->method = methods.common(others);
            p->headers.insert(p->headers.end(), r.headers.begin(), r.headers.end());
            p->query.insert(p->query.end(), r.query.begin(), r.query.end());
            return p->route_in(s_.table) == entry.route ? p : std::nullopt;
        };
        const bool common = other.method.empty();
        const auto around = reaches(*other.entry, met->b, common);
        if (!around || !reaches(e, met->a, common)) return;
        told_.insert({e.route, other.entry->route});
        ++found_;
        ++total_;
        const std::string method(common ? std::string_view(around->method) : other.method);
        faults_.warning(s_.config.routes[e.route].mark, "routes[" + std::to_string(e.route) + "]", "way-around",
                        around->text() + " goes to the less guarded route \"" + name(other.entry->route) + "\", which sends the service \"" +
                            s_.config.services[static_cast<size_t>(other.service)].name + "\" " + method + " " + met->sent + ", as \"" + name(e.route) + "\" does",
                        "guard that route too, narrow what it sends, or write open: true on it");
    }

    const Snapshot& s_;
    config::FaultList& faults_;
    const ServiceAddresses addresses_;
    std::set<std::pair<size_t, size_t>> told_;  // pairs of routes
    size_t found_ = 0;
    size_t total_ = 0;
    size_t visited_ = 0;
    std::set<int32_t> case_told_;  // addresses
    std::set<std::tuple<size_t, size_t, std::string>> seen_;
};

// Another spelling of what the gateway reads itself is taken off a request before any condition reads it.
void warn_of_managed_conditions(const Snapshot& s, config::FaultList& faults) {
    for (size_t r = 0; r < s.config.routes.size(); ++r) {
        for (const config::ValueMatch& m : s.config.routes[r].match.headers) {
            const bool other_spelling = http::field_name(m.name) == http::FieldName::other && s.taken_off.contains(m.name);
            if (!other_spelling || s.managed.contains(m.name)) continue;
            const bool always = m.kind == config::ValueMatch::Kind::absent;
            faults.warning(m.mark, "routes[" + std::to_string(r) + "].match.headers", "managed-condition",
                           m.name + " is removed from every request before conditions are read: this one " + (always ? "always" : "never") + " holds",
                           "leave it out; a condition on a header that clients may send can be met");
        }
    }
}

}  // namespace

void warn_of_ways_around(const Snapshot& snapshot, config::FaultList& faults) {
    WaysAround(snapshot, faults).run();
    warn_of_managed_conditions(snapshot, faults);
}

}  // namespace portico::gateway
