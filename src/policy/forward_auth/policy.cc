#include "gateway/policy.h"

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "gateway/exchange.h"
#include "gateway/snapshot.h"
#include "json/document.h"
#include "policy/forward_auth/settings.h"
#include "upstream/call.h"

namespace portico::policy::forward_auth {
namespace {

using gateway::Exchange;
using gateway::Verdict;

// Of the answer's body: a page that says why, or a form to sign in.
constexpr uint32_t kMaxBody = 256 << 10;

struct Cells final : gateway::WorkerState {
    observe::Histogram seconds;
    observe::Counter failures;
};

class ForwardAuth final : public gateway::Policy {
  public:
    ForwardAuth(Settings settings, std::string_view name, bool shadow) : s_(std::move(settings)), name_(name), shadow_(shadow) {}

    Verdict on_request(Exchange& x) const override {
        // Of two credentials the one that decides here might not be the one that counts behind.
        if (sees_authorization_ && x.request.fields.count(http::FieldName::authorization) > 1) return Verdict::refuse(Error(Fault::token_multiple, "forward_auth: Authorization"));
        auto target = target_of(x);
        if (!target) return Verdict::refuse(std::move(target).error());
        return Verdict::wait(ask(x, *target));
    }

    gateway::IdentityRole identity() const override {
        if (!s_.bears_claims()) return gateway::IdentityRole::none;
        return s_.pass_on_failure ? gateway::IdentityRole::optional : gateway::IdentityRole::guaranteed;
    }

    bool sees_credential(Exchange& x) const override {
        return std::ranges::any_of(s_.headers, [&](const std::string& name) { return x.request.fields.find(name) != nullptr; });
    }

    // Cookies are the application's too, and stay.
    void withhold_credential(Exchange& x) const override {
        x.request.fields.remove_if([&](const http::Field& f) {
            return f.id != http::FieldName::cookie && std::ranges::any_of(s_.headers, [&](const std::string& h) { return iequals(h, f.name); });
        });
    }

    void check_place(const gateway::PolicyPlace& place, config::Mark mark, const config::Scope& scope) const override {
        s_.path.check_place(place.parameters, place.identity, mark, scope);
    }

    std::unique_ptr<gateway::WorkerState> make_worker_state(gateway::Context& context, gateway::Epoch&) const override {
        auto cells = std::make_unique<Cells>();
        const observe::Labels labels = {{"policy", std::string(name_)}};
        cells->seconds = context.registry.histogram("portico_forward_auth_seconds", "How long the service took that decides about requests.", labels);
        cells->failures = context.registry.counter("portico_forward_auth_failures_total", "Requests about which the service that decides gave no usable answer.", labels);
        return cells;
    }

    std::string preview(Exchange& x) const override {
        const auto target = target_of(x);
        return "would ask " + s_.service_name + (target ? ": GET " + std::string(*target) : "");
    }

  private:
    Result<std::string_view> target_of(Exchange& x) const {
        auto parts = s_.path.build(x.values(), x.rules->encoded_allow, x.arena);
        if (!parts) return fail(std::move(parts).error());
        // The client's own query stands in X-Forwarded-Uri.
        if (!s_.path.has_query() || !parts->has_query) return parts->path;
        return x.arena.copy(std::string(parts->path).append("?").append(parts->query));
    }

    void write_question(Exchange& x, http::FieldList& fields) const;
    io::Task<Verdict> ask(Exchange& x, std::string_view target) const;
    Verdict pass(Exchange& x, const http::FieldList& answer) const;
    Verdict hand_back(Exchange& x, const upstream::CallAnswer& answer) const;
    Verdict without_answer(Exchange& x, std::string why) const;

