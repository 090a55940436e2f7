// Between the script and the client: the script as the client sends it, and the reading of its answer.
#pragma once

#include <vector>

#include "policy/rate_limit/limit.h"
#include "redis/client.h"

namespace portico::policy::rate_limit {

// The script, as every worker's client sends it. Its check knows an answer by its question's mark, and by its length.
const redis::Script& redis_counter();

// The decisions of one answer, by the order of the question's costs.
class RedisDecisions {
  public:
    // @errors store_protocol where it is not what the script returns for so many requests
    Result<void> read(const Limit& limit, size_t requests, redis::Value reply);
    // @errors store_protocol
    Result<Decision> decision(const Limit& limit, size_t request, uint64_t cost) const;

  private:
    std::vector<int64_t> numbers_;  // the mark, and the decisions
};

}  // namespace portico::policy::rate_limit
