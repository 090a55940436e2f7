// Between the script and the client: the script as the client sends it, and the reading of its answer.
#pragma once

#include "policy/rate_limit/limit.h"
#include "redis/client.h"

namespace portico::policy::rate_limit {

// The script, as every worker's client sends it.
const redis::Script& redis_counter();

// @errors store_protocol where it is not what the script returns
Result<Decision> read_decision(const Limit& limit, uint64_t cost, redis::Value reply);

}  // namespace portico::policy::rate_limit
