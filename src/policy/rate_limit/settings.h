// The settings of the policy `rate_limit`, read and judged.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gateway/limit_key.h"
#include "gateway/policy.h"
#include "policy/rate_limit/limit.h"
#include "policy/rate_limit/ratelimit_fields.h"
#include "policy/rate_limit/redis_question.h"

namespace portico::policy::rate_limit {

enum class OnStoreFailure : uint8_t { allow, deny, memory };
enum class Fields : uint8_t { always, refused, never };

// A limit, and what its requests have in common.
struct CountedLimit {
    CountedLimit(Limit l) : limit(std::move(l)), form(limit), policy_field(ratelimit_policy_field(limit)), names(ratelimit_names(limit)) {}

    Limit limit;
    RedisForm form;
    std::string policy_field;        // `RateLimit-Policy`
    std::vector<std::string> names;  // of its windows, in `RateLimit`
};

struct Settings {
    CountedLimit limit{{}};  // the plain one, or that of `default`
    // `limit: { by, values, default }`: the quota by a value of the request.
    std::optional<gateway::Template> by;
    std::map<std::string, CountedLimit, std::less<>> values;
    std::map<std::string, CountedLimit, std::less<>> overrides;  // by the key's text
    gateway::LimitKey key;
    uint64_t cost = 1;
    std::optional<gateway::Template> cost_of;  // a value of the request; `cost` where it has none
    int32_t store = -1;  // in Snapshot::stores; -1: in memory
    OnStoreFailure on_store_failure = OnStoreFailure::deny;
    Fields fields = Fields::always;
};

// @returns none exactly when there was an error
std::optional<Settings> read_settings(const gateway::PolicySettings& from, config::FaultList& faults);
config::ObjectText describe_settings();

}  // namespace portico::policy::rate_limit
