#include "gateway/snapshot.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "config/schema.h"

namespace portico::gateway {
namespace {

using config::PolicyConfig;
using config::Scope;

// A node's content as text, so that two policies written alike compare equal.
void write_canonical(const config::Node& node, std::string& out) {
    out += static_cast<char>('0' + static_cast<int>(node.kind));
    out += node.text;
    for (const config::Entry& e : node.entries) {
        out += '\x1f' + e.key + '\x1e';
        write_canonical(*e.value, out);
    }
    for (const config::Node* item : node.items) {
        out += '\x1d';
        write_canonical(*item, out);
    }
    out += '\x1c';
}

class SnapshotBuilder {
  public:
    SnapshotBuilder(Snapshot& snapshot, std::span<const PolicyType* const> types, config::FaultList& faults)
        : s_(snapshot), types_(types), faults_(faults) {}

    void run() {
        for (size_t i = 0; i < s_.config.services.size(); ++i) s_.service_index.emplace(s_.config.services[i].name, static_cast<int32_t>(i));
        for (const config::Text& name : s_.config.managed_headers) s_.managed.insert(name.value);
        build_services();
        build_named_policies();
        s_.table = RouteTable::build(s_.config, faults_);
        s_.routes.resize(s_.config.routes.size());
        for (size_t i = 0; i < s_.config.routes.size(); ++i) build_route(i);
        if (s_.config.errors != nullptr) {
            s_.errors = ErrorShape::compile(Scope(faults_, "errors"), *s_.config.errors, TemplatePlace{});
        }
    }

  private:
    struct Built {
        const Policy* policy = nullptr;
        const PolicyType* type = nullptr;
        std::string_view name;
        bool shadow = false;
        uint32_t guard = 0;
    };

    void build_services() {
        for (const config::ServiceConfig& c : s_.config.services) {
            std::unique_ptr<const RespondAction> answer;
            if (c.respond) {
                const Scope services(faults_, "services");
                const Scope service(services, c.name);
                answer = std::make_unique<RespondAction>(RespondAction::compile(Scope(service, "respond"), *c.respond, {}));
            }
            s_.service_answers.push_back(std::move(answer));
        }
    }

    void build_named_policies() {
        for (const PolicyConfig& p : s_.config.policies) named_.emplace(p.name, build_policy(p, "policies." + p.name));
    }

    Built build_policy(const PolicyConfig& p, const std::string& path) {
        const auto type = std::ranges::find_if(types_, [&](const PolicyType* t) { return t->name == p.type; });
        if (type == types_.end()) return {};  // config/ has said so
        Built built;
        built.type = *type;
        built.name = p.name.empty() ? std::string_view(p.type) : std::string_view(p.name);
        built.shadow = p.shadow;
        if (p.shadow && !built.type->can_refuse) {
            faults_.error(p.mark, path, "idle-shadow", "the policy \"" + p.type + "\" refuses nothing: it has no shadow mode");
        }
        auto made = built.type->make({built.name, *p.settings, path + "." + p.type, p.shadow}, faults_);
        if (made != nullptr) {
            built.policy = made.get();
            s_.policies.push_back(std::move(made));
        } else if (!faults_.has_errors()) {
            // A guard that is not there must never be a guard that lets pass.
            faults_.error(p.mark, path, "policy-failed", "the policy \"" + p.type + "\" could not be built");
        }
        if (built.type->managed_headers != nullptr) {
            for (const std::string& name : built.type->managed_headers(*p.settings)) s_.managed.insert(name);
        }
        std::string canonical = p.type + (p.shadow ? "?" : "!");
        write_canonical(*p.settings, canonical);
        built.guard = guards_.try_emplace(std::move(canonical), static_cast<uint32_t>(guards_.size())).first->second;
        return built;
    }

