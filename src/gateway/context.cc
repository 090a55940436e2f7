#include "gateway/context.h"

#include "gateway/exchange.h"
#include "gateway/snapshot.h"

namespace portico::gateway {
namespace {

constexpr std::string_view kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr size_t kSpare = 256;

}  // namespace

CommonCells::CommonCells(observe::Registry& r)
    : connections_open(r.gauge("portico_connections_open", "Client connections that are open.")),
      connections_total(r.counter("portico_connections_total", "Client connections that were accepted.")),
      managed_removed(r.counter("portico_managed_headers_removed_total",
                                "Request headers removed because only the gateway may set them.")),
      dropped_log_lines(r.counter("portico_dropped_log_lines_total",
                                  "Access log lines that were lost because their destination was too slow or did not take them.")) {}

Context::Context(io::Loop& l, observe::Registry& r, uint64_t seed)
    : loop(l), registry(r), shard(r.new_shard()), cells(r), random(seed) {}

Epoch::Epoch() = default;
Epoch::~Epoch() = default;

std::shared_ptr<Epoch> Context::make_epoch(std::shared_ptr<const Snapshot> snapshot,
                                           std::vector<std::shared_ptr<upstream::Service>> services,
                                           std::vector<std::shared_ptr<redis::Client>> stores) {
    auto made = std::make_shared<Epoch>();
    made->route_cells.resize(snapshot->config.routes.size() + 1);
    made->service_cells.resize(snapshot->config.services.size());
    made->policy_cells.resize(snapshot->policies.size());
    made->services = std::move(services);
    made->stores = std::move(stores);
    made->stores.resize(snapshot->stores.size());
    made->snapshot = std::move(snapshot);
    for (const auto& policy : made->snapshot->policies) made->policy_states.push_back(policy->make_worker_state(*this, *made));
    return made;
}

Context::~Context() {
    for (Exchange* x : spare_) delete x;
}

RouteCells& Context::route_cells(Epoch& of, size_t route, int32_t service) {
    const size_t index = route == kNoRoute ? of.route_cells.size() - 1 : route;
    RouteCells& first = of.route_cells[index];
    RouteCells* found = &first;
    if (first.service != RouteCells::kUnset && first.service != service) {
        found = &of.more_route_cells[(uint64_t{index} << 32) | static_cast<uint32_t>(service)];
    }
    if (found->service == service) return *found;
    const config::Config& config = of.snapshot->config;
    const std::string name = route == kNoRoute ? "" : config.routes[route].name;
    const std::string service_name = service < 0 ? "" : config.services[static_cast<size_t>(service)].name;
    found->service = service;
    found->duration = registry.histogram("portico_request_duration_seconds",
                                         "From a request's first byte to the last byte of its answer.", {{"route", name}});
    for (size_t i = 0; i < found->requests.size(); ++i) {
        found->requests[i] =
            registry.counter("portico_requests_total", "Requests by route, service and class of the answer's status.",
                             {{"route", name}, {"service", service_name}, {"status", std::string(kClasses[i])}});
    }
    return *found;
}

ServiceCells& Context::service_cells(Epoch& of, size_t service) {
    ServiceCells& found = of.service_cells[service];
    if (found.ready) return found;
    const observe::Labels labels = {{"service", of.snapshot->config.services[service].name}};
    found.ready = true;
    found.first_byte = registry.histogram("portico_upstream_first_byte_seconds",
                                          "From the connection to the first byte of the service's answer.", labels);
    found.connects = registry.counter("portico_upstream_connects_total", "Connections made to the service.", labels);
    found.reuses = registry.counter("portico_upstream_reuses_total", "Exchanges on a kept connection of the service.", labels);
    found.stale_reuse = registry.counter("portico_upstream_stale_reuse_total",
                                         "Kept connections that the service had closed just as they were used again.", labels);
    return found;
}

PolicyCells& Context::policy_cells(Epoch& of, uint32_t policy) {
    PolicyCells& found = of.policy_cells[policy];
    if (found.ready) return found;
    found.ready = true;
    const auto cell = [&](std::string decision) {
        return registry.counter("portico_policy_decisions_total", "What policies decided about requests.",
                                {{"policy", of.snapshot->policy_names[policy]}, {"decision", std::move(decision)}});
    };
    found.passed = cell("passed");
    found.refused = cell("refused");
    found.shadow_refused = cell("shadow_refused");
    return found;
}

CallCells& Context::call_cells(Epoch& of, size_t route, size_t call) {
    const config::RouteConfig& c = of.snapshot->config.routes[route];
    std::vector<CallCells>& all = of.call_cells[route];
    if (all.empty()) all.resize(c.aggregate->calls.size());
    CallCells& found = all[call];
    if (found.ready) return found;
    found.ready = true;
    found.seconds = registry.histogram("portico_aggregate_call_seconds", "How long a call of an aggregate took, with all its values where it has for_each.",
                                       {{"route", c.name}, {"call", c.aggregate->calls[call].name.value}});
    return found;
}

void Context::count_call_failure(Epoch& of, size_t route, size_t call, CallFailure failure) {
    CallCells& found = call_cells(of, route, call);
    const auto i = static_cast<size_t>(failure);
    if (!found.failures_ready[i]) {
        found.failures_ready[i] = true;
        const config::RouteConfig& c = of.snapshot->config.routes[route];
        found.failures[i] = registry.counter("portico_aggregate_call_failures_total", "Calls of aggregates that failed, each value of a for_each for itself.",
                                             {{"route", c.name}, {"call", c.aggregate->calls[call].name.value}, {"reason", std::string(word_of(failure))}});
    }
    shard.add(found.failures[i]);
}

void Context::count_error(Fault fault) {
    const auto i = static_cast<size_t>(fault);
    if (!errors_ready_[i]) {
        errors_ready_[i] = true;
        errors_[i] = registry.counter("portico_errors_total", "Exchanges by the fault that decided their outcome.",
                                      {{"code", std::string(code_of(fault))}});
    }
    shard.add(errors_[i]);
}

Exchange* Context::take_exchange() {
    if (spare_.empty()) return new Exchange(*this);
    Exchange* x = spare_.back();
    spare_.pop_back();
    return x;
}

void Context::give_exchange(Exchange* exchange) {
    if (spare_.size() >= kSpare) {
        delete exchange;
        return;
    }
    exchange->reset();
    spare_.push_back(exchange);
}

std::unique_ptr<upstream::CallAnswer> Context::take_answer() {
    if (spare_answers_.empty()) return std::make_unique<upstream::CallAnswer>();
    std::unique_ptr<upstream::CallAnswer> answer = std::move(spare_answers_.back());
    spare_answers_.pop_back();
    return answer;
}

void Context::give_answer(std::unique_ptr<upstream::CallAnswer> answer) {
    if (spare_answers_.size() >= kSpare) return;
    answer->clear();
    spare_answers_.push_back(std::move(answer));
}

}  // namespace portico::gateway
