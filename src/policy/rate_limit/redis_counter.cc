#include "policy/rate_limit/redis_counter.h"

#include "base/text.h"
#include "policy/rate_limit/redis_script.h"

namespace portico::policy::rate_limit {

const redis::Script& redis_counter() {
    static const redis::Script kScript{std::string(redis_script())};
    return kScript;
}

RedisQuestion::RedisQuestion(const Limit& limit, std::string_view key, uint64_t cost) : texts_(redis_arguments(limit, key, cost)) {
    key_count_ = parse_decimal<size_t>(texts_.front()).value_or(0);
    words_.assign(texts_.begin() + 1, texts_.end());
}

Result<Decision> read_decision(const Limit& limit, uint64_t cost, redis::Value reply) {
    std::vector<int64_t> numbers;
    numbers.reserve(reply.size());
    for (uint32_t i = 0; i < reply.size(); ++i) {
        const auto n = reply[i].integer();
        if (!n) return fail(Fault::store_protocol, "a limit's answer holds something else than numbers");
        numbers.push_back(*n);
    }
    return decode_redis_reply(limit, cost, numbers);
}

}  // namespace portico::policy::rate_limit
