#include "policy/rate_limit/redis_counter.h"

#include <algorithm>

#include "policy/rate_limit/redis_script.h"

namespace portico::policy::rate_limit {
namespace {

// As RedisQuestion writes its arguments: letter, costs, charge_refused, three numbers a window, mark.
bool is_answer(redis::Value reply, std::span<const std::string_view> arguments) {
    const auto requests = static_cast<size_t>(std::ranges::count(arguments[1], ',')) + 1;
    const size_t windows = (arguments.size() - 4) / 3;
    return reply.size() == 1 + requests * decision_size(windows) && reply[0].text() == arguments.back();
}

// A key of its own in the same slot, and a window that is over at once.
redis::Script::Words rehearse(std::span<const std::string_view> keys, std::span<const std::string_view> arguments) {
    const std::string letter(arguments[0]);
    return {{std::string(keys[0]) + ":rehearsal"}, {letter, "1", "0", "1", "1000", letter == "b" ? "1" : "0", "0"}};
}

}  // namespace

const redis::Script& redis_counter() {
    static const redis::Script kScript{std::string(redis_script()), is_answer, rehearse};
    return kScript;
}

Result<void> RedisDecisions::read(const Limit& limit, size_t requests, redis::Value reply) {
    numbers_.resize(1 + requests * decision_size(limit.windows.size()));
    if (!reply.copy_integers(numbers_)) return fail(Fault::store_protocol, "rate_limit: the script's reply has another form");
    return {};
}

Result<Decision> RedisDecisions::decision(const Limit& limit, size_t request, uint64_t cost) const {
    const size_t size = decision_size(limit.windows.size());
    return decode_redis_reply(limit, cost, std::span(numbers_).subspan(1 + request * size, size));
}

}  // namespace portico::policy::rate_limit
