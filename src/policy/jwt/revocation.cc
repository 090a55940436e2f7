#include "policy/jwt/revocation.h"

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

std::optional<Error> Revocation::listed(const json::Document& claims) const {
    const auto stands = [&](const char* name, const std::unordered_set<std::string>& list) {
        if (list.empty()) return false;
        const json::Value value = claims.root().find(name);
        return value.is_string() && list.contains(std::string(value.string()));
    };
    if (stands("jti", tokens_)) return Error(Fault::token_revoked, "by jti");
    if (stands("sub", subjects_)) return Error(Fault::token_revoked, "by sub");
    return std::nullopt;
}

namespace {

// Whether a subject's entry revokes a token with these claims.
bool revokes(std::string_view entry, const json::Document& claims) {
    const auto moment = parse_decimal<uint64_t>(entry);
    if (!moment) return true;
    const auto issued = time_of(claims.root().find("iat"));
    return !issued || *issued <= WallTime(std::chrono::seconds(*moment));
}

// One key's entry in the store, while another is being looked up.
struct Lookup {
    std::string key;  // empty: nothing is asked
    Result<redis::Reply> reply = fail(Fault::store_unavailable, "not connected");

    io::Task<void> run(redis::Client& client, Duration timeout) {
        const std::string_view words[] = {"GET", key};
        reply = co_await client.marked_command(words, timeout);
    }
};

}  // namespace

io::Task<Verdict> Revocation::ask(Exchange& x, const gateway::Policy& policy) const {
    redis::Client* client = x.epoch->stores[static_cast<size_t>(store_)].get();
    const json::Value jti = x.claims.root().find("jti"), sub = x.claims.root().find("sub");
    std::array<Lookup, 2> lookups;
    if (jti.is_string()) lookups[0].key = "portico:revoked:jti:" + std::string(jti.string());
    if (sub.is_string()) lookups[1].key = "portico:revoked:sub:" + std::string(sub.string());
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
        if (lookups[i].key.empty() || !lookups[i].reply) continue;
        const redis::Value value = lookups[i].reply->value();
        if (value.is_nil() || (i == 1 && !revokes(value.text(), x.claims))) continue;
        x.claims = {};
        x.identity_by = {};
        x.error_fields.add("WWW-Authenticate", "Bearer error=\"invalid_token\", error_description=\"The token was revoked: get a new one.\"");
        co_return Verdict::refuse(Error(Fault::token_revoked, i == 0 ? "by jti" : "by sub"));
    }
    for (const Lookup& lookup : lookups) {
        if (lookup.key.empty() || lookup.reply) continue;
        const Error& why = lookup.reply.error();
        // What clients have sent is no failure of the store, and lets no token pass.
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
