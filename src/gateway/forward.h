// The action `forward`: one request to one endpoint of a service, and its answer back. Connections, retries, timeouts, both
// bodies. The aggregate action makes its calls through the same upstream connections.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/model.h"
#include "gateway/exchange.h"
#include "gateway/location_map.h"
#include "upstream/connection.h"
#include "upstream/endpoint.h"
#include "upstream/service.h"

namespace portico::gateway {

// A request that is ready to go.
struct ForwardPlan {
    upstream::Service& service;
    int32_t service_index;
    std::string_view path;   // normal form
    std::string_view query;
    bool has_query = false;
    // What the service sees as Host: empty for its endpoint's own authority.
    std::string_view host;
    config::EffectiveTimeouts timeouts;
    bool rest_is_empty = false;  // `path` is made of {**}, of which there is nothing
    const LocationMap* locations = nullptr;  // nullptr: Location stays as it is
};

// An upstream connection in use; closed unless it is given back. The endpoint outlives it.
struct UpstreamLease {
    std::shared_ptr<upstream::Endpoint> endpoint;
    std::unique_ptr<upstream::Connection> connection;
};

// Runs the exchange to its end: an answer, or an error's.
io::Task<void> forward(Exchange& x, ForwardPlan plan);

// The upstream request as it would be written, for `explain`: the head with fields, as text.
std::string describe_upstream_request(Exchange& x, const ForwardPlan& plan, std::string_view authority);

}  // namespace portico::gateway
