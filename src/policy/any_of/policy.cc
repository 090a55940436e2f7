#include <algorithm>
#include <memory>

#include "gateway/exchange.h"
#include "gateway/policy.h"
#include "gateway/snapshot.h"
#include "policy/any_of/choice.h"

namespace portico::policy::any_of {
namespace {

using gateway::ChainLink;
using gateway::Exchange;
using gateway::Verdict;

struct Decision {  // who decided, for what comes later
    const ChainLink* link = nullptr;
};

class AnyOf final : public gateway::Policy {
  public:
    explicit AnyOf(std::vector<ChainLink> links) : links_(std::move(links)) {
        std::vector<gateway::IdentityRole> roles;
        std::vector<std::string_view> challenges;
        for (const ChainLink& l : links_) {
            roles.push_back(l.policy->identity());
            challenges.push_back(l.policy->challenge());
        }
        identity_ = weakest(roles);
        challenges_ = distinct(challenges);
    }

    Verdict on_request(Exchange& x) const override {
        const size_t chosen = choose(links_.size(), [&](size_t i) { return links_[i].policy->sees_credential(x); });
        if (chosen == kNobody) {
            for (const std::string_view c : challenges_) x.error_fields.add("WWW-Authenticate", c);
            return Verdict::refuse(Error(Fault::credential_missing, "any_of: none of its credentials was sent"));
        }
        const ChainLink& link = links_[chosen];
        x.note_for<Decision>(*this).link = &link;
        Verdict verdict = link.policy->on_request(x);
        if (verdict.kind == Verdict::Kind::later) return Verdict::wait(decide_later(x, link, std::move(*verdict.task)));
        conclude(x, link, verdict);
        return verdict;
    }
    void on_response(Exchange& x, gateway::ResponseOut& out) const override {
        if (const auto* d = x.noted<Decision>(*this)) d->link->policy->on_response(x, out);
    }
    void on_complete(Exchange& x) const noexcept override {
        if (const auto* d = x.noted<Decision>(*this)) d->link->policy->on_complete(x);
    }

    gateway::IdentityRole identity() const override { return identity_; }
    bool sees_credential(Exchange& x) const override {
        return std::ranges::any_of(links_, [&](const ChainLink& l) { return l.policy->sees_credential(x); });
    }
    bool judges_parameter(std::string_view name) const override {
        return std::ranges::any_of(links_, [&](const ChainLink& l) { return l.policy->judges_parameter(name); });
    }
    bool proves(const gateway::TemplatePart& part) const override {
        return std::ranges::all_of(links_, [&](const ChainLink& l) { return l.policy->proves(part); });
    }
    void check_place(const gateway::PolicyPlace& place, config::Mark mark, const config::Scope& scope) const override {
        for (const ChainLink& l : links_) l.policy->check_place(place, mark, scope);
    }
    void subject_parties(std::vector<gateway::SubjectParty>& into) const override {
        for (const ChainLink& l : links_) l.policy->subject_parties(into);
    }
    void subject_headers(std::vector<gateway::SubjectHeader>& into) const override {
        for (const ChainLink& l : links_) l.policy->subject_headers(into);
    }
    // Whoever decides, the others' are taken off too.
    bool takes_off(const gateway::TemplatePart& part) const override {
        return std::ranges::any_of(links_, [&](const ChainLink& l) { return l.policy->takes_off(part); });
    }
    void credential_places(std::vector<gateway::CredentialPlace>& into) const override {
        for (const ChainLink& l : links_) l.policy->credential_places(into);
    }
    gateway::FieldRule field_rule(gateway::MessageSide side, std::string_view name) const override {
        auto strongest = gateway::FieldRule::none;
        for (const ChainLink& l : links_) strongest = std::max(strongest, l.policy->field_rule(side, name));
        return strongest;
    }
    std::string_view decided_by(const Exchange& x) const override {
        const auto* d = x.noted<Decision>(*this);
        return d == nullptr ? std::string_view{} : d->link->name;
    }
    std::string preview(Exchange& x) const override {
        const auto* d = x.noted<Decision>(*this);
        if (d == nullptr) return Policy::preview(x);
        std::string words = d->link->policy->preview(x);
        withhold_others(x, *d->link);
        return words;
    }
    std::optional<io::Task<void>> prepare(Exchange& x, const gateway::Rehearsal& with) const override {
        const size_t chosen = choose(links_.size(), [&](size_t i) { return links_[i].policy->sees_credential(x); });
        return chosen == kNobody ? std::nullopt : links_[chosen].policy->prepare(x, with);
    }
    std::optional<Verdict> decide_now(Exchange& x) const override {
        const auto* d = x.noted<Decision>(*this);
        auto verdict = d == nullptr ? std::nullopt : d->link->policy->decide_now(x);
        if (verdict) conclude(x, *d->link, *verdict);
        return verdict;
    }

