// What one part of a file says about another: every name that is used is there, and nothing stands twice.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "base/text_table.h"
#include "config/listen_addresses.h"
#include "config/objects.h"
#include "config/read.h"
#include "http/message.h"

namespace portico::config {
namespace {

bool is_loopback(const IpAddress& ip) { return ip.is_v4() ? ip.bytes[12] == 127 : ip == *IpAddress::parse("::1"); }

class References {
  public:
    References(Draft& draft, FaultList& faults) : draft_(draft), config_(draft.config), faults_(faults) {
        for (const ServiceConfig& s : config_.services) services_.push_back(s.name);
        for (const PolicyConfig& p : config_.policies) policies_.push_back(p.name);
        for (const std::string& p : draft.broken_policies) policies_.push_back(p);
        known_services_.insert(services_.begin(), services_.end());
        known_policies_.insert(policies_.begin(), policies_.end());
    }

    void check() {
        check_listeners();
        for (const ServiceConfig& s : config_.services) check_endpoints(s);
        for (const PolicyConfig& p : config_.policies) check_policy(p, "policies." + p.name);
        std::unordered_map<std::string_view, const RouteConfig*> names;
        for (size_t i = 0; i < config_.routes.size(); ++i) {
            const RouteConfig& r = config_.routes[i];
            const auto [before, fresh] = names.try_emplace(r.name, &r);
            if (!fresh) {
                faults_.error(r.mark, place(i) + ".name", "duplicate-name",
                              "two routes have the name \"" + r.name + "\": the other begins on line " +
                                  std::to_string(before->second->mark.line));
            }
            check_use(r, i);
            check_paths(r, i);
            check_methods(r, i);
            if (r.forward) check_service(r.forward->service, place(i) + ".forward.service");
            if (!r.aggregate) continue;
            for (const CallConfig& c : r.aggregate->calls) check_service(c.service, place(i) + ".aggregate.calls." + c.name.value + ".service");
        }
        if (!faults_.has_errors()) warn_of_unused();
    }

  private:
    static std::string place(size_t route) { return "routes[" + std::to_string(route) + "]"; }

    // What nothing names: a policy that its author believes to guard something, most likely by a lost `use`.
    void warn_of_unused() {
        TextSet named, used_policies;
        bool any_service = false;
        const auto goes_to = [&](const Text& service) {
            named.insert(service.value);
            any_service = any_service || service.value.find('{') != std::string::npos;
        };
        std::unordered_set<const Node*> seen;
        const auto settings_of = [&](const PolicyConfig& p) {
            if (p.settings != nullptr) gather_texts(*p.settings, named, seen);
        };
        for (const PolicyConfig& p : config_.policies) settings_of(p);
        for (const RouteConfig& r : config_.routes) {
            for (const UseEntry& u : r.use) {
                if (u.in_place) settings_of(*u.in_place);
                else used_policies.insert(u.name);
            }
            if (r.forward) goes_to(r.forward->service);
            if (!r.aggregate) continue;
            for (const CallConfig& c : r.aggregate->calls) goes_to(c.service);
        }
        for (const PolicyConfig& p : config_.policies) {
            if (used_policies.contains(p.name) || named.contains(p.name)) continue;
            faults_.warning(p.name_mark.line != 0 ? p.name_mark : p.mark, "policies." + p.name, "unused-policy",
                            "no route uses the policy \"" + p.name + "\": it guards nothing", "write use: [" + p.name + "] on the routes that it is for");
        }
        for (const StoreConfig& s : config_.stores) {
            if (!named.contains(s.name)) faults_.warning(s.mark, "stores." + s.name, "unused-store", "no policy uses the store \"" + s.name + "\"");
        }
        for (const ServiceConfig& s : config_.services) {
            if (named.contains(s.name) || (any_service && !s.internal)) continue;
            faults_.warning(s.mark, "services." + s.name, "unused-service", "nothing asks the service \"" + s.name + "\"",
                            any_service ? "it is internal, so that \"{service}\" does not reach it" : "");
        }
    }

    // The texts of a policy's settings, which is where policies name stores, services and other policies. Each node once, however many
    // aliases lead to it.
    static void gather_texts(const Node& node, TextSet& into, std::unordered_set<const Node*>& seen) {
        if (node.is_scalar()) {
            into.insert(node.text);
            return;
        }
        if (!seen.insert(&node).second) return;
        for (const Entry& e : node.entries) gather_texts(*e.value, into, seen);
        for (const Node* item : node.items) gather_texts(*item, into, seen);
    }

    void check_listeners() {
        const Mark whole = draft_.root_mark;
        if (config_.listeners.empty() && !draft_.listeners_written) {
            faults_.error(whole, "listeners", "no-listener", "the file has no listeners: nothing could come in",
                          "write listeners: [{ address: 0.0.0.0:8080 }]");
        }
        if (config_.routes.empty() && !draft_.routes_written) {
            faults_.error(whole, "routes", "no-route", "the file has no routes: every request would be answered 404",
                          "write routes: with at least one route");
        }
        settle_listen_addresses(config_, faults_);
    }

