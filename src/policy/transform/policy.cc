#include "gateway/policy.h"

#include <algorithm>

#include "base/text.h"
#include "gateway/filtered_head.h"
#include "gateway/exchange.h"
#include "gateway/request_body.h"
#include "gateway/templates/text_body.h"
#include "policy/transform/answer.h"
#include "policy/transform/header_rules.h"
#include "policy/transform/request.h"
#include "policy/transform/settings.h"

namespace portico::policy::transform {
namespace {

using gateway::Exchange;
using gateway::Verdict;

Verdict verdict_of(Result<void> done) { return done ? Verdict::proceed() : Verdict::refuse(std::move(done).error()); }

// A header that decides whether the rules are for a request is judged.
gateway::FieldRule rule_for_request(const RequestRules& rules, std::string_view name) {
    const auto asks_for = [&](const gateway::ValueCondition& c) { return http::is_same_name(c.match().name, name); };
    if (std::ranges::any_of(rules.when.headers, asks_for)) return gateway::FieldRule::withholds;
    return rule_for(rules.headers, name);
}

class Transform final : public gateway::Policy {
  public:
    Transform(Settings settings, std::string_view name) : s_(std::move(settings)), name_(name), may_filter_(s_.may_filter()) {}

    Verdict on_request(Exchange& x) const override {
        if (may_filter_) gateway::expect_filters(x);
        if (!s_.request || !may_apply(*s_.request, x)) return Verdict::proceed();
        if (s_.request->needs_body()) return Verdict::wait(with_body(x));
        return verdict_of(apply(*s_.request, x, x.state_of<Tally>(*this)));
    }

    void on_response(Exchange& x, gateway::ResponseOut& response) const override {
        if (!s_.response.empty()) change_answer(s_.response, x, response, x.state_of<Tally>(*this));
    }

    size_t costly_rules() const override {
        size_t of_answers = 0;
        for (const AnswerCase& c : s_.response) of_answers = std::max(of_answers, c.headers.costly() + c.cookies.remove.size() + c.cookies.set.size());
        if (!s_.request) return of_answers;
        const RequestRules& r = *s_.request;
        const auto is_costly = [](const gateway::ValueCondition& c) { return c.match().kind == config::ValueMatch::Kind::regex; };
        const auto conditions = std::ranges::count_if(r.when.headers, is_costly) + static_cast<ptrdiff_t>(r.when.query.size());
        return of_answers + r.headers.costly() + r.cookies.remove.size() + r.cookies.set.size() + (r.query.empty() ? 0 : 1 + r.query.costly()) +
               static_cast<size_t>(conditions);
    }

    void check_place(const gateway::PolicyPlace& place, config::Mark mark, const config::Scope& scope) const override;

    std::unique_ptr<gateway::WorkerState> make_worker_state(gateway::Context& context, gateway::Epoch&) const override {
        auto tally = std::make_unique<Tally>();
        tally->mismatches = context.registry.counter("portico_transform_mismatches_total", "Edits that were left out because something else stood in the way.",
                                                     {{"policy", std::string(name_)}});
        return tally;
    }

    gateway::AnswerShapes answer_shapes() const override {
        gateway::AnswerShapes shapes;
        shapes.asks_elsewhere = s_.request && (s_.request->path || !s_.request->method_text.empty());
        for (const AnswerCase& c : s_.response) {
            const auto is_good = [](const auto& range) { return range.first < 300 && range.second >= 200; };
            const bool good = c.when.statuses.empty() || std::ranges::any_of(c.when.statuses, is_good);
            shapes.edits |= good && c.body.edit != nullptr;
            if (good && c.body.shape != nullptr) shapes.cases.push_back({c.body.shape.get(), c.when.body.get(), c.body.mark});
        }
        return shapes;
    }

    std::optional<gateway::Aim> aim() const override {
        if (!s_.request || (!s_.request->path && s_.request->method_text.empty())) return std::nullopt;
        const RequestRules& r = *s_.request;
        return gateway::Aim{r.path ? &*r.path : nullptr, r.method_text, !r.when.written};
    }

    gateway::FieldRule field_rule(gateway::MessageSide side, std::string_view name) const override {
        if (side == gateway::MessageSide::request) return s_.request ? rule_for_request(*s_.request, name) : gateway::FieldRule::none;
        // Whichever case it will be.
        auto strongest = gateway::FieldRule::none;
        for (const AnswerCase& c : s_.response) {
            // Which of its cookies a rule takes is not looked for where no policy is asked.
            if (!c.cookies.empty() && http::is_same_name(name, "Set-Cookie")) return gateway::FieldRule::withholds;
            strongest = std::max(strongest, rule_for(c.headers, name));
        }
        return strongest;
    }

    std::string preview(Exchange& x) const override { return describe_change(*s_.request, x); }

  private:
    io::Task<Verdict> with_body(Exchange& x) const {
        auto held = co_await gateway::hold_request_body(x, s_.request->max_body);
        if (!held) co_return Verdict::refuse(std::move(held).error());
        Result<void> applied;
        const auto end = co_await x.compute([&] { applied = apply(*s_.request, x, x.state_of<Tally>(*this)); });
        if (end != io::Jobs::End::whole) co_return Verdict::refuse(Exchange::not_computed(end, Fault::body_too_costly, "changing it"));
        if (x.request_body && !x.holds(x.body_held, x.request_body->size())) co_return Verdict::refuse(Error(Fault::memory, "the changed body"));
        co_return verdict_of(std::move(applied));
    }

    Settings s_;
    std::string_view name_;
    bool may_filter_;
};

void Transform::check_place(const gateway::PolicyPlace& place, config::Mark mark, const config::Scope& scope) const {
    // Without an identity there is no value, and none is needed but in a path (LANGUAGE.md §4).
    gateway::PolicyPlace values = place;
    values.identity |= place.optional_identity;
    if (s_.request) {
        const RequestRules& r = *s_.request;
        if (!place.forwards && (r.path || !r.method_text.empty())) {
            scope.warning(mark, "idle-setting", "this transform says what a service is asked by, and the route's action sends the client's request to none",
                          "an aggregate's calls have a method and a path of their own");
        }
        if (place.reads != nullptr) {
            for (const gateway::ValueCondition& c : r.when.headers) place.reads->add(c.match().name, c.match().mark, scope.path());
            r.headers.add_reads(*place.reads, mark, scope);
        }
        if (r.path) r.path->check_place(place, values, r.path_mark, scope);
        r.query.check_place(values, scope);
        r.headers.check_place(values, scope);
        r.cookies.check_place(values, scope);
        if (place.shared_subject) r.headers.warn_of_subjects(scope);
        r.body.check_place(values, scope);
    }
    for (const AnswerCase& c : s_.response) {
        if (place.makes_body) {
            for (const auto* rows : {&c.headers.add, &c.headers.set, &c.headers.append}) {
                for (const Named& n : *rows) {
                    if (iequals(n.name, "content-type")) gateway::check_made_type(scope, n.mark, n.value);
                }
            }
        }
        c.headers.check_place(values, scope);
        c.cookies.check_place(values, scope);
        c.body.check_place(values, scope);
        c.lines.check_place(values, scope);
    }
}

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    auto read = read_settings(settings, faults);
    if (!read) return nullptr;
    return std::make_unique<Transform>(std::move(*read), settings.name);
}

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "transform",
        .summary = kSummary,
        .can_refuse = false,
        .make = make,
        .header_writes = header_writes,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::transform
