#include "gateway/snapshot.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>

#include "base/text.h"
#include "config/read.h"
#include "config/schema.h"
#include "gateway/chain_builder.h"
#include "gateway/managed_headers.h"
#include "gateway/service_addresses.h"
#include "gateway/contract/contract.h"
#include "gateway/upstream_tls.h"

namespace portico::gateway {
namespace {

using config::Scope;

class SnapshotBuilder {
  public:
    SnapshotBuilder(Snapshot& snapshot, std::span<const PolicyType* const> types, Resources& resources, config::FaultList& faults)
        : s_(snapshot), faults_(faults), chains_(snapshot, types, resources, writes_, reads_, faults) {}

    void run() {
        const ServiceAddresses addresses(s_.config);
        for (size_t i = 0; i < s_.config.services.size(); ++i) {
            s_.service_index.emplace(s_.config.services[i].name, static_cast<int32_t>(i));
            s_.service_addresses.push_back(addresses.of(i));
        }
        for (const config::Text& name : s_.config.managed_headers) s_.managed.insert(name.value);
        const config::Text& from = s_.config.forwarding.client_ip_from;
        s_.client_source = ClientSource(from.value);
        if (!is_forwarding_header(from.value)) s_.managed.insert(from.value);
        if (from.mark.line > 0 && s_.config.trusted_proxies.empty()) {
            faults_.warning(from.mark, "forwarding.client_ip_from", "idle-client-ip-from", "no proxy is trusted: nothing is asked for the client's address",
                            "name the proxies in trusted_proxies");
        }
        build_services();
        build_stores();
        chains_.build_named();
        s_.table = RouteTable::build(s_.config, faults_);
        s_.redaction = PathRedaction(s_.table, s_.config.log.redact, faults_);
        s_.routes.resize(s_.config.routes.size());
        for (size_t i = 0; i < s_.config.routes.size(); ++i) build_route(i);
        check_raw_paths();
        writes_.settle(s_.managed, faults_);
        settle_names();
        reads_.stand_behind({});
        if (s_.config.errors != nullptr) {
            s_.errors = ErrorShape::compile(Scope(faults_, "errors"), *s_.config.errors, TemplatePlace{.reads = &reads_});
        }
        reads_.settle(s_.managed, from.value, faults_);
    }

  private:
    void build_services() {
        UpstreamTls tls;
        for (const config::ServiceConfig& c : s_.config.services) {
            std::unique_ptr<const RespondAction> answer;
            if (c.respond) {
                const Scope services(faults_, "services");
                const Scope service(services, c.name);
                answer = std::make_unique<RespondAction>(RespondAction::compile(Scope(service, "respond"), *c.respond, {}));
            }
            s_.service_answers.push_back(std::move(answer));
            s_.service_tls.push_back(tls.client_of(c, faults_));
        }
    }

    void build_stores() {
        const Scope stores(faults_, "stores");
        for (const config::StoreConfig& c : s_.config.stores) {
            StoreRules rules{c.name, !c.redis.written, {}, c.timeout, nullptr};
            const Scope store(stores, c.name);
            if (!rules.memory) {
                if (auto url = redis::Url::parse(c.redis.value)) rules.url = std::move(*url);
                else Scope(store, "redis").error(c.redis.mark, "bad-store", url.error(), config::looks_like_path(c.redis.value) ? "did you mean { file: … }?" : "such as redis://127.0.0.1:6379");
            }
            if (rules.url.tls) rules.tls = store_tls(c, store);
            else if (c.ca.written && c.redis.written) store.error(c.ca.mark, "idle-setting", "ca says whom to believe, and this store is reached without TLS", "write rediss:// for TLS");
            s_.stores.push_back(std::move(rules));
        }
    }

    // Of names that the gateway reads or writes itself, the one spelling that it reads stays.
    void settle_names() {
        for (const std::string_view own : {"content-length", "transfer-encoding", "x-request-id", "keep-alive", "proxy-connection", "proxy-authenticate",
                                           "proxy-authorization", "http2-settings"}) {
            s_.taken_off.insert(own);
        }
        for (const std::string& name : s_.managed.names()) s_.taken_off.insert(name);
        s_.no_trailers = s_.taken_off;
        writes_.add_names(s_.no_trailers);
        for (const config::RouteConfig& route : s_.config.routes) {
            for (const config::ValueMatch& m : route.match.headers) s_.no_trailers.insert(m.name);
        }
    }

