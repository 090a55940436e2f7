// `jwt`: lets a request pass that bears a token of an issuer whom the configuration trusts, and hands its claims on.
#include "policy/jwt/policy.h"

#include <algorithm>

#include "gateway/reply.h"
#include "gateway/snapshot.h"
#include "policy/jwt/issuer_documents.h"

namespace portico::policy::jwt {
namespace {

// What of a token nobody has verified may stand in the log, in bytes.
constexpr size_t kMaxDetail = 256;

}  // namespace

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

// Of a token that is tried with one key after the other, in turns. Where its issuer may have others, nobody knows.
std::optional<Verdict> Jwt::decide_now(Exchange& x) const {
    const FoundToken found = find_token(x, from_);
    const auto token = found.place != nullptr && !found.several ? open_token(found.text, bounds_) : Result<OpenToken>(fail(Fault::token_missing));
    const size_t issuer = token ? issuer_of(*token) : SIZE_MAX;
    if (issuer == SIZE_MAX) return std::nullopt;
    State& state = x.state_of<State>(*this);
    bring_keys(state, x.context.loop.now());
    const State::Source& source = state.sources[issuer];
    if (source.keys() == nullptr) return std::nullopt;
    auto verified = issuers_[issuer].judge.judge(*token, *source.keys(), x.context.loop.wall(), state.context);
    if (!verified && source.fetcher != nullptr) return std::nullopt;
    if (!verified) return refuse(x, std::move(verified).error());
    (*verified)->headers = headers_.render((*verified)->claims);
    Verdict verdict = accept(x, **verified, *found.place);
    return verdict.kind == Verdict::Kind::later ? std::nullopt : std::optional(std::move(verdict));
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

namespace {

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
