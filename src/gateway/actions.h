// What a route does with a request, compiled from the configuration: forward, respond, redirect. One struct an action, its
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
#include "gateway/forward.h"
#include "gateway/json_shape.h"
#include "gateway/rewrite.h"

namespace portico::gateway {

struct Snapshot;

struct RespondAction {
    int status = 200;
    std::vector<std::pair<std::string, Template>> headers;
    std::unique_ptr<const JsonShape> json;  // or:
    Template text;
    bool has_body = false;

    static RespondAction compile(const config::Scope& scope, const config::RespondConfig& from, const TemplatePlace& place);
};

struct RedirectAction {
    int status = 308;
    std::string origin;              // "https://example.com", or empty
    bool host_of_request = false;    // the origin ends in the request's host
    TargetTemplate target;

    static RedirectAction compile(const config::Scope& scope, const config::RedirectConfig& from, const TemplatePlace& place,
                                  bool has_host_condition);
};

struct ForwardAction {
    int32_t service_index = -1;  // where it is named; or:
    Template service;
    bool has_path = false;
    TargetTemplate path;
    bool host_of_client = false;
    std::string host;
    config::Timeouts timeouts;

    static ForwardAction compile(const config::Scope& scope, const config::ForwardConfig& from, const TemplatePlace& place,
                                 const std::unordered_map<std::string, int32_t>& services);
};

using Action = std::variant<ForwardAction, RespondAction, RedirectAction>;

// Answers with a fixed answer.
io::Task<void> respond(Exchange& x, const RespondAction& action);
io::Task<void> redirect(Exchange& x, const RedirectAction& action);
// The Location of a redirect. @errors bad_rewrite, value_refused
Result<std::string> redirect_location(Exchange& x, const RedirectAction& action);

// The index of the service that a forward goes to. @errors service_not_found, value_refused
Result<int32_t> choose_service(Exchange& x, const ForwardAction& action);
// The upstream request's target, host and times. @errors bad_rewrite, value_refused
Result<ForwardPlan> plan_forward(Exchange& x, const ForwardAction& action, int32_t service_index);

}  // namespace portico::gateway