    void build_route(size_t index) {
        const config::RouteConfig& c = s_.config.routes[index];
        RouteRules& rules = s_.routes[index];
        const Scope routes(faults_, "routes");
        const Scope scope(routes, index);
        rules.encoded_allow = c.encoded_allow;
        rules.body_limit = c.body_limit.value_or(s_.config.limits.body);
        for (size_t i = 0; i < c.use.size(); ++i) {
            const Scope use(scope, "use");
            add_policy(rules, c.use[i], Scope(use, i).path());
        }
        std::ranges::sort(rules.guards);
        rules.guards.erase(std::unique(rules.guards.begin(), rules.guards.end()), rules.guards.end());

        const auto& rule = s_.table.rules()[index];
        TemplatePlace place;
        place.parameters = &rule.parameters;
        place.rest = rule.any_path_open;
        check_parameters(scope, c, rule);
        if (c.forward) {
            rules.action = ForwardAction::compile(Scope(scope, "forward"), *c.forward, place, s_.service_index);
        } else if (c.respond) {
            rules.action = RespondAction::compile(Scope(scope, "respond"), *c.respond, place);
        } else if (c.redirect) {
            rules.action = RedirectAction::compile(Scope(scope, "redirect"), *c.redirect, place, !c.match.hosts.empty());
        }
        if (c.errors != nullptr) rules.errors = ErrorShape::compile(Scope(scope, "errors"), *c.errors, place);
    }

    void add_policy(RouteRules& rules, const config::UseEntry& use, const std::string& path) {
        Built built;
        if (use.in_place) {
            built = build_policy(*use.in_place, path);
        } else {
            const auto found = named_.find(use.name);
            if (found == named_.end()) return;  // config/ has said so
            built = found->second;
        }
        if (built.policy == nullptr) return;
        rules.chain.push_back({built.policy, built.name, built.shadow});
        if (built.type->can_refuse && !built.shadow) rules.guards.push_back(built.guard);
    }

    // A parameter that only some of a route's paths have would be empty for the others.
    void check_parameters(const Scope& scope, const config::RouteConfig& c, const RouteTable::Rule& rule) {
        if (c.match.paths.size() < 2 || rule.parameters.empty()) return;
        for (const config::Text& text : c.match.paths) {
            std::string fault, hint;
            const auto path = PathPattern::parse(text.value, fault, hint);
            if (!path) continue;
            for (const std::string& name : rule.parameters) {
                const bool there = std::ranges::any_of(path->segments(), [&](const PathSegment& s) { return s.name == name; });
                if (there) continue;
                scope.error(text.mark, "uneven-parameters", "this path has no {" + name + "}, but another path of the route does",
                            "give the paths the same parameters, or write two routes");
            }
        }
    }

    Snapshot& s_;
    std::span<const PolicyType* const> types_;
    config::FaultList& faults_;
    std::map<std::string, Built, std::less<>> named_;
    std::map<std::string, uint32_t> guards_;
};

}  // namespace

std::shared_ptr<const Snapshot> Snapshot::build(config::Config config, std::span<const PolicyType* const> types, uint64_t number,
                                                config::FaultList& faults) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->number = number;
    snapshot->config = std::move(config);
    const size_t before = faults.errors();
    SnapshotBuilder(*snapshot, types, faults).run();
    if (faults.errors() != before) return nullptr;
    warn_of_ways_around(*snapshot, faults);
    return snapshot;
}

bool is_forwarding_header(std::string_view name) {
    constexpr std::string_view kPrefix = "x-forwarded";
    const auto folded = [](char c) { return c == '_' ? '-' : ascii_lower(c); };
    const auto same = [&](std::string_view a, std::string_view b) {
        return std::ranges::equal(a, b, {}, folded, [](char c) { return c; });
    };
    if (name.empty()) return false;
    switch (folded(name[0])) {
        case 'f': return same(name, "forwarded");
        case 'x':
            if (same(name, "x-real-ip")) return true;
            if (name.size() < kPrefix.size() || !same(name.substr(0, kPrefix.size()), kPrefix)) return false;
            return name.size() == kPrefix.size() || folded(name[kPrefix.size()]) == '-';
        default: return false;
    }
}

}  // namespace portico::gateway