    Settings s_;
    std::string_view name_;
    bool shadow_;
    bool sees_authorization_ = std::ranges::any_of(s_.headers, [](const std::string& h) { return iequals(h, "Authorization"); });
};

// A message of its own: of the client's only the listed headers, none of its framing (FIELD-CASES R14), and none that it could
// have forged (R5).
void ForwardAuth::write_question(Exchange& x, http::FieldList& fields) const {
    const auto is_listed = [&](std::string_view name) {
        return std::ranges::any_of(s_.headers, [&](const std::string& h) { return iequals(h, name); });
    };
    // What ends here is not passed on, so it is not judged either.
    const auto ends_here = [&](std::string_view name) {
        return std::ranges::any_of(x.request.connection.names, [&](std::string_view n) { return iequals(n, name); });
    };
    for (const http::Field& f : x.request.fields) {
        if (is_listed(f.name) && !ends_here(f.name)) fields.add(f);
    }
    for (const http::Field& f : x.set_fields) {
        if (is_listed(f.name)) fields.add(f);
    }
    std::string uri(x.view.path);
    if (x.view.has_query) uri.append("?").append(x.view.query);
    fields.add("X-Forwarded-Method", x.request.method_text);
    fields.add("X-Forwarded-Uri", x.arena.copy(uri));
    fields.add("X-Forwarded-For", x.forwarded_for);
    fields.add("X-Forwarded-Proto", x.forwarded_proto);
    if (!x.forwarded_host.empty()) fields.add("X-Forwarded-Host", x.forwarded_host);
    fields.add("X-Request-ID", x.request_id);
    fields.add("traceparent", {x.traceparent.data(), x.traceparent.size()});
}

io::Task<Verdict> ForwardAuth::ask(Exchange& x, std::string_view target) const {
    http::FieldList fields;
    write_question(x, fields);
    upstream::CallRequest request;
    request.target = target;
    request.fields = &fields;
    request.max_body = kMaxBody;
    request.timeouts = {s_.timeout, s_.timeout, s_.timeout, s_.timeout};
    upstream::CallAnswer answer;
    io::Loop& loop = x.context.loop;
    const Time begun = loop.now();
    const auto service = static_cast<size_t>(s_.service);
    Result<void> done;
    if (const gateway::RespondAction* fixed = x.epoch->snapshot->service_answers[service].get()) done = gateway::answer_call(x, *fixed, answer);
    else done = co_await upstream::call(loop, *x.epoch->services[service], request, answer);
    x.context.shard.observe(x.state_of<Cells>(*this).seconds, loop.now() - begun);
    if (!done) co_return without_answer(x, std::string(done.error().code()) + " " + done.error().context);
    switch (outcome_of(answer.head.status)) {
        case Outcome::pass: co_return pass(x, answer.head.fields);
        case Outcome::refuse: co_return hand_back(x, answer);
        case Outcome::unusable: break;
    }
    co_return without_answer(x, "its answer was " + std::to_string(answer.head.status));
}

Verdict ForwardAuth::pass(Exchange& x, const http::FieldList& answer) const {
    std::vector<std::optional<std::string_view>> values;
    for (const Copied& row : s_.copy) {
        auto value = value_of(row, answer);
        if (!value) return without_answer(x, value.error().context);
        values.push_back(*value ? std::optional(x.arena.copy(**value)) : std::nullopt);
    }
    if (s_.bears_claims()) {
        const auto text = claims_of(s_.copy, values);
        if (!text) return without_answer(x, text.error().context);
        if (!*text) return without_answer(x, "its answer names nobody");
        auto claims = json::Document::parse(**text);
        if (!claims) return without_answer(x, "its answer makes no claims");
        x.claims = std::move(*claims);
        x.identity_by = name_;
    }
    for (size_t i = 0; i < values.size(); ++i) {
        if (values[i]) x.set_field(s_.copy[i].header, *values[i]);
    }
    return Verdict::proceed();
}

Verdict ForwardAuth::hand_back(Exchange& x, const upstream::CallAnswer& answer) const {
    if (!shadow_) x.note(Error(Fault::forward_auth_denied, s_.service_name + " answered " + std::to_string(answer.head.status)));
    http::FieldList fields;
    copy_refusal(answer.head.fields, fields);
    x.response.clear();
    x.response.status = answer.head.status;
    for (const http::Field& f : fields) x.response.fields.add(x.arena.copy(f.name), x.arena.copy(f.value), f.id);
    x.response_text = answer.body;
    return Verdict::respond();
}

// The one way for all that is no decision: nobody passes as somebody by it.
Verdict ForwardAuth::without_answer(Exchange& x, std::string why) const {
    x.context.shard.add(x.state_of<Cells>(*this).failures);
    why = s_.service_name + ": " + why;
    if (!s_.pass_on_failure) return Verdict::refuse(Error(Fault::forward_auth_unavailable, why));
    if (x.record.detail.empty()) x.record.detail = std::string(name_) + " passed without a decision: " + why;
    return Verdict::proceed();
}

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    auto read = read_settings(settings, faults);
    if (!read) return nullptr;
    return std::make_unique<ForwardAuth>(std::move(*read), settings.name, settings.shadow);
}

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "forward_auth",
        .summary = kSummary,
        .can_refuse = true,
        .make = make,
        .managed_headers = managed_headers,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::forward_auth
