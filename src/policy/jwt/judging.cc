// A token that nobody has seen before: judged at once, in a later turn where this one has no time for its signature, or once its
// issuer's keys have come.
#include <utility>

#include "gateway/snapshot.h"
#include "policy/jwt/policy.h"

namespace portico::policy::jwt {
namespace {

// How long one token is tried with one key after the other before others have their turn. A key of ES384 takes half a millisecond, one
// of RSA a fiftieth of that.
constexpr Duration kTryingATurn = std::chrono::microseconds(250);
// How long a request waits for keys: for those that its token names, and for the first ones after a start.
constexpr Duration kKeyWait = std::chrono::seconds(5);
constexpr Duration kFirstKeyWait = std::chrono::seconds(1);

}  // namespace

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
        if (!std::exchange(opened.postponed, true)) x.context.shard.add(state.postponed);
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
    if (std::exchange(opened.tried_of, generation) != generation) opened.tried = 0;
    // A token that does not say which key signed it is tried with each: further ones in later turns.
    const Time until = checked.candidates.more.empty() ? Time{} : x.context.loop.precise_now() + kTryingATurn;
    const auto may_go_on = [&] { return x.context.loop.precise_now() < until; };
    auto verified = issuers_[opened.issuer].judge.verify(opened.token, checked, state.context, opened.tried, may_go_on);
    if (verified && *verified == nullptr) {
        if (!std::exchange(opened.postponed, true)) x.context.shard.add(state.postponed);
        return Verdict::wait(await_turn(x, std::move(opened), place));
    }
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

}  // namespace portico::policy::jwt
