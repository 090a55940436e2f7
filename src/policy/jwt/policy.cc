// `jwt`: lets a request pass that bears a token of an issuer whom the configuration trusts, and hands its claims on.
#include "gateway/policy.h"

#include <algorithm>

#include "gateway/exchange.h"
#include "gateway/reply.h"
#include "gateway/snapshot.h"
#include "policy/jwt/issuer_documents.h"
#include "policy/jwt/revocation.h"
#include "policy/jwt/settings.h"
#include "policy/jwt/token_place.h"
#include "policy/jwt/worker_state.h"

namespace portico::policy::jwt {
namespace {

using gateway::Exchange;
using gateway::Verdict;

// How long a request waits for keys: for those that its token names, and for the first ones after a start.
constexpr Duration kKeyWait = std::chrono::seconds(5);
constexpr Duration kFirstKeyWait = std::chrono::seconds(1);
// What of a token nobody has verified may stand in the log, in bytes.
constexpr size_t kMaxDetail = 256;

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

Jwt::Jwt(std::string_view name, Settings settings, gateway::PolicyBuild& build)
    : name_(name),
      from_(std::move(settings.from)),
      missing_("No token was sent: send one" + places_in_words(from_) + "."),
      headers_(std::move(settings.headers)),
      optional_(settings.optional),
      forward_token_(settings.forward_token) {
    for (IssuerSettings& from : settings.issuers) {
        parties_.push_back(from.party());
        Issuer issuer{Judge(std::move(from.rules)), std::make_shared<const KeySet>(std::move(from.fixed)), std::move(from.remote), nullptr};
        if (issuer.remote) {
            const RemoteKeySettings& r = *issuer.remote;
            issuer.keys = build.resources().get<RemoteKeys>("jwt.keys", r.identity(), [&] {
                return std::make_shared<RemoteKeys>(RemoteKeys::Timing{r.cooldown, r.stale});
            });
        }
        issuers_.push_back(std::move(issuer));
    }
    bounds_.padding = settings.padding;
    if (settings.revocation) revocation_.emplace(std::move(*settings.revocation));
}

std::unique_ptr<gateway::WorkerState> Jwt::make_worker_state(gateway::Context& context, gateway::Epoch& epoch) const {
    const auto postponed = context.registry.counter("portico_jwt_postponed_total", "Tokens that were verified in a later turn of their worker.",
                                                    {{"policy", std::string(name_)}});
    auto state = std::make_unique<State>(context.random.next(), postponed);
    for (const Issuer& issuer : issuers_) {
        State::Source& source = state->sources.emplace_back(issuer.remote ? KeyView(issuer.keys) : KeyView(issuer.fixed));
        if (!issuer.remote) continue;
        source.fetcher = std::make_unique<KeyFetcher>(context, epoch, *issuer.remote, issuer.keys);
    }
    return state;
}

// @returns a number that moves on whenever any issuer's keys change, and when they grow too old
uint64_t Jwt::bring_keys(State& state, Time now) const {
    uint64_t sum = 1;
    for (State::Source& source : state.sources) sum += source.view.bring(now);
    return sum;
}

size_t Jwt::issuer_of(const OpenToken& token) const {
    if (issuers_.size() == 1) return 0;
    const std::string_view iss = token.issuer();
    for (size_t i = 0; i < issuers_.size(); ++i) {
        const auto& named = issuers_[i].judge.rules().claims.issuers;
        if (std::ranges::find(named, iss) != named.end()) return i;
    }
    return SIZE_MAX;
}

Verdict Jwt::on_request(Exchange& x) const {
    const FoundToken found = find_token(x, from_);
    if (found.several) return refuse(x, Error(Fault::token_multiple));
    if (found.place == nullptr) return optional_ ? Verdict::proceed() : refuse(x, Error::told(Fault::token_missing, "", missing_));
    State& state = x.state_of<State>(*this);
    const uint64_t generation = bring_keys(state, x.context.loop.now());
    const WallTime now = x.context.loop.wall();
    if (const auto* known = state.cache.find(found.text, generation, now)) return accept(x, **known, *found.place);
    if (state.cache.is_bad(found.text, generation, now)) return refuse(x, Error(Fault::token_signature, "found bad before"));

    return judge_new(x, state, found.text, *found.place, generation);
}

Verdict Jwt::judge_new(Exchange& x, State& state, std::string_view text, const TokenPlace& place, uint64_t generation) const {
    auto token = open_token(text, bounds_);
    if (!token) return refuse(x, std::move(token).error());
    const size_t issuer = issuer_of(*token);
    if (issuer == SIZE_MAX) return refuse(x, Error(Fault::token_issuer));
    return judge(x, state, {.token = std::move(*token), .issuer = issuer}, place, generation);
}

Verdict Jwt::judge(Exchange& x, State& state, Opened opened, const TokenPlace& place, uint64_t generation, bool in_turn) const {
    const OpenToken& token = opened.token;
    const size_t issuer = opened.issuer;
    const State::Source& source = state.sources[issuer];
    if (source.keys() == nullptr) {
        if (!x.in_shadow) return Verdict::wait(await_keys(x, std::move(opened), place));
        source.fetcher->fetch_due();
        return refuse_without_keys(x, issuer);
    }
    auto checked = issuers_[issuer].judge.check(token, *source.keys(), x.context.loop.wall());
    if (!checked) {
        const bool may_be_new = checked.error().fault == Fault::token_key_unknown && source.fetcher != nullptr;
        const bool comes = may_be_new && source.fetcher->look_for(token.token.header.key_id);
        // In shadow nobody is held up: judged with what is there, and the next one by what comes.
        if (comes && !x.in_shadow) return Verdict::wait(await_keys(x, std::move(opened), place));
        if (issuers_[issuer].judge.is_for_another_key(token, checked.error()) && may_have_other_keys(opened, source)) {
            if (!x.in_shadow) return Verdict::wait(await_other_keys(x, std::move(opened), place, std::move(checked).error()));
        }
        return refuse(x, std::move(checked).error());
    }
    if (in_turn || !checked->costly()) return verify(x, state, std::move(opened), *checked, place, generation);
    io::TurnBudget& computing = x.context.computing;
    if (!computing.open()) {
        x.context.shard.add(state.postponed);
        return Verdict::wait(await_turn(x, std::move(opened), place));
    }
    const auto spending = computing.spend();
    return verify(x, state, std::move(opened), *checked, place, generation);
}

// A token that its key has not signed, or cannot have: begins a fetch where one is allowed.
bool Jwt::may_have_other_keys(const Opened& opened, const State::Source& source) {
    return !opened.waited && source.fetcher != nullptr && source.fetcher->look_again();
}

Verdict Jwt::verify(Exchange& x, State& state, Opened opened, const CheckedToken& checked, const TokenPlace& place, uint64_t generation) const {
    auto verified = issuers_[opened.issuer].judge.verify(opened.token, checked, state.context);
    if (verified) {
        (*verified)->headers = headers_.render((*verified)->claims);
        state.cache.keep(*verified, generation);
        return accept(x, **verified, place);
    }
    if (verified.error().fault != Fault::token_signature) return refuse(x, std::move(verified).error());
    const State::Source& source = state.sources[opened.issuer];
    if (may_have_other_keys(opened, source) && !x.in_shadow) {
        return Verdict::wait(await_other_keys(x, std::move(opened), place, std::move(verified).error()));
    }
    keep_bad(x, state, opened, generation);
    return refuse(x, std::move(verified).error());
}

// This turn's time for signatures is spent. Later the token is judged by the time and the keys of then; the same one may have been
// judged meanwhile.
io::Task<Verdict> Jwt::await_turn(Exchange& x, Opened opened, const TokenPlace& place) const {
    co_await x.context.computing.wait(x.client_host());
    State& state = x.state_of<State>(*this);
    const uint64_t generation = bring_keys(state, x.context.loop.now());
    const std::string_view text = opened.token.token.compact;
    Verdict verdict;
    if (const auto* known = state.cache.find(text, generation, x.context.loop.wall())) {
        verdict = accept(x, **known, place);
    } else if (state.cache.is_bad(text, generation, x.context.loop.wall())) {
        verdict = refuse(x, Error(Fault::token_signature, "found bad before"));
    } else {
        verdict = judge(x, state, std::move(opened), place, generation, true);
    }
    if (verdict.kind == Verdict::Kind::later) co_return co_await std::move(*verdict.task);
    co_return verdict;
}

// Until its issuer may be asked for keys again: a client that is refused meanwhile must not be refused for longer than that.
void Jwt::keep_bad(Exchange& x, State& state, const Opened& opened, uint64_t generation) const {
    const auto& keys = issuers_[opened.issuer].keys;
    const Duration most = keys == nullptr ? kForever : keys->cooling(x.context.loop.now());
    state.cache.keep_bad(opened.token.token.compact, generation, x.context.loop.wall(), most);
}

// The issuer may have put another key under the name of one that is known. The token is judged once more if other keys come, and
// refused as before if the same ones do.
io::Task<Verdict> Jwt::await_other_keys(Exchange& x, Opened opened, const TokenPlace& place, Error refusal) const {
    State& state = x.state_of<State>(*this);
    State::Source& source = state.sources[opened.issuer];
    opened.waited = true;
    const Time deadline = x.context.loop.precise_now() + kKeyWait;
    const uint64_t before = source.view.generation();
    const uint64_t failures = issuers_[opened.issuer].keys->counts().failures;
    while (x.context.loop.now() < deadline && issuers_[opened.issuer].keys->counts().failures == failures && source.fetcher->look_again()) {
        co_await source.fetcher->end(deadline);
        if (source.view.bring(x.context.loop.now()) != before) break;
    }
    const uint64_t generation = bring_keys(state, x.context.loop.now());
    if (source.view.generation() == before) {
        if (refusal.fault == Fault::token_signature) keep_bad(x, state, opened, generation);
        co_return refuse(x, std::move(refusal));
    }
    Verdict verdict = judge(x, state, std::move(opened), place, generation);
    if (verdict.kind == Verdict::Kind::later) co_return co_await std::move(*verdict.task);
    co_return verdict;
}

// The keys are being fetched: the token is judged again with those that come. A token whose key is known never gets here. A fetch
// that was given up (its worker took up another snapshot) brought nothing, and is begun again here.
io::Task<Verdict> Jwt::await_keys(Exchange& x, Opened opened, const TokenPlace& place) const {
    State& state = x.state_of<State>(*this);
    const Issuer& issuer = issuers_[opened.issuer];
    State::Source& source = state.sources[opened.issuer];
    const std::string& key_id = opened.token.token.header.key_id;
    const Time deadline = x.context.loop.precise_now() + (source.keys() == nullptr ? kFirstKeyWait : kKeyWait);
    const uint64_t failures = issuer.keys->counts().failures;
    Error unknown(Fault::token_key_unknown, key_id);
    const auto may_come = [&] { return x.context.loop.now() < deadline && issuer.keys->counts().failures == failures; };
    while (may_come() && (source.keys() == nullptr ? source.fetcher->fetch_due() : source.fetcher->look_for(key_id))) {
        co_await source.fetcher->end(deadline);
        const uint64_t generation = bring_keys(state, x.context.loop.now());
        if (source.keys() == nullptr) continue;
        auto checked = issuer.judge.check(opened.token, *source.keys(), x.context.loop.wall());
        if (!checked && checked.error().fault == Fault::token_key_unknown) {
            unknown = std::move(checked).error();
            continue;
        }
        opened.waited = true;
        Verdict verdict = judge(x, state, std::move(opened), place, generation);
        if (verdict.kind == Verdict::Kind::later) co_return co_await std::move(*verdict.task);
        co_return verdict;
    }
    if (source.keys() != nullptr) co_return refuse(x, std::move(unknown));
    co_return refuse_without_keys(x, opened.issuer);
}

Verdict Jwt::refuse_without_keys(Exchange& x, size_t issuer) const {
    x.error_fields.add("Retry-After", "1");
    const std::string why = issuers_[issuer].keys->trouble();
    return Verdict::refuse(Error(Fault::token_keys_unavailable, "keys of " + issuers_[issuer].remote->shown() + ": " + (why.empty() ? "not fetched yet" : why)));
}

Verdict Jwt::accept(Exchange& x, const VerifiedToken& token, const TokenPlace& place) const {
    if (revocation_) {
        if (auto error = revocation_->listed(token.claims)) return refuse(x, std::move(*error));
    }
    x.claims = token.claims;
    x.identity_by = name_;
    x.identity_by_token = true;
    if (!revocation_ || !revocation_->asks_store()) return hand_on(x, place, token.headers ? &*token.headers : nullptr);
    // Only claims are asked for from here on, and the exchange keeps those.
    return Verdict::wait(ask_store(x, place));
}

io::Task<Verdict> Jwt::ask_store(Exchange& x, const TokenPlace& place) const {
    Verdict verdict = co_await revocation_->ask(x, *this);
    if (verdict.kind != Verdict::Kind::proceed) co_return verdict;
    co_return hand_on(x, place, nullptr);
}

// Last, when nothing can refuse the token any more: in shadow mode what a refused one says must not reach the service.
Verdict Jwt::hand_on(Exchange& x, const TokenPlace& place, const gateway::ClaimHeaders::Rendered* known) const {
    if (known != nullptr) headers_.apply(x, *known);
    else if (auto set = headers_.apply(x); !set) return Verdict::refuse(std::move(set).error());
    if (!forward_token_ && !x.in_shadow) remove_token(x, place);
    return Verdict::proceed();
}

Verdict Jwt::refuse(Exchange& x, Error error) const {
    x.claims = {};
    x.identity_by = {};
    x.identity_by_token = false;
    if (error.context.size() > kMaxDetail) error.context.resize(kMaxDetail);
    // RFC 6750 §3.1: a request without a token is told no more than how.
    std::string challenge(gateway::kBearerChallenge);
    if (error.fault != Fault::token_missing) {
        challenge += ", error=\"invalid_token\", error_description=\"";
        challenge += error.client_detail.empty() ? gateway::reply_row(error.fault).detail : std::string_view(error.client_detail);
        challenge += '"';
    }
    x.error_fields.add("WWW-Authenticate", x.arena.copy(challenge));
    return Verdict::refuse(std::move(error));
}

std::optional<io::Task<void>> Jwt::prepare(Exchange& x, const gateway::Rehearsal& with) const {
    const FoundToken found = find_token(x, from_);
    if (found.place == nullptr || found.several) return std::nullopt;
    const auto token = open_token(found.text, bounds_);
    const size_t issuer = token ? issuer_of(*token) : SIZE_MAX;
    if (issuer == SIZE_MAX || !issuers_[issuer].remote) return std::nullopt;
    return x.state_of<State>(*this).sources[issuer].fetcher->prepare(with);
}

std::string Jwt::preview(Exchange& x) const {
    const FoundToken found = find_token(x, from_);
    if (x.identity_by == name_) {
        const Verdict passed = found.place == nullptr ? Verdict::proceed() : hand_on(x, *found.place, nullptr);
        std::string words = "would ask whether the token was revoked";
        if (passed.kind == Verdict::Kind::fail) words += ", and refuse it otherwise: " + passed.error.context;
        return words;
    }
    const auto token = open_token(found.text, bounds_);
    const size_t issuer = token ? issuer_of(*token) : SIZE_MAX;
    if (found.place != nullptr && !forward_token_ && !x.in_shadow) remove_token(x, *found.place);
    if (issuer == SIZE_MAX || !issuers_[issuer].remote) return Policy::preview(x);
    return "would verify the token with the keys of " + issuers_[issuer].remote->shown();
}

std::unique_ptr<gateway::Policy> make(const gateway::PolicySettings& settings, config::FaultList& faults) {
    auto read = read_settings(settings, faults);
    if (!read) return nullptr;
    return std::make_unique<Jwt>(settings.name, std::move(*read), settings.build);
}

}  // namespace

const gateway::PolicyType& type() {
    static const gateway::PolicyType kType{
        .name = "jwt",
        .summary = "Verifies a bearer token (401) and hands the identity on as headers.",
        .can_refuse = true,
        .make = make,
        .managed_headers = gateway::ClaimHeaders::managed,
        .describe = describe_settings,
    };
    return kType;
}

}  // namespace portico::policy::jwt
