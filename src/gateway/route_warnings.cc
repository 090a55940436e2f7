// Ways around a guard: requests that a guarded route just misses or loses, and where they go instead; and services that are reached by name.
#include <algorithm>
#include <set>

#include "gateway/probe.h"
#include "gateway/service_addresses.h"
#include "gateway/snapshot.h"
#include "gateway/way_warnings.h"

namespace portico::gateway {
namespace {

class WaysAround {
  public:
    WaysAround(const Snapshot& snapshot, WayWarnings& told, config::FaultList& faults)
        : s_(snapshot), told_(told), faults_(faults), addresses_(snapshot.config) {}

    void run() {
        for (const RouteTable::Entry& e : s_.table.entries()) {
            told_.begin_route();
            outranked_redirect(e);
            if (s_.routes[e.route].guards.empty()) continue;
            told_.begin_route();
            just_missed(e);
            outranked(e);
            other_case(e);
        }
        reached_by_name();
    }

  private:
    const std::string& name(size_t route) const { return s_.config.routes[route].name; }
    bool less_guarded(size_t other, size_t guarded) const { return told_.less_guarded(other, guarded); }

    void warn(size_t route, const Probe& probe, size_t other, std::string why) {
        if (!seen_.insert({route, other, why}).second) return;
        told_.pair(route, other);
        told_.warn(route, "way-around", why + ": " + probe.text() + " goes to the less guarded route \"" + name(other) + "\", not to \"" + name(route) + "\"",
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
            if (!told_.may_look()) return false;
            if (other.route == e.route || !less_guarded(other.route, e.route)) return true;
            if (!told_.may_compare()) return false;
            if (const auto p = Probe::lost(s_.table, e, other)) warn(e.route, *p, other.route, "a request that both match");
            return true;
        });
    }

    // Who redirects http to https means all of it: a more specific route that does not ask for a scheme serves http as it is.
    void outranked_redirect(const RouteTable::Entry& e) {
        if (s_.table.rules()[e.route].conditions.scheme == config::Scheme::any || !std::holds_alternative<RedirectAction>(s_.routes[e.route].action)) return;
        s_.table.visit_intersecting(e, [&](const RouteTable::Entry& other) {
            if (!told_.may_look()) return false;
            if (other.route == e.route || s_.config.routes[other.route].open || std::holds_alternative<RedirectAction>(s_.routes[other.route].action)) return true;
            if (!told_.may_compare()) return false;
            const auto p = Probe::lost(s_.table, e, other);
            if (!p || !told_.pair(e.route, other.route)) return true;
            told_.warn(other.route, "outranked-redirect", p->text() + " is served by \"" + name(other.route) + "\", and not redirected by \"" + name(e.route) + "\"",
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

    const Snapshot& s_;
    WayWarnings& told_;
    config::FaultList& faults_;
    const ServiceAddresses addresses_;
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
    WayWarnings told(snapshot, faults);
    WaysAround(snapshot, told, faults).run();
    warn_of_what_is_sent_alike(snapshot, told);
    told.finish();
    warn_of_managed_conditions(snapshot, faults);
}

}  // namespace portico::gateway