    // Whoever reaches the service would read the admin pages.
    bool is_admin(const EndpointConfig& e) const {
        if (!config_.admin || config_.admin->address.port == 0 || e.port != config_.admin->address.port) return false;
        const std::string host = comparable_host(e.host), admin = comparable_host(config_.admin->address.ip.text());
        if (host == admin) return true;
        // An address such as 127.0.0.2 is this machine's too.
        const auto is_local = [](const std::string& text) {
            const auto ip = IpAddress::parse(text);
            return text == "localhost" || (ip && is_loopback(*ip));
        };
        return is_local(host) && is_local(admin) && (host == "localhost" || admin == "localhost");
    }

    void check_endpoints(const ServiceConfig& s) {
        std::map<std::pair<std::string, uint16_t>, const EndpointConfig*> seen;
        for (const EndpointConfig& e : s.endpoints) {
            if (is_admin(e)) {
                faults_.error(e.mark, "services." + s.name, "admin-as-service",
                              "this endpoint is the admin listener: its pages would be served to whoever reaches the service", "to offer its health, write respond: { status: 200 } on a route");
            }
            const auto [before, fresh] = seen.try_emplace({e.host, e.port}, &e);
            if (!fresh) {
                faults_.warning(e.mark, "services." + s.name, "equal-endpoints",
                                "the service \"" + s.name + "\" has this endpoint twice; the other is on line " + std::to_string(before->second->mark.line), "leave one out: it gets no more requests by it");
            }
        }
    }

    void check_policy(const PolicyConfig& p, const std::string& path) {
        const auto types = draft_.policy_types;
        if (std::ranges::find(types, p.name) != types.end()) {
            faults_.error(p.name_mark.line != 0 ? p.name_mark : p.mark, path, "policy-name",
                          "a policy may not be named \"" + p.name + "\": that is a type", "choose a name of your own");
        }
        if (std::ranges::find(types, p.type) != types.end()) return;
        const std::vector<std::string_view> all(types.begin(), types.end());
        faults_.error(p.mark, path, "unknown-policy-type", "there is no policy of the type \"" + p.type + "\"",
                      suggestion(p.type, all, "types"));
    }

    static std::string suggestion(std::string_view word, const std::vector<std::string_view>& all, std::string_view what) {
        const std::string_view near = nearest(word, all.data(), all.size());
        if (!near.empty()) return "did you mean \"" + std::string(near) + "\"?";
        if (all.empty()) return "there are no " + std::string(what) + " in this file";
        std::string text = "there are the " + std::string(what);
        for (size_t i = 0; i < all.size() && i < 12; ++i) text += " " + std::string(all[i]);
        return all.size() > 12 ? text + " …" : text;
    }

    // Limits count, and everything is told of, by a policy's name: two under one name would spend what belongs to the other. An alias
    // of YAML stands twice and is one.
    void check_name_in_place(const UseEntry& u, const std::string& path) {
        if (u.in_place->name.empty()) return;
        const auto [first, fresh] = in_place_.try_emplace(u.in_place->name, u.in_place->mark);
        const Mark &there = first->second, &here = u.in_place->mark;
        if (fresh || (there.line == here.line && there.column == here.column)) return;
        faults_.error(u.mark, path, "duplicate-name", "another policy in place is named \"" + u.in_place->name + "\", at line " + std::to_string(there.line),
                      "give it a name of its own, or put one of them under policies and name it in both places");
    }

    void check_use(const RouteConfig& r, size_t index) {
        std::unordered_set<std::string_view> seen;
        for (size_t i = 0; i < r.use.size(); ++i) {
            const UseEntry& u = r.use[i];
            const std::string path = place(index) + ".use[" + std::to_string(i) + "]";
            if (u.in_place) {
                if (!u.in_place->name.empty() && known_policies_.contains(u.in_place->name)) {
                    faults_.error(u.mark, path, "duplicate-name", "a policy named \"" + u.in_place->name + "\" stands under policies");
                }
                check_name_in_place(u, path);
                check_policy(*u.in_place, path);
                continue;
            }
            if (!seen.insert(u.name).second) {
                faults_.error(u.mark, path, "duplicate-use", "the policy \"" + u.name + "\" stands twice in this list");
            }
            if (known_policies_.contains(u.name)) continue;
            faults_.error(u.mark, path, "unknown-policy", "there is no policy named \"" + u.name + "\"",
                          suggestion(u.name, policies_, "policies"));
        }
    }

