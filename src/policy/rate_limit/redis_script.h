// The counters in Redis: one script that decides about all windows of a limit for one client in one call, be it for one request or
// for several that wait, and what comes back. It holds no connection: redis_question.h writes what is sent. Pure and thread-safe.
//
// Redis 6.2 and later, and Cluster: the keys of one call share a hash tag. Time is Redis's own, in microseconds.
// Refused requests write nothing, but they drop what has expired and carry changed numbers over. Keys expire by
// themselves when their usage is gone.
//
// Keys: `portico:{NAME:CLIENT}:IA`, with NAME and CLIENT percent-encoded (a CLIENT above 128 bytes is replaced by `#`
// and its SHA-256), I the index of the window and A the algorithm's letter: w(indow), c(ounter), b(ucket) or f(ixed).
// The numbers of a limit are no part of it, so that changed numbers keep the usage.
//
// The exact log is a sorted set with an entry for each request that counted: the score is Redis's microsecond (never
// running backwards within a key), the member the sum of all units up to and with it, padded to 16 digits, and its own
// units: `0000000000000123:5`. So ZCARD is the number of requests in the window, the units in use follow from the two
// ends, and the entry at which so many are free again is found by its sum. What has expired is dropped in parts of some 500, so that no
// call takes long; what is left of it is passed over. Of refused requests that are charged, those go which the newer ones outweigh: the
// newest that fill the quota decide alone. It is exact to the microsecond; an entry
// takes 31 bytes in sets of up to 128 entries, and 129 in larger ones.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "policy/rate_limit/limit.h"

namespace portico::policy::rate_limit {

// The text, for EVAL and SCRIPT LOAD.
std::string_view redis_script();
// Its SHA-1 in lower-case hexadecimal, for EVALSHA.
std::string_view redis_script_digest();

// The integers of one decision in the script's reply.
inline constexpr size_t decision_size(size_t windows) { return 1 + 3 * windows; }

// `reply` is what the call returned for one request of this limit and cost: decision_size() integers.
// @errors store_protocol where it is not what the script returns
Result<Decision> decode_redis_reply(const Limit& limit, uint64_t cost, std::span<const int64_t> reply);

}  // namespace portico::policy::rate_limit
