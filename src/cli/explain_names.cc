#include "cli/explain_names.h"

namespace portico::cli {

ExplainNames::ExplainNames(io::Loop& loop, const gateway::Snapshot& snapshot)
    : loop_(loop), s_(snapshot), client_(loop, [this](std::string name, io::Resolver::Callback done) { ask(name, std::move(done)); }) {}

void ExplainNames::ask(const std::string& name, io::Resolver::Callback done) {
    if (resolver_ == nullptr) {
        auto made = io::Resolver::make(loop_, {s_.config.dns.servers, s_.config.dns.timeout});
        if (!made) return loop_.post([done = std::move(done), error = made.error()] { done(std::unexpected(error)); });
        resolver_ = std::move(*made);
    }
    resolver_->resolve(name, std::move(done));
}

io::Task<void> ExplainNames::reach(upstream::Service& service, size_t index) {
    upstream::ResolvedService resolved;
    for (const config::EndpointConfig& e : s_.config.services[index].endpoints) {
        upstream::ResolvedEndpoint endpoint{e.authority, {}, {}};
        if (e.tls) endpoint.tls = {s_.service_tls[index], e.host};
        // Two tries at a server, as a running gateway makes.
        const auto addresses = co_await resolve(e.host, loop_.precise_now() + 3 * s_.config.dns.timeout);
        if (!addresses) continue;
        for (const IpAddress& ip : *addresses) endpoint.addresses.push_back({ip, e.port});
        resolved.push_back(std::move(endpoint));
    }
    service.update(resolved, {});
}

}  // namespace portico::cli
