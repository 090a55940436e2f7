#include <algorithm>
#include <memory>

#include "gateway/exchange.h"
#include "gateway/policy.h"
#include "policy/authorize/rules.h"
#include "policy/authorize/settings.h"

namespace portico::policy::authorize {
namespace {

class Authorize final : public gateway::Policy {
  public:
    explicit Authorize(Rules rules) : rules_(std::move(rules)), made_(rules_.made()) {
        const std::string scopes = rules_.wanted_scopes();
        if (scopes.empty() && rules_.scopes.any.empty()) return;
        challenge_ = std::string(gateway::kBearerChallenge) + ", error=\"insufficient_scope\"";
        if (!scopes.empty()) challenge_ += ", scope=\"" + scopes + "\"";
    }

    gateway::Verdict on_request(gateway::Exchange& x) const override {
        auto refusal = made_ ? rules_.settled(x.values()).judge(x.claims) : rules_.judge(x.claims);
        if (!refusal) return gateway::Verdict::proceed();
        // No other token would help who sent none. The snapshot that holds this policy, and with it the text, outlives the exchange.
        if (refusal->scope_missing && x.identity_by_token && !challenge_.empty()) x.error_fields.add("WWW-Authenticate", challenge_);
        const std::string context = "authorize: " + refusal->detail;
        return gateway::Verdict::refuse(Error::told(Fault::not_authorized, context, std::move(refusal->detail)));
    }

    bool judges_parameter(std::string_view name) const override {
        return std::ranges::any_of(rules_.templates(), [&](const gateway::Template* t) { return t->names_parameter(name); });
    }

    gateway::FieldRule field_rule(gateway::MessageSide side, std::string_view name) const override {
        const auto names_it = [&](const gateway::Template* t) { return t->names_header(name); };
        const bool judged = made_ && side == gateway::MessageSide::request && std::ranges::any_of(rules_.templates(), names_it);
        return judged ? gateway::FieldRule::withholds : gateway::FieldRule::none;
    }

    // What a claim has to equal is the identity's own.
    bool proves(const gateway::TemplatePart& part) const override {
        return std::ranges::any_of(rules_.claims.all, [&](const ClaimCondition& c) {
            return c.values.size() == 1 && c.values[0].made && c.values[0].made->is_single() && c.values[0].made->parts().front() == part;
        });
    }

    void check_place(const gateway::PolicyPlace& place, config::Mark mark, const config::Scope& scope) const override {
        const gateway::PlaceValues values{place.parameters, place.identity || place.any_identity, place.uneven, place.reads};
        for (const gateway::Template* t : rules_.templates()) t->check_place(values, mark, scope);
        if (place.shared_subject && rules_.ask_subject_alone()) gateway::warn_of_shared_subject(scope, mark, "this authorize");
        if (place.identity || (place.shadow && place.any_identity)) return;
        if (place.any_identity) {
            scope.error(mark, "no-identity",
                        "authorize judges who asks, and what establishes that before it is optional or in shadow mode: requests come by without it",
                        "let the policy before it enforce, and not be optional; or put this one in shadow mode too");
        } else {
            scope.error(mark, "no-identity", "authorize judges who asks, and no policy before it in use says who that is",
                        "write one that signs in before it: jwt, api_key, basic, or any_of these");
        }
    }

  private:
    Rules rules_;
    bool made_;  // they are settled for each request
    std::string challenge_;  // RFC 6750 §3.1; empty where each scope depends on the request
};

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    Rules rules;
    if (!read_rules(config::Scope(faults, settings.path), settings.settings, rules)) return nullptr;
    return std::make_unique<Authorize>(std::move(rules));
}

constexpr std::string_view kSummary = "Lets pass or refuses (403) by the scopes, roles and claims of who asks.";

config::ObjectText describe() { return config::describe<Rules>("authorize", "authorize", kSummary, rule_fields()); }

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "authorize",
        .summary = kSummary,
        .can_refuse = true,
        .make = make,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::authorize
