// The policy `jwt`: finds the token of a request, has it judged (judging.cc), and hands its identity on (policy.cc).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/exchange.h"
#include "gateway/policy.h"
#include "policy/jwt/judge.h"
#include "policy/jwt/revocation.h"
#include "policy/jwt/settings.h"
#include "policy/jwt/token_place.h"
#include "policy/jwt/worker_state.h"

namespace portico::policy::jwt {

using gateway::Exchange;
using gateway::Verdict;

struct Issuer {
    Judge judge;
    std::shared_ptr<const KeySet> fixed;
    std::optional<RemoteKeySettings> remote;
    std::shared_ptr<RemoteKeys> keys;  // of the process, where they are remote
};

class Jwt final : public gateway::Policy {
  public:
    Jwt(std::string_view name, Settings settings, gateway::PolicyBuild& build);

    Verdict on_request(Exchange& x) const override;
    bool proves(const gateway::TemplatePart& part) const override { return !optional_ && is_token_alone(from_, part); }
    gateway::IdentityRole identity() const override { return optional_ ? gateway::IdentityRole::optional : gateway::IdentityRole::guaranteed; }
    bool admits_anybody() const override { return optional_; }
    void subject_parties(std::vector<gateway::SubjectParty>& into) const override { into.insert(into.end(), parties_.begin(), parties_.end()); }
    void subject_headers(std::vector<gateway::SubjectHeader>& into) const override { headers_.subject_headers(parties_, into); }
    bool takes_off(const gateway::TemplatePart& part) const override { return !forward_token_ && !optional_ && names_token(from_, part); }
    bool sees_credential(Exchange& x) const override { return find_token(x, from_).place != nullptr; }
    std::string_view challenge() const override { return gateway::kBearerChallenge; }
    std::optional<gateway::CredentialPlace> forwarded_credential(Exchange& x) const override {
        const TokenPlace* const place = forward_token_ ? find_token(x, from_).place : nullptr;
        return place == nullptr ? std::nullopt : std::optional(credential_place(*place));
    }
    void withhold_credential(Exchange& x, const std::optional<gateway::CredentialPlace>& forwarded) const override {
        // Also where tokens are forwarded: nobody has verified this one.
        for (const TokenPlace& place : from_) {
            if (forwarded && gateway::is_same_place(*forwarded, credential_place(place))) continue;
            if (find_token(x, {&place, 1}).place != nullptr) remove_token(x, place);
        }
    }
    void credential_places(std::vector<gateway::CredentialPlace>& into) const override { add_credential_places(from_, into); }
    gateway::FieldRule field_rule(gateway::MessageSide side, std::string_view name) const override {
        const auto bears = [&](const TokenPlace& p) { return p.kind == TokenPlace::Kind::header && http::is_same_name(p.name, name); };
        const bool judged = side == gateway::MessageSide::request && std::ranges::any_of(from_, bears);
        return judged ? gateway::FieldRule::withholds : gateway::FieldRule::none;
    }
    std::unique_ptr<gateway::WorkerState> make_worker_state(gateway::Context& context, gateway::Epoch& epoch) const override;
    std::optional<io::Task<void>> prepare(Exchange& x, const gateway::Rehearsal& with) const override;
    std::string preview(Exchange& x) const override;
    std::optional<Verdict> decide_now(Exchange& x) const override;

  private:
    Verdict accept(Exchange& x, const VerifiedToken& token, const TokenPlace& place) const;
    io::Task<Verdict> ask_store(Exchange& x, const TokenPlace& place) const;
    // @param known  the headers of the token, where it was judged with them
    Verdict hand_on(Exchange& x, const TokenPlace& place, const gateway::ClaimHeaders::Rendered* known) const;
    Verdict refuse(Exchange& x, Error error) const;
    Verdict refuse_without_keys(Exchange& x, size_t issuer) const;
    Verdict judge_new(Exchange& x, State& state, std::string_view text, const TokenPlace& place, uint64_t generation) const;
    // A token that was taken apart, and its issuer.
    struct Opened {
        OpenToken token;
        size_t issuer;
        bool waited = false;  // for other keys than those that it was judged by first
        size_t tried = 0;     // of its keys, in earlier turns: they have not signed it
        uint64_t tried_of = 0;  // the generation of these keys
        bool postponed = false; // and counted so
    };
    // @param in_turn it stood in line for its signature: the time is counted there
    Verdict judge(Exchange& x, State& state, Opened opened, const TokenPlace& place, uint64_t generation, bool in_turn = false) const;
    Verdict verify(Exchange& x, State& state, Opened opened, const CheckedToken& checked, const TokenPlace& place, uint64_t generation) const;
    io::Task<Verdict> await_turn(Exchange& x, Opened opened, const TokenPlace& place) const;
    io::Task<Verdict> await_keys(Exchange& x, Opened opened, const TokenPlace& place) const;
    io::Task<Verdict> await_other_keys(Exchange& x, Opened opened, const TokenPlace& place, Error refusal) const;
    static bool may_have_other_keys(const Opened& opened, const State::Source& source);
    void keep_bad(Exchange& x, State& state, const Opened& opened, uint64_t generation) const;
    // The issuer of a token, by its `iss` where there are several. @returns SIZE_MAX for none
    size_t issuer_of(const OpenToken& token) const;
    uint64_t bring_keys(State& state, Time now) const;

    std::string_view name_;
    std::vector<Issuer> issuers_;
    std::vector<gateway::SubjectParty> parties_;
    std::vector<TokenPlace> from_;
    std::string missing_;  // what a client without a token is told
    gateway::ClaimHeaders headers_;
    std::optional<Revocation> revocation_;
    TokenBounds bounds_;
    bool optional_;
    bool forward_token_;
};

}  // namespace portico::policy::jwt
