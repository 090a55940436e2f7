// START HERE. A request's life, from its head to its last log line: set up, find the route, ask its policies, run its action.
// What comes before is in edge/h1_server.cc, what comes after in the action: forward.cc, aggregation.cc, or respond and redirect in
// actions.cc.
#include "gateway/exchange.h"

#include <algorithm>

#include "base/meter.h"
#include "base/text.h"
#include "gateway/access_log.h"
#include "gateway/gateway.h"
#include "gateway/max_forwards.h"
#include "gateway/reply.h"
#include "gateway/request_setup.h"
#include "gateway/snapshot.h"
#include "http/media_type.h"

namespace portico::gateway {
namespace {

// Streams of messages that come when they come: their idle time bounds them.
bool is_grpc(const Exchange& x) {
    constexpr std::string_view kGrpc = "application/grpc";  // and -web, +proto, …
    return iequals(http::media_type(x.request.fields).substr(0, kGrpc.size()), kGrpc);
}

// A thousand conditions on one text of 60 KB take a tenth of a second: such a look-up leaves the thread to others in between.
bool looks_long(const Exchange& x) { return x.epoch->snapshot->table.takes_long(x.view); }

size_t bytes_of(const http::FieldList& fields) {
    size_t bytes = 0;
    for (const http::Field& f : fields) bytes += f.name.size() + f.value.size();
    return bytes;
}

}  // namespace

io::Task<void> Gateway::handle(Exchange& x) {
    auto ready = set_up_request(x);
    if (ready && x.target.form == http::TargetForm::asterisk) {
        co_await answer_options(x, std::string(kEveryMethod));
        co_return;
    }
    if (ready && looks_long(x)) {
        const auto found = co_await x.compute([&] { ready = find_route(x); });
        if (found != io::Jobs::End::whole) ready = fail(Exchange::not_computed(found, Fault::head_too_large, "finding its route"));
    } else if (ready) {
        ready = find_route(x);
    }
    if (!ready) {
        co_await refuse(x, std::move(ready).error());
        co_return;
    }
    x.client->limit_body(x.rules->body_limit);
    if (!x.client->body_finished() && !is_grpc(x)) x.client->body_pace().set_rate(x.rules->min_rate);
    for (const ChainLink& link : x.rules->chain) {
        Verdict verdict;
        if (link.policy->costly_rules() > 0 && x.has_long_head(x.rules->costly_rules)) {
            const auto asked = co_await x.compute([&] { verdict = ask(x, link); });
            if (asked != io::Jobs::End::whole) verdict = Verdict::refuse(Exchange::not_computed(asked, Fault::head_too_large, "what a policy makes of it"));
        } else {
            verdict = ask(x, link);
        }
        if (verdict.kind == Verdict::Kind::later) verdict = co_await std::move(*verdict.task);
        PolicyCells& cells = x.context.policy_cells(*x.epoch, link.policy->index());
        if (verdict.kind == Verdict::Kind::proceed) {
            x.context.shard.add(cells.passed);
            continue;
        }
        if (link.shadow) {
            x.context.shard.add(cells.shadow_refused);
            note_shadow(x, link, verdict);
            continue;
        }
        if (verdict.kind == Verdict::Kind::respond) {
            co_await respond_for(x, link, cells);
            co_return;
        }
        x.context.shard.add(cells.refused);
        x.refused_by = link.name;
        co_await reply_error(x, std::move(verdict.error), &x.error_fields);
        co_return;
    }
    x.in_shadow = false;
    co_await act(x);
}

Verdict Gateway::ask(Exchange& x, const ChainLink& link) {
    x.in_shadow = link.shadow;
    ++x.policies_run;
    return link.policy->on_request(x);
}

// A policy's own answer: a preflight's, which lets pass, or another service's refusal.
io::Task<void> Gateway::respond_for(Exchange& x, const ChainLink& link, PolicyCells& cells) {
    const bool refused = x.response.status >= 300;
    x.context.shard.add(refused ? cells.refused : cells.passed);
    if (refused) x.refused_by = link.name;
    x.own_answer = true;
    co_await x.begin_response();
    if (x.answer_error) co_await reply_error(x, std::move(*x.answer_error));
    else co_await reply_body(x, x.response_text);
}

io::Task<void> Gateway::act(Exchange& x) {
    const Action& action = x.rules->action;
    if (const auto* fixed = std::get_if<RespondAction>(&action)) return respond(x, *fixed);
    if (const auto* elsewhere = std::get_if<RedirectAction>(&action)) return redirect(x, *elsewhere);
    if (const auto* several = std::get_if<AggregateHandle>(&action)) return aggregate(x, **several);
    const auto& onward = std::get<ForwardAction>(action);
    auto service = choose_service(x, onward);
    if (!service) return reply_error(x, std::move(service).error());
    if (const RespondAction* answer = x.epoch->snapshot->service_answers[static_cast<size_t>(*service)].get()) {
        x.record.service = *service;
        return respond(x, *answer);
    }
    auto passes = take_hop(x);
    if (!passes) return reply_error(x, std::move(passes).error());
    if (!*passes) return answer_last_options(x);
    auto plan = plan_forward(x, onward, *service);
    if (!plan) return reply_error(x, std::move(plan).error());
    return forward(x, *plan);
}

io::Task<void> Gateway::refuse(Exchange& x, Error error) {
    if (x.forwarded_for.empty()) {  // it was not set up
        x.client_address = x.peer.ip;
        x.client_ip = x.peer_text;
    }
    choose_ids(x);
    http::FieldList fields;
    std::string allow;
    if (error.fault == Fault::method_not_allowed) {
        std::vector<std::string> allowed;
        const auto look = [&] { allowed = x.epoch->snapshot->table.allowed_methods(x.view); };
        if (looks_long(x)) (void)co_await x.compute(look);
        else look();
        for (const std::string& method : allowed) {
            if (!allow.empty()) allow += ", ";
            allow += method;
        }
        fields.add("Allow", allow);
    }
    co_await reply_error(x, std::move(error), &fields);
}

// OPTIONS * asks about the server as a whole (RFC 9110 §9.3.7) and is answered here, without a word of any route; so is an OPTIONS
// that may pass no further proxy.
io::Task<void> Gateway::answer_options(Exchange& x, std::string allow) {
    x.response.clear();
    x.response.status = 204;
    x.response.fields.add("Allow", allow);
    x.own_answer = true;
    co_await x.begin_response();
    if (x.answer_error) co_await reply_error(x, std::move(*x.answer_error));
    else co_await reply_body(x, {});
}

io::Task<void> Gateway::answer_last_options(Exchange& x) {
    std::string allow;
    if (looks_long(x)) (void)co_await x.compute([&] { allow = methods_here(x); });
    else allow = methods_here(x);
    co_await answer_options(x, std::move(allow));
}

void Gateway::note_shadow(Exchange& x, const ChainLink& link, const Verdict& verdict) {
    if (!x.shadowed.empty()) x.shadowed += ',';
    x.shadowed.append(link.name).append(":").append(verdict.kind == Verdict::Kind::fail ? verdict.error.code() : "answered");
    x.error_fields.clear();
    x.response.clear();
    x.response_text.clear();
}

void Gateway::complete(Exchange& x) {
    for (uint32_t i = x.policies_run; i > 0; --i) x.rules->chain[i - 1].policy->on_complete(x);
    Context& context = x.context;
    Epoch& epoch = *x.epoch;
    if (!x.record.code.empty()) context.count_error(x.fault);
    RouteCells& cells = context.route_cells(epoch, x.match.route, x.record.service);
    context.shard.observe(cells.duration, x.times.end - x.times.begin);
    const int status_class = x.record.status / 100;
    context.shard.add(cells.requests[status_class >= 1 && status_class <= 5 ? static_cast<size_t>(status_class) : 0]);
    if (x.record.service >= 0 && x.times.first_byte != Time{}) {
        ServiceCells& service = context.service_cells(epoch, static_cast<size_t>(x.record.service));
        context.shard.observe(service.first_byte, x.times.first_byte - x.times.connected);
    }
    if (epoch.snapshot->config.log.access) write_access_line(x, context.log_lines);
}

bool Exchange::is_managed(std::string_view name) const {
    return is_forwarding_header(name) || epoch->snapshot->managed.contains(name);
}

io::Task<void> Exchange::begin_response() {
    if (response_policies_take_long()) co_await run_response_policies_in_parts();
    else run_response_policies();
    response_begun = !answer_error;
}

bool Exchange::has_long_head(size_t costly_rules) const {
    return (bytes_of(request.fields) + bytes_of(withheld) + bytes_of(set_fields) + view.query.size()) * costly_rules > kLongHead;
}

bool Exchange::response_policies_take_long() const {
    const size_t costly = rules == nullptr ? 0 : rules->costly_rules;
    // What the request says may become of the response's head, on the way through the policies.
    return costly > 0 && ((bytes_of(response.fields) + claims.text().size()) * costly > kLongHead || has_long_head(costly));
}

io::Task<void> Exchange::run_response_policies_in_parts() {
    const auto ran = co_await compute([&] { run_response_policies(); });
    if (ran != io::Jobs::End::whole) answer_error = not_computed(ran, Fault::answer_too_costly, "what policies make of its head");
}

void Exchange::run_response_policies() {
    // One that stands first marks the refusals too that came before any policy was asked: a body too large, a path in doubt.
    const bool marked = rules != nullptr && rules->answers_preflights;
    response_policies_left_ = marked ? std::max(policies_run, 1u) : policies_run;
    continue_response_policies();
}

void Exchange::continue_response_policies() {
    bool settled = true;
    // Where nothing more may be spent, what the others would make of it is worth nothing.
    while (response_policies_left_ > 0 && settled && Meter::spend(1)) {
        const ChainLink& link = rules->chain[--response_policies_left_];
        if (link.shadow) continue;
        const size_t before = body_filters.size();
        const bool refused = answer_error.has_value();
        link.policy->on_response(*this, response);
        for (size_t k = before; k < body_filters.size(); ++k) {
            body_filters[k]->set_policy(link.name);
            settled &= !body_filters[k]->settles_head();
        }
        // Nobody has refused it where nothing more may be computed, or the client has left.
        if (answer_error && !refused && Meter::spend(1)) refused_by = link.name;
    }
}

void Exchange::note_degraded(std::string_view policy, const Error& why, std::string_view outcome) {
    if (!degraded.empty()) degraded += ',';
    degraded.append(policy).append(":").append(why.code()).append(":").append(outcome);
}

bool Exchange::header_value(std::string_view name, std::string& into) const {
    const bool set = gateway::header_value(set_fields, name, into);
    return append_header_value(request.fields, name, into, set);
}

void Exchange::set_field(std::string_view name, std::string_view value, http::FieldName id) {
    const auto is_it = [&](const http::Field& f) { return http::is_same_name(f.name, name); };
    request.fields.remove_if(is_it);
    set_fields.remove_if(is_it);
    set_fields.add(name, value, id);
}

void Exchange::note(const Error& error) {
    if (!record.code.empty()) return;
    fault = error.fault;
    record.code = error.code();
    record.detail = error.context;
}

void Exchange::reset() {
    allowance = kMostSteps;
    compute_due = io::Timer::kNever;
    client = nullptr;
    epoch.reset();
    parser.reset();
    request.clear();
    target = {};
    view = {};
    match = {};
    rules = nullptr;
    client_address.reset();
    peer_text = client_ip = forwarded_for = forwarded_proto = forwarded_host = forwarded_port = request_id = {};
    trace = {};
    traceparent = {};
    set_fields.clear();
    claims = {};
    identity_by = refused_by = {};
    preflight = in_shadow = identity_by_token = false;
    error_fields.clear();
    response_text.clear();
    degraded.clear();
    notes_.clear();
    shadowed.clear();
    policies_run = response_policies_left_ = 0;
    body_held.set(0);
    holder_.reset();
    request_body.reset();
    sent_method_text = {};
    sent_target.reset();
    withheld.clear();
    accepted.reset();
    body_filters.clear();
    answer_error.reset();
    own_answer = false;
    response.clear();
    response_begun = false;
    times = {};
    record.status = 0;
    record.code = record.endpoint = record.retry = {};
    record.detail.clear();
    record.service = RouteCells::kNone;
    record.attempts = 0;
    record.calls.clear();
    record.reused = false;
    record.bytes_in = record.bytes_out = 0;
    tried.clear();
    upstream_head.clear();
    arena.release();
}

}  // namespace portico::gateway
