// The whole validated configuration as the gateway runs it: routes as a table, policies and actions compiled. Immutable,
// numbered, swapped whole; exchanges end on the one that they began with. Built by server/, read by every worker.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/model.h"
#include "gateway/actions.h"
#include "gateway/client_address.h"
#include "gateway/templates/error_shape.h"
#include "gateway/path_redaction.h"
#include "gateway/policy.h"
#include "gateway/route_table.h"
#include "http/fields.h"
#include "redis/url.h"
#include "io/tls_client.h"

namespace portico::gateway {

// A store as workers connect to it.
struct StoreRules {
    std::string name;
    bool memory = false;  // of this process: nothing to connect to
    redis::Url url;
    Duration timeout{};
    std::shared_ptr<const io::TlsClient> tls;  // where the URL asks for it
    bool operator==(const StoreRules& o) const {
        const bool same_tls = tls == o.tls || (tls != nullptr && o.tls != nullptr && tls->same_as(*o.tls));
        return name == o.name && memory == o.memory && url == o.url && timeout == o.timeout && same_tls;
    }
};

struct RouteRules {
    std::vector<ChainLink> chain;
    Action action;
    bool encoded_allow = false;
    uint64_t body_limit = 0;  // bytes
    uint64_t min_rate = 0;    // bytes of a body in a second; 0: any
    std::unique_ptr<const ErrorShape> errors;
    size_t costly_rules = 0;  // of its policies (Policy::costly_rules)
    bool answers_preflights = false;  // `cors` stands first
    // Which policies refuse: sorted identities, equal where two routes are guarded alike.
    std::vector<uint32_t> guards;
    // Those of them that say who may pass, apart from those that establish an identity: sorted.
    std::vector<uint32_t> deciding;
    bool keeps_out = false;  // one of them does not let everybody pass
    // The parameters of its path that they judge, by their places in Match::values; kMaxParameters: {**}.
    std::vector<uint32_t> judged;
    int64_t signs_in = -1;  // the one of them by which everybody who passes has an identity; -1: none
};

struct Snapshot {
    uint64_t number = 0;
    config::Config config;
    RouteTable table;
    std::vector<RouteRules> routes;  // by their index in the configuration
    std::vector<StoreRules> stores;
    std::vector<std::unique_ptr<Policy>> policies;  // by Policy::index()
    std::vector<std::string> policy_names;          // for metrics; of one in place: its type
    std::deque<config::UseEntry> inner_uses;        // of policies inside of policies
    PathRedaction redaction;     // of the access log
    ClientSource client_source;  // of trusted proxies
    http::NameSet managed;  // beside the forwarding headers
    // Managed, or another spelling of what the gateway writes itself: taken off every request.
    http::NameSet taken_off;
    // Taken off, written by a rule or a condition of some route: no trailer of a request has one of these names.
    http::NameSet no_trailers;
    std::unordered_map<std::string, int32_t> service_index;
    std::vector<int32_t> service_addresses;  // by service: the first of those at its address
    std::vector<std::unique_ptr<const RespondAction>> service_answers;  // by service; nullptr where it has endpoints
    std::vector<std::shared_ptr<const io::TlsClient>> service_tls;  // by service; nullptr where no endpoint is https
    std::unique_ptr<const ErrorShape> errors;

    // Judges what config/ could not: routes, templates, policies; also where config/ has found faults, so that all are told at once.
    // @returns nullptr exactly when there was an error
    static std::shared_ptr<const Snapshot> build(config::Config config, std::span<const PolicyType* const> types, uint64_t number,
                                                 Resources& resources, config::FaultList& faults);
    // The shape of errors for a route (Match::kNone: none matched); nullptr for problem+json.
    const ErrorShape* error_shape(size_t route) const {
        if (route != Match::kNone && routes[route].errors != nullptr) return routes[route].errors.get();
        return errors.get();
    }
};

// Ways around a guard (LANGUAGE.md §2.6), as warnings, each with the request that shows it.
void warn_of_ways_around(const Snapshot& snapshot, config::FaultList& faults);

// True for a name that is one of the forwarding headers, in every spelling (LANGUAGE.md §6).
bool is_forwarding_header(std::string_view name);

}  // namespace portico::gateway
