// The tables of the language, one function an object. Private to src/config.
#pragma once

#include <span>

#include "config/model.h"
#include "config/schema.h"

namespace portico::config {

struct Draft {  // what the file's table fills; the types of policies come from outside
    Config config;
    std::span<const std::string_view> policy_types;
    Mark root_mark;
    bool listeners_written = false;
    bool routes_written = false;
    std::vector<std::string> broken_policies;  // named, but not read: a use of one is no second fault
};

template <>
inline constexpr bool ignores_extensions<Draft> = true;

std::span<const Field<Draft>> file_fields();
std::span<const Field<ServiceConfig>> service_fields();
std::span<const Field<UpstreamTlsConfig>> upstream_tls_fields();
std::span<const Field<ResponseLimits>> response_limit_fields();
std::span<const Field<RouteConfig>> route_fields();
std::span<const Field<MatchConfig>> match_fields();
std::span<const Field<ForwardConfig>> forward_fields();
std::span<const Field<RespondConfig>> respond_fields();
std::span<const Field<RedirectConfig>> redirect_fields();
std::span<const Field<AggregateConfig>> aggregate_fields();
std::span<const Field<CallConfig>> call_fields();
std::span<const Field<Limits>> limit_fields();
std::span<const Field<FileTimeouts>> file_timeout_fields();
std::span<const Field<Timeouts>> timeout_fields();
std::span<const Field<LogConfig>> log_fields();
std::span<const Field<DnsConfig>> dns_fields();
std::span<const Field<PathsConfig>> paths_fields();
std::span<const Field<ForwardingConfig>> forwarding_fields();
std::span<const Field<StoreConfig>> store_fields();
std::span<const Field<ListenerConfig>> listener_fields();
std::span<const Field<AdminConfig>> admin_fields();

void read_service(const Scope& scope, const Entry& entry, Draft& into);
void read_stores(const Scope& scope, const Node& node, Draft& into);
void read_routes(const Scope& scope, const Node& node, Draft& into);
void read_policies(const Scope& scope, const Node& node, Draft& into);
void read_respond(const Scope& scope, const Node& node, std::optional<RespondConfig>& into);
void read_aggregate(const Scope& scope, const Node& node, std::optional<AggregateConfig>& into);
// Header fields by name, whose values are template strings; those that belong to the connection are faults.
void read_headers(const Scope& scope, const Node& node, std::vector<std::pair<Text, Text>>& into);
void read_timeouts(const Scope& scope, const Node& node, Timeouts& into);
// A policy's mapping: one type key beside name and mode. Types are judged when all of the file is read.
std::optional<PolicyConfig> read_policy(const Scope& scope, const Node& node, bool in_place);

// What one part says about another.
void check_references(Draft& draft, FaultList& faults);

}  // namespace portico::config