    void build_route(size_t index) {
        const config::RouteConfig& c = s_.config.routes[index];
        if (c.faulty) return;
        RouteRules& rules = s_.routes[index];
        const Scope routes(faults_, "routes");
        const Scope scope(routes, index);
        // A path that goes on as it came is the service's own business.
        rules.encoded_allow = c.encoded_allow || (c.forward && c.forward->raw);
        rules.body_limit = c.body_limit.value_or(s_.config.limits.body);
        rules.min_rate = c.min_rate.value_or(s_.config.limits.min_rate);
        const auto& rule = s_.table.rules()[index];
        const std::vector<std::string> uneven = uneven_parameters(c, rule);
        std::vector<std::string> parameters;
        std::ranges::copy_if(rule.parameters, std::back_inserter(parameters), [&](const std::string& name) { return std::ranges::find(uneven, name) == uneven.end(); });
        if (rule.any_path_open) parameters.emplace_back(kRest);
        for (const config::ValueMatch& m : c.match.headers) reads_.add_of_client(m.name, m.mark, Scope(Scope(scope, "match"), "headers").path());
        const ChainBuilder::Identity known = chains_.build_chain(rules, c, parameters, uneven, Scope(scope, "use"));

        TemplatePlace place;
        place.parameters = &rule.parameters;
        place.uneven = &uneven;
        place.rest = rule.any_path_open;
        place.reads = &reads_;
        // The shape of errors is needed where a guard has just refused: no identity there.
        if (c.errors != nullptr) rules.errors = ErrorShape::compile(Scope(scope, "errors"), *c.errors, place);
        place.identity = known.guaranteed || known.optional;
        place.guaranteed = known.guaranteed;
        place.shared_subject = known.shared_subject;
        if (c.forward) {
            rules.action = ForwardAction::compile(Scope(scope, "forward"), *c.forward, place, s_.service_index, s_.table.ways_of(static_cast<uint32_t>(index)));
        } else if (c.respond) {
            rules.action = RespondAction::compile(Scope(scope, "respond"), *c.respond, place);
        } else if (c.redirect) {
            rules.action = RedirectAction::compile(Scope(scope, "redirect"), *c.redirect, place, !c.match.hosts.empty());
        } else if (c.aggregate) {
            rules.action = AggregateAction::compile(Scope(scope, "aggregate"), *c.aggregate, place, s_.config, s_.service_index, writes_);
        }
    }

    // Parameters that only some of a route's paths have.
    static std::vector<std::string> uneven_parameters(const config::RouteConfig& c, const RouteTable::Rule& rule) {
        std::vector<std::string> uneven;
        if (c.match.paths.size() < 2 || rule.parameters.empty()) return uneven;
        for (const config::Text& text : c.match.paths) {
            std::string fault, hint;
            const auto path = PathPattern::parse(text.value, fault, hint);
            if (!path) continue;
            for (const std::string& name : rule.parameters) {
                const bool there = std::ranges::any_of(path->segments(), [&](const PathSegment& s) { return s.name == name; });
                if (!there && std::ranges::find(uneven, name) == uneven.end()) uneven.push_back(name);
            }
        }
        return uneven;
    }