  private:
    // The others' credentials were not judged, and go no further. Only now: one of them may stand in the same header as the one
    // that was.
    void conclude(Exchange& x, const ChainLink& link, const Verdict& verdict) const {
        const gateway::PolicyCells& cells = x.context.policy_cells(*x.epoch, link.policy->index());
        const bool passed = verdict.kind == Verdict::Kind::proceed;
        x.context.shard.add(passed ? cells.passed : cells.refused);
        if (passed) withhold_others(x, link);
    }
    void withhold_others(Exchange& x, const ChainLink& link) const {
        if (x.in_shadow) return;
        const auto forwarded = link.policy->forwarded_credential(x);
        for (const ChainLink& other : links_) {
            if (&other != &link) other.policy->withhold_credential(x, forwarded);
        }
    }
    io::Task<Verdict> decide_later(Exchange& x, const ChainLink& link, io::Task<Verdict> task) const {
        Verdict verdict = co_await std::move(task);
        conclude(x, link, verdict);
        co_return verdict;
    }

    std::vector<ChainLink> links_;
    gateway::IdentityRole identity_ = gateway::IdentityRole::none;
    std::vector<std::string_view> challenges_;
};

void judge(const std::vector<ChainLink>& links, const config::Node& list, const config::Scope& scope) {
    for (size_t i = 0; i < links.size(); ++i) {
        const config::Scope at(scope, i);
        const config::Mark mark = list.items[i]->mark;
        const std::string name = "\"" + std::string(links[i].name) + "\"";
        if (dynamic_cast<const AnyOf*>(links[i].policy) != nullptr) {
            at.error(mark, "nested-any-of", name + " is an any_of itself", "write its policies into this list");
        } else if (links[i].policy->identity() == gateway::IdentityRole::none) {
            at.error(mark, "no-credential", name + " signs nobody in: any_of holds policies that establish an identity, and takes the first whose credential is there",
                     "write it into use, beside any_of");
        }
        for (size_t j = 0; j < i; ++j) {
            if (links[j].policy == links[i].policy) at.error(mark, "duplicate-use", "the policy " + name + " stands twice in this list");
        }
    }
}

// Those that fill one header with `sub` each.
void judge_subjects(const std::vector<ChainLink>& links, config::Mark mark, const config::Scope& scope) {
    std::vector<gateway::SubjectHeader> seen;
    std::vector<std::string_view> told;
    for (const ChainLink& l : links) {
        std::vector<gateway::SubjectHeader> headers;
        l.policy->subject_headers(headers);
        for (gateway::SubjectHeader& header : headers) {
            const auto is_same = [&](std::string_view other) { return http::is_same_name(header.name, other); };
            const auto found = std::ranges::find_if(seen, is_same, &gateway::SubjectHeader::name);
            if (found == seen.end()) {
                seen.push_back(std::move(header));
                continue;
            }
            found->parties.insert(found->parties.end(), header.parties.begin(), header.parties.end());
            if (!gateway::may_mix(found->parties) || std::ranges::any_of(told, is_same)) continue;
            gateway::warn_of_shared_subject(scope, mark, "the header " + std::string(header.name));
            told.push_back(header.name);
        }
    }
}

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    const config::Scope scope(faults, settings.path);
    const size_t before = faults.errors();
    auto links = settings.build.use(scope, settings.settings);
    if (faults.errors() != before) return nullptr;
    if (links.size() < 2) {
        scope.error(settings.settings.mark, "short-any-of", "any_of needs at least two policies to choose from",
                    links.empty() ? "write any_of: [staff, partner]" : "write \"" + std::string(links[0].name) + "\" into use itself");
        return nullptr;
    }
    judge(links, settings.settings, scope);
    if (faults.errors() != before) return nullptr;
    judge_subjects(links, settings.settings.mark, scope);
    return std::make_unique<AnyOf>(std::move(links));
}

constexpr std::string_view kSummary = "Signs in by one of several policies, by name or in place: the first whose credential is present decides.";

config::ObjectText describe() { return {"any_of", "any_of", kSummary, {}}; }

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "any_of",
        .summary = kSummary,
        .can_refuse = true,
        .make = make,
        .describe = describe,
    };
    return kType;
}

}  // namespace portico::policy::any_of
