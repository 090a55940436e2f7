#include "policy/jwt/revocation.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "gateway/exchange.h"
#include "gateway/snapshot.h"
#include "policy/jwt/claims.h"

namespace portico::policy::jwt {

using gateway::Exchange;
using gateway::Verdict;

Revocation::Revocation(RevocationSettings settings)
    : tokens_(settings.tokens.begin(), settings.tokens.end()),
      subjects_(settings.subjects.begin(), settings.subjects.end()),
      store_(settings.store),
      allow_on_failure_(settings.allow_on_failure) {}

namespace {

// What a claim is looked for by: a text, or a number as it was written. None where it is neither.
std::optional<std::string_view> looked_for_by(json::Value claim) {
    if (claim.is_string()) return claim.string();
    if (claim.is_number()) return claim.number();
    return std::nullopt;
}

}  // namespace

std::optional<Error> Revocation::listed(const json::Document& claims) const {
    // What cannot be looked for could be revoked and pass.
    for (const char* name : {"jti", "sub"}) {
        const json::Value value = claims.root().find(name);
        if (value && !looked_for_by(value)) return Error(Fault::token_claim, std::string(name) + " is neither a text nor a number");
    }
    const auto stands = [&](const char* name, const std::unordered_set<std::string>& list) {
        if (list.empty()) return false;
        const auto text = looked_for_by(claims.root().find(name));
        return text && list.contains(std::string(*text));
    };
    if (stands("jti", tokens_)) return Error(Fault::token_revoked, "by jti");
    if (stands("sub", subjects_)) return Error(Fault::token_revoked, "by sub");
    return std::nullopt;
}

bool Revocation::revokes(std::string_view entry, const json::Document& claims) {
    // A moment that a clock cannot tell (milliseconds, or "for good" in nines) lies behind every token.
    constexpr uint64_t kMost = WallTime::max().time_since_epoch() / std::chrono::seconds(1);
    const auto moment = parse_decimal<uint64_t>(entry);
    if (!moment || *moment > kMost) return true;
    const auto issued = time_of(claims.root().find("iat"));
    return !issued || *issued <= WallTime(std::chrono::seconds(*moment));
}

namespace {

// One key's entry in the store, while another is being looked up.
struct Lookup {
    std::string key;  // empty: nothing is asked
    Result<redis::Reply> reply = fail(Fault::store_unavailable, "not connected");

    io::Task<void> run(redis::Client& client, Duration timeout) {
        const std::string_view words[] = {"GET", key};
        reply = co_await client.look_up(words, timeout);
    }
    // Whether it is there and, where it is a text, `counts`.
    template <typename Counts>
    bool stands(Counts&& counts) const {
        if (!reply) return redis::is_of_another_type(reply.error());
        const redis::Value value = reply->value();
        return !value.is_nil() && counts(value.text());
    }
};

}  // namespace

io::Task<Verdict> Revocation::ask(Exchange& x, const gateway::Policy& policy) const {
    redis::Client* client = x.epoch->stores[static_cast<size_t>(store_)].get();
    const auto jti = looked_for_by(x.claims.root().find("jti")), sub = looked_for_by(x.claims.root().find("sub"));
    std::array<Lookup, 2> lookups;
    if (jti) lookups[0].key = "portico:revoked:jti:" + std::string(*jti);
    if (sub) lookups[1].key = "portico:revoked:sub:" + std::string(*sub);
    const gateway::StoreRules& rules = x.epoch->snapshot->stores[static_cast<size_t>(store_)];
    // One question each, both in one write: in a cluster the two keys stand on different servers.
    if (client != nullptr) {
        std::optional<io::Fork> beside;
        if (!lookups[1].key.empty()) beside.emplace(lookups[1].run(*client, rules.timeout));
        if (!lookups[0].key.empty()) co_await lookups[0].run(*client, rules.timeout);
        if (beside) co_await *beside;
    }
    // What the store has said counts, whatever it could not say.
    for (size_t i = 0; i < lookups.size(); ++i) {
        if (lookups[i].key.empty()) continue;
        const bool by_subject = i == 1;
        if (!lookups[i].stands([&](std::string_view entry) { return !by_subject || revokes(entry, x.claims); })) continue;
        x.claims = {};
        x.identity_by = {};
        x.identity_by_token = false;
        static const std::string kChallenge = std::string(gateway::kBearerChallenge) + ", error=\"invalid_token\", error_description=\"The token was revoked: get a new one.\"";
        x.error_fields.add("WWW-Authenticate", kChallenge);
        co_return Verdict::refuse(Error(Fault::token_revoked, by_subject ? "by sub" : "by jti"));
    }
    // What clients have sent is no failure of the store, and lets no token pass, whatever became of the other question.
    const auto failed = [&](bool of_store) {
        return std::ranges::find_if(lookups, [&](const Lookup& l) {
            return !l.key.empty() && !l.reply && redis::is_failure_of_store(l.reply.error()) == of_store;
        });
    };
    auto lookup = failed(false);
    if (lookup == lookups.end()) lookup = failed(true);
    if (lookup != lookups.end()) {
        const Error& why = lookup->reply.error();
        const bool allow = allow_on_failure_ && redis::is_failure_of_store(why);
        x.note_degraded(x.epoch->snapshot->policy_names[policy.index()], why, allow ? "allow" : "deny");
        if (allow) co_return Verdict::proceed();
        x.claims = {};
        x.identity_by = {};
        x.error_fields.add("Retry-After", "1");
        co_return Verdict::refuse(Error(Fault::policy_unavailable, std::string(why.code()) + ": " + why.context));
    }
    co_return Verdict::proceed();
}

}  // namespace portico::policy::jwt
