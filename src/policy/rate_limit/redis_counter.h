// Between the script and the client: a question to a store about one limit and key, and the reading of its answer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rate_limit/limit.h"
#include "redis/client.h"

namespace portico::policy::rate_limit {

// The script, as every worker's client sends it.
const redis::Script& redis_counter();

// The words of one question; lives until its answer is there.
class RedisQuestion {
  public:
    RedisQuestion(const Limit& limit, std::string_view key, uint64_t cost);
    RedisQuestion(const RedisQuestion&) = delete;
    std::span<const std::string_view> keys() const { return std::span(words_).first(key_count_); }
    std::span<const std::string_view> arguments() const { return std::span(words_).subspan(key_count_); }

  private:
    std::vector<std::string> texts_;
    std::vector<std::string_view> words_;
    size_t key_count_ = 0;
};

// @errors store_protocol where it is not what the script returns
Result<Decision> read_decision(const Limit& limit, uint64_t cost, redis::Value reply);

}  // namespace portico::policy::rate_limit
