// What a route does with a request, compiled from the configuration: forward, respond, redirect, aggregate. One struct an action, its
// judging at load (compile) and its part of serving a request.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "config/model.h"
#include "gateway/aggregate/aggregate.h"
#include "gateway/templates/body_template.h"
#include "gateway/templates/text_body.h"
#include "gateway/forward.h"
#include "gateway/rewrite.h"
#include "upstream/call.h"

namespace portico::gateway {

struct Snapshot;

struct RespondAction {
    int status = 200;
    std::vector<std::pair<std::string, Template>> headers;
    std::unique_ptr<const BodyTemplate> json;  // or:
    TextBody text;
    bool has_body = false;

    // Appends the answer's body. @errors as of BodyTemplate::render
    Result<void> render_body(const Values& values, std::string& out) const;
    static RespondAction compile(const config::Scope& scope, const config::RespondConfig& from, const TemplatePlace& place);
};

struct RedirectAction {
    int status = 308;
    std::string origin;              // "https://example.com", or empty
    bool host_of_request = false;    // the origin ends in the request's host
    TargetTemplate target;
    std::string fragment;            // "#text", or empty

    static RedirectAction compile(const config::Scope& scope, const config::RedirectConfig& from, const TemplatePlace& place,
                                  bool has_host_condition);
};

struct ForwardAction {
    int32_t service_index = -1;  // where it is named; or:
    Template service;
    bool has_path = false;
    bool raw = false;  // the path as it came
    TargetTemplate path;
    bool host_of_client = false;
    std::string host;
    LocationMap locations;
    config::Timeouts timeouts;

    // @param ways the route's hosts and paths
    static ForwardAction compile(const config::Scope& scope, const config::ForwardConfig& from, const TemplatePlace& place,
                                 const std::unordered_map<std::string, int32_t>& services, std::span<const RouteTable::Entry> ways);
};

using AggregateHandle = std::unique_ptr<const AggregateAction>;
using Action = std::variant<ForwardAction, RespondAction, RedirectAction, AggregateHandle>;

// The nearest of each time that is written.
config::EffectiveTimeouts effective_timeouts(const config::Timeouts& route, const config::Timeouts& service, const config::Timeouts& file);

// Answers with a fixed answer.
io::Task<void> respond(Exchange& x, const RespondAction& action);
io::Task<void> redirect(Exchange& x, const RedirectAction& action);
// The same as an answer to a call: of a service with `respond` in the place of endpoints. Views of the exchange's arena.
// @errors value_refused, claim_refused
Result<void> answer_call(Exchange& x, const RespondAction& action, upstream::CallAnswer& answer);
// The Location of a redirect. @errors bad_rewrite, value_refused
Result<std::string> redirect_location(Exchange& x, const RedirectAction& action);

// The index of the service that a forward goes to. @errors service_not_found, value_refused
Result<int32_t> choose_service(Exchange& x, const ForwardAction& action);
// The upstream request's target, host and times. @errors bad_rewrite, value_refused
Result<ForwardPlan> plan_forward(Exchange& x, const ForwardAction& action, int32_t service_index);

}  // namespace portico::gateway
