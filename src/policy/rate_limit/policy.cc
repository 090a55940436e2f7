// `rate_limit`: counts requests by key, in memory or in a store that gateways share, and refuses those over the limit.
#include "gateway/policy.h"

#include <algorithm>
#include <random>

#include "base/text.h"
#include "gateway/exchange.h"
#include "gateway/snapshot.h"
#include "policy/rate_limit/key_queue.h"
#include "policy/rate_limit/memory_table.h"
#include "policy/rate_limit/ratelimit_fields.h"
#include "policy/rate_limit/redis_counter.h"
#include "policy/rate_limit/refused_keys.h"
#include "policy/rate_limit/settings.h"

namespace portico::policy::rate_limit {
namespace {

using gateway::Exchange;
using gateway::Verdict;

constexpr uint64_t kMaxCost = kMaxQuota + 1;  // never passes

// One worker's part: keys that the store has refused until a moment, who waits for the store, and what the metrics say of its
// failures.
struct State final : gateway::WorkerState {
    explicit State(io::Loop& loop) : queues(loop, HashKey::random()) {}
    RefusedKeys refused{HashKey::random()};
    KeyQueues queues;
    observe::Counter failures;
};

// What a request's answer says of the limit.
struct Outcome {
    const CountedLimit* limit = nullptr;
    Decision decision;
};

// Of a value that neither counts nor chooses: whose it is.
Fault fault_of(const gateway::TemplatePart& part) { return part.source == gateway::Source::claim ? Fault::claim_refused : Fault::value_refused; }

class RateLimit final : public gateway::Policy {
  public:
    RateLimit(std::string_view name, Settings settings, std::shared_ptr<MemoryTable> memory)
        : name_(name), s_(std::move(settings)), memory_(std::move(memory)) {}

    bool admits_anybody() const override { return true; }
    Verdict on_request(Exchange& x) const override;
    void on_response(Exchange& x, gateway::ResponseOut& response) const override;
    gateway::FieldRule field_rule(gateway::MessageSide side, std::string_view name) const override;
    bool counts_by_subject() const override { return s_.key.is_subject(); }
    bool judges_parameter(std::string_view name) const override {
        return s_.key.names_parameter(name) || (s_.by && s_.by->names_parameter(name)) || (s_.cost_of && s_.cost_of->names_parameter(name));
    }
    void check_place(const gateway::PolicyPlace& place, config::Mark mark, const config::Scope& scope) const override;
    std::unique_ptr<gateway::WorkerState> make_worker_state(gateway::Context& context, gateway::Epoch&) const override;
    std::string preview(Exchange& x) const override;

  private:
    // @errors value_refused, claim_refused  where `by` finds a list or an object
    Result<const CountedLimit*> limit_for(const Exchange& x, std::string_view key) const;
    // @errors value_refused, claim_refused
    Result<uint64_t> cost_for(const Exchange& x) const;
    Verdict conclude(Exchange& x, const CountedLimit& limit, const Decision& decision) const;
    Decision count_in_memory(const Exchange& x, const CountedLimit& limit, std::string_view key, uint64_t cost) const {
        return memory_->charge(limit.limit, key, cost, micros_of(x.context.loop.now()));
    }
    io::Task<Verdict> count_in_store(Exchange& x, const CountedLimit& limit, std::string key, uint64_t cost) const;

