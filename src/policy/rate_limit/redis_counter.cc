#include "policy/rate_limit/redis_counter.h"

#include <array>

#include "policy/rate_limit/redis_script.h"

namespace portico::policy::rate_limit {

const redis::Script& redis_counter() {
    static const redis::Script kScript{std::string(redis_script())};
    return kScript;
}

Result<Decision> read_decision(const Limit& limit, uint64_t cost, redis::Value reply) {
    std::array<int64_t, 1 + 3 * kMaxWindows> numbers;
    const uint32_t count = reply.size();
    if (count > numbers.size()) return fail(Fault::store_protocol, "a limit's answer is too long");
    for (uint32_t i = 0; i < count; ++i) {
        const auto n = reply[i].integer();
        if (!n) return fail(Fault::store_protocol, "a limit's answer holds something else than numbers");
        numbers[i] = *n;
    }
    return decode_redis_reply(limit, cost, std::span(numbers).first(count));
}

}  // namespace portico::policy::rate_limit