    // What a path that is sent as it came would mean to the service is not what was matched, so nothing may depend on that: the route
    // takes all of a host, and nobody else asks the service.
    void check_raw_paths() {
        const auto is_raw = [](const config::RouteConfig& c) { return c.forward && c.forward->raw; };
        if (std::ranges::none_of(s_.config.routes, is_raw)) return;
        const ServiceAddresses addresses(s_.config);
        std::map<int32_t, std::vector<size_t>> asked_by;  // routes, by address
        const auto asks = [&](size_t route, int32_t service) {
            if (service >= 0) asked_by[addresses.of(static_cast<size_t>(service))].push_back(route);
        };
        for (size_t r = 0; r < s_.routes.size(); ++r) {
            if (const auto* f = std::get_if<ForwardAction>(&s_.routes[r].action)) {
                asks(r, f->service_index);
                for (size_t i = 0; f->service_index < 0 && i < s_.config.services.size(); ++i) {
                    if (!s_.config.services[i].internal) asks(r, static_cast<int32_t>(i));
                }
            }
            const auto* several = std::get_if<AggregateHandle>(&s_.routes[r].action);
            if (several == nullptr || *several == nullptr) continue;
            for (const AggregateCall& call : (*several)->calls) asks(r, call.service);
        }
        for (size_t r = 0; r < s_.routes.size(); ++r) {
            const config::RouteConfig& c = s_.config.routes[r];
            if (c.faulty || !is_raw(c)) continue;
            const auto fault = [&](const std::string& why, const char* hint) {
                faults_.error(c.forward->path.mark, "routes[" + std::to_string(r) + "].forward.path", "raw-path", "a path may be sent raw only " + why, hint);
            };
            const auto is_all = [](const config::Text& path) { return path.value == "/**"; };
            if (c.match.hosts.empty() || !std::ranges::all_of(c.match.paths, is_all)) {
                fault("on a route with a host and the path /**: the service may read it as another one than was matched", "write match: { host: files.example.com, path: /** }");
                continue;
            }
            const int32_t service = std::get<ForwardAction>(s_.routes[r].action).service_index;
            if (service < 0) {
                fault("to a service that is named", "write the name of one service");
                continue;
            }
            for (const size_t other : asked_by[addresses.of(static_cast<size_t>(service))]) {
                if (other == r) continue;
                fault("to a service that no other route reaches, and \"" + s_.config.routes[other].name + "\" reaches this one", "another route's guards would count for nothing; internal: true keeps routes by {service} away");
                break;
            }
        }
    }

    Snapshot& s_;
    config::FaultList& faults_;
    HeaderWrites writes_;
    HeaderReads reads_;
    ChainBuilder chains_;
};

}  // namespace

std::shared_ptr<const Snapshot> Snapshot::build(config::Config config, std::span<const PolicyType* const> types, uint64_t number,
                                                Resources& resources, config::FaultList& faults) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->number = number;
    snapshot->config = std::move(config);
    SnapshotBuilder(*snapshot, types, resources, faults).run();
    if (faults.has_errors()) return nullptr;
    warn_of_ways_around(*snapshot, faults);
    check_contracts(*snapshot, faults);
    if (faults.has_errors()) return nullptr;
    return snapshot;
}

bool is_forwarding_header(std::string_view name) {
    // By their first letter; one that ends in a hyphen stands for all that begin with it.
    static constexpr std::string_view kOfC[] = {"client-ip", "client-cert", "client-cert-chain", "cf-connecting-ip"};
    static constexpr std::string_view kOfF[] = {"forwarded"};
    static constexpr std::string_view kOfP[] = {"proxy"};
    static constexpr std::string_view kOfS[] = {"ssl-client-"};
    static constexpr std::string_view kOfT[] = {"true-client-ip"};
    static constexpr std::string_view kOfX[] = {"x-forwarded",   "x-forwarded-",   "x-real-ip",       "x-client-ip",    "x-client-cert",
                                                "x-ssl-",        "x-original-url", "x-original-host", "x-rewrite-url"};
    const auto any = [&](std::span<const std::string_view> names) {
        return std::ranges::any_of(names, [&](std::string_view n) {
            return n.back() == '-' ? name.size() > n.size() && http::is_same_name(name.substr(0, n.size()), n) : http::is_same_name(name, n);
        });
    };
    if (name.empty()) return false;
    switch (http::folded_name_character(name[0])) {
        case 'c': return any(kOfC);
        case 'f': return any(kOfF);
        case 'p': return any(kOfP);
        case 's': return any(kOfS);
        case 't': return any(kOfT);
        case 'x': return any(kOfX);
        default: return false;
    }
}

}  // namespace portico::gateway