    std::string_view name_;
    Settings s_;
    std::shared_ptr<MemoryTable> memory_;
};

std::unique_ptr<gateway::WorkerState> RateLimit::make_worker_state(gateway::Context& context, gateway::Epoch&) const {
    if (s_.store < 0) return nullptr;
    auto state = std::make_unique<State>(context.loop);
    constexpr std::string_view kOutcomes[] = {"allow", "deny", "memory"};
    state->failures = context.registry.counter("portico_rate_limit_store_failures_total", "Requests that a limit decided about without its store.",
                                               {{"policy", std::string(name_)}, {"outcome", std::string(kOutcomes[static_cast<size_t>(s_.on_store_failure)])}});
    return state;
}

void RateLimit::check_place(const gateway::PolicyPlace& place, config::Mark mark, const config::Scope& scope) const {
    s_.key.check_place(place, mark, scope);
    // Without an identity the default holds.
    gateway::PlaceValues values = place;
    values.identity |= place.any_identity;
    if (s_.by && s_.by->check_place(values, mark, scope)) gateway::check_not_taken_off(*s_.by, place, mark, scope);
    if (s_.cost_of && s_.cost_of->check_place(place, mark, scope)) gateway::check_not_taken_off(*s_.cost_of, place, mark, scope);
    if (place.shared_subject && s_.key.is_subject()) gateway::warn_of_shared_subject(scope, mark, "the key of this limit");
    // One in shadow refuses nobody.
    const auto refuses = [](const gateway::ChainLink& l) { return !l.shadow && l.policy->identity() != gateway::IdentityRole::none; };
    if (std::ranges::any_of(place.before, refuses) && !s_.key.names_claims() && !(s_.by && s_.by->names_claims())) {
        scope.warning(mark, "policy-order", "requests with bad credentials are refused before this limit counts them, at the cost of judging each",
                      "put the limit before the policy that signs in, or count by claims.sub");
    }
}

Result<const CountedLimit*> RateLimit::limit_for(const Exchange& x, std::string_view key) const {
    if (!s_.overrides.empty()) {
        if (const auto found = s_.overrides.find(key); found != s_.overrides.end()) return &found->second;
    }
    if (!s_.by) return &s_.limit;
    Arena arena;
    const gateway::Values values = x.values();
    const auto& part = s_.by->parts().front();
    if (values.is_compound(part)) return fail(fault_of(part), "a limit's by: " + gateway::name_of(part) + " is a list or an object");
    const auto value = values.get(part, arena);
    const auto found = value ? s_.values.find(*value) : s_.values.end();
    return found != s_.values.end() ? &found->second : &s_.limit;
}

// A whole number as decimal digits, nothing else; more than any limit is as good as the largest.
std::optional<uint64_t> read_whole_number(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    return parse_decimal<uint64_t>(text).value_or(UINT64_MAX);
}

// What names no cost counts for the least; what names one in a way that can be read differently is refused: it would be cheap here
// and dear behind.
Result<uint64_t> RateLimit::cost_for(const Exchange& x) const {
    if (!s_.cost_of) return s_.cost;
    Arena arena;
    const gateway::TemplatePart& part = s_.cost_of->parts().front();
    const auto refused = [&](std::string_view why) { return fail(fault_of(part), "a limit's cost: " + gateway::name_of(part) + std::string(why)); };
    if (x.values().is_compound(part)) return refused(" is a list or an object");
    if (x.values().times_given(part) > 1) return refused(" is there more than once");
    const auto text = x.values().get(part, arena);
    if (!text && x.values().times_given(part) > 0) return refused(" is there in another spelling");
    if (!text) return s_.cost;
    const auto cost = read_whole_number(*text);
    if (!cost) return refused(" is no whole number");
    return std::clamp<uint64_t>(*cost, 1, kMaxCost);
}

Verdict RateLimit::on_request(Exchange& x) const {
    std::string key;
    if (auto built = s_.key.build(x, key); !built) return Verdict::refuse(std::move(built).error());
    const auto chosen = limit_for(x, key);
    if (!chosen) return Verdict::refuse(chosen.error());
    const CountedLimit& limit = **chosen;
    const auto costs = cost_for(x);
    if (!costs) return Verdict::refuse(costs.error());
    const uint64_t cost = *costs;
    if (s_.store < 0 || x.epoch->snapshot->stores[static_cast<size_t>(s_.store)].memory) {
        return conclude(x, limit, count_in_memory(x, limit, key, cost));
    }
    if (!limit.limit.charge_refused) {
        const RefusedKeys& refused = x.state_of<State>(*this).refused;
        // This turn may have taken long since it began: nothing is refused beyond its moment.
        auto known = refused.find(limit.limit, key, cost, x.context.loop.now());
        if (known) known = refused.find(limit.limit, key, cost, x.context.loop.precise_now());
        if (known) return conclude(x, limit, *known);
    }
    return Verdict::wait(count_in_store(x, limit, std::move(key), cost));
}

io::Task<Verdict> RateLimit::count_in_store(Exchange& x, const CountedLimit& limit, std::string key, uint64_t cost) const {
    const auto store = static_cast<size_t>(s_.store);
    State& state = x.state_of<State>(*this);
    Counted counted{fail(Fault::store_unavailable, "there is no client")};
    if (redis::Client* client = x.epoch->stores[store].get()) {
        counted = co_await state.queues.count(*client, x.epoch->snapshot->stores[store].timeout, limit, key, cost);
    }
    const Result<Decision>& decision = counted.decision;
    if (decision) {
        if (!decision->admitted && !limit.limit.charge_refused) {
            state.refused.keep(limit.limit, key, cost, *decision, {counted.asked, x.context.loop.precise_now()});
        } else if (decision->admitted && state.refused.size() > 0) {
            state.refused.forget(key);
        }
        co_return conclude(x, limit, *decision);
    }
    // What clients have sent is no failure of the store, and lets nobody pass.
    const bool failed = redis::is_failure_of_store(decision.error());
    if (failed) x.context.shard.add(state.failures);
    switch (failed ? s_.on_store_failure : OnStoreFailure::deny) {
        case OnStoreFailure::allow:
            x.note_degraded(name_, decision.error(), "allow");
            co_return Verdict::proceed();
        case OnStoreFailure::memory:
            x.note_degraded(name_, decision.error(), "memory");
            co_return conclude(x, limit, count_in_memory(x, limit, key, cost));
        case OnStoreFailure::deny: break;
    }
    x.note_degraded(name_, decision.error(), "deny");
    x.error_fields.add("Retry-After", "1");
    co_return Verdict::refuse(Error(Fault::rate_limit_unavailable, std::string(decision.error().code()) + ": " + decision.error().context));
}

Verdict RateLimit::conclude(Exchange& x, const CountedLimit& limit, const Decision& decision) const {
    if (s_.fields == Fields::always || (s_.fields == Fields::refused && !decision.admitted)) {
        Outcome& outcome = x.note_for<Outcome>(*this);
        outcome.limit = &limit;
        outcome.decision = decision;
    }
    if (decision.admitted) return Verdict::proceed();
    if (!decision.never) x.error_fields.add("Retry-After", x.arena.copy(std::to_string(whole_seconds(decision.retry_after))));
    return Verdict::refuse(Error(Fault::rate_limit_exceeded, name_));
}

gateway::FieldRule RateLimit::field_rule(gateway::MessageSide side, std::string_view name) const {
    using gateway::FieldRule;
    if (side == gateway::MessageSide::response) {
        const bool said = http::is_same_name(name, "RateLimit") || http::is_same_name(name, "RateLimit-Policy");
        return said ? FieldRule::adds : FieldRule::none;
    }
    const bool counted = s_.key.names_header(name) || (s_.by && s_.by->names_header(name)) || (s_.cost_of && s_.cost_of->names_header(name));
    return counted ? FieldRule::withholds : FieldRule::none;
}

void RateLimit::on_response(Exchange& x, gateway::ResponseOut& response) const {
    const Outcome* outcome = x.noted<Outcome>(*this);
    if (outcome == nullptr) return;
    response.fields.add("RateLimit-Policy", outcome->limit->policy_field, http::FieldName::other);
    response.fields.add("RateLimit", ratelimit_field(outcome->limit->names, outcome->decision, x.arena), http::FieldName::other);
}

std::string RateLimit::preview(Exchange& x) const {
    std::string key;
    (void)s_.key.build(x, key);
    const auto chosen = limit_for(x, key);
    if (!chosen) return Policy::preview(x);
    const CountedLimit& limit = **chosen;
    std::string text = "would count \"" + key + "\" in the store " + x.epoch->snapshot->stores[static_cast<size_t>(s_.store)].name + ":";
    for (const Window& w : limit.limit.windows) text += " " + std::to_string(w.quota) + " in " + std::to_string(w.length.count() / 1000) + "ms";
    return text;
}

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    auto read = read_settings(settings, faults);
    if (!read) return nullptr;
    auto memory = settings.build.resources().get<MemoryTable>("rate_limit.memory", "", [] {
        return std::make_shared<MemoryTable>(MemoryBounds{}, HashKey::random());
    });
    return std::make_unique<RateLimit>(settings.name, std::move(*read), std::move(memory));
}

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "rate_limit",
        .summary = "Lets so many requests of a client pass in a window (429).",
        .can_refuse = true,
        .make = make,
        .describe = describe_settings,
    };
    return kType;
}

}  // namespace portico::policy::rate_limit