    // What other gateways write for a parameter is good here, as the text that it is: no request's path holds it.
    void check_paths(const RouteConfig& r, size_t index) {
        for (const Text& path : r.match.paths) {
            const std::string_view text = path.value;
            for (size_t at = 0; at < text.size();) {
                const size_t end = std::min(text.find('/', at + 1), text.size());
                const std::string_view segment = text.substr(at + 1, end - at - 1);
                if (const std::string meant = meant_parameter(segment); !meant.empty()) {
                    std::string whole(text);
                    whole.replace(at + 1, segment.size(), meant);
                    faults_.warning(path.mark, place(index) + ".match.path", "literal-parameter",
                                    "\"" + std::string(segment) + "\" is " + (segment[0] == '{' ? "a pattern that only this text meets" : "plain text in a path") +
                                        ", and no parameter",
                                    "did you mean \"" + whole + "\"?");
                }
                at = end;
            }
        }
    }

    // @returns what `:id`, `<id>` or `{id:int}` was likely meant to be, empty for any other segment
    static std::string meant_parameter(std::string_view segment) {
        const auto is_word = [](std::string_view s) {
            return !s.empty() && std::ranges::all_of(s, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
        };
        if (segment.size() > 1 && segment[0] == ':' && is_word(segment.substr(1))) return "{" + std::string(segment.substr(1)) + "}";
        const bool angles = segment.size() > 2 && segment.starts_with('<') && segment.ends_with('>');
        const bool braces = segment.size() > 2 && segment.starts_with('{') && segment.ends_with('}');
        if (!angles && !braces) return {};
        const std::string_view inner = segment.substr(1, segment.size() - 2);
        const size_t colon = inner.find(':');
        // Flask puts the type first, the others behind the name.
        const std::string_view first = inner.substr(0, colon), second = colon == std::string_view::npos ? std::string_view{} : inner.substr(colon + 1);
        const std::string name(angles && colon != std::string_view::npos ? second : first);
        const std::string_view type = angles && colon != std::string_view::npos ? first : second;
        if (!is_word(name)) return {};
        struct Type {
            std::string_view name, pattern;
        };
        constexpr Type kTypes[] = {{"int", "[0-9]+"}, {"integer", "[0-9]+"}, {"long", "[0-9]+"}, {"number", "[0-9]+"}, {"digits", "[0-9]+"},
                                   {"uuid", "[0-9a-fA-F-]{36}"}, {"guid", "[0-9a-fA-F-]{36}"}, {"alpha", "[A-Za-z]+"}, {"slug", "[a-z0-9-]+"},
                                   {"float", "[0-9.]+"}, {"string", ""}, {"str", ""}, {"path", "**"}};
        const auto found = std::ranges::find(kTypes, type, &Type::name);
        if (found == std::end(kTypes)) return angles && colon == std::string_view::npos ? "{" + name + "}" : std::string();
        if (found->pattern == "**") return "**";
        return "{" + name + (found->pattern.empty() ? "" : ":" + std::string(found->pattern)) + "}";
    }

    void check_methods(const RouteConfig& r, size_t index) {
        const auto extra = [&](std::string_view m) {
            return std::ranges::any_of(r.extra_methods, [&](const Text& t) { return t.value == m; });
        };
        for (const Text& m : r.extra_methods) {
            if (!http::is_token(m.value)) {
                faults_.error(m.mark, place(index) + ".extra_methods", "bad-method", "\"" + m.value + "\" cannot be a method");
            }
        }
        for (const Text& m : r.match.methods) {
            if (http::is_registered_method(m.value) || extra(m.value)) continue;
            const std::string_view near = http::nearest_method(m.value);
            if (m.value == "*" || iequals(m.value, "any") || iequals(m.value, "all")) {
                faults_.error(m.mark, place(index) + ".match.methods", "unknown-method", "\"" + m.value + "\" is not a method",
                              "leave methods out: the route takes every method then");
                continue;
            }
            if (const std::string list = written_list(m); !list.empty()) {
                faults_.error(m.mark, place(index) + ".match.methods", "unknown-method", "\"" + m.value + "\" is not one method, but several in one text",
                              "did you mean " + list + "?");
                continue;
            }
            faults_.error(m.mark, place(index) + ".match.methods", "unknown-method",
                          "\"" + m.value + "\" is not a registered method",
                          near.empty() ? "extra_methods: [" + m.value + "] on the route allows it"
                                       : "did you mean " + std::string(near) + "? (extra_methods on the route allows others)");
        }
    }

    void check_service(const Text& service, const std::string& path) {
        const std::string& name = service.value;
        if (name.empty() || name.find('{') != std::string::npos || known_services_.contains(name)) return;
        faults_.error(service.mark, path, "unknown-service", "there is no service named \"" + name + "\"",
                      suggestion(name, services_, "services"));
    }

    Draft& draft_;
    Config& config_;
    FaultList& faults_;
    std::vector<std::string_view> services_, policies_;
    std::unordered_set<std::string_view> known_services_, known_policies_;
    std::unordered_map<std::string_view, Mark> in_place_;  // by their names
};

}  // namespace

void check_references(Draft& draft, FaultList& faults) { References(draft, faults).check(); }

}  // namespace portico::config
