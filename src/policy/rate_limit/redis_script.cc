#include "policy/rate_limit/redis_script.h"

#include <openssl/sha.h>

#include "policy/rate_limit/counters.h"
#include "policy/rate_limit/decide.h"

namespace portico::policy::rate_limit {
namespace {

void append_hex(std::string& out, std::span<const unsigned char> bytes) {
    constexpr char kHex[] = "0123456789abcdef";
    for (const unsigned char byte : bytes) {
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
}

// What the script says of a log, as a state for outcome_of.
struct LoggedReply {
    uint64_t units;
    int64_t wait;
    int64_t more;

    uint64_t used() const { return units; }
    int64_t until(const Window& w, uint64_t target, int64_t) const {
        if (units <= target) return 0;
        return target + 1 == std::min(units, w.quota) ? more : wait;
    }
};

WindowOutcome outcome_from(const Window& w, Algorithm algorithm, uint64_t refused, std::span<const int64_t, 3> r) {
    const int64_t length = w.length.count();
    switch (algorithm) {
        case Algorithm::sliding_window:
            return outcome_of(LoggedReply{static_cast<uint64_t>(r[0]), r[1], r[2]}, w, algorithm, refused, 0);
        case Algorithm::sliding_counter: {
            SlidingCounter s(-r[0], length, static_cast<uint64_t>(r[1]), static_cast<uint64_t>(r[2]));
            s.settle(w, 0);
            return outcome_of(s, w, algorithm, refused, 0);
        }
        case Algorithm::token_bucket:
            return outcome_of(TokenBucket(r[2], r[0], static_cast<uint64_t>(r[1]), w.quota, length), w, algorithm,
                              refused, 0);
        case Algorithm::fixed_window:
            return outcome_of(FixedWindow(-r[0], length, static_cast<uint64_t>(r[1])), w, algorithm, refused, 0);
    }
    return {};
}

// Whether three numbers can be what the script says of a window.
bool plausible(const Window& w, Algorithm algorithm, std::span<const int64_t, 3> r) {
    constexpr int64_t kMost = int64_t{1} << 53;
    const int64_t length = w.length.count();
    const auto within = [](int64_t n, int64_t least, int64_t most) { return n >= least && n <= most; };
    switch (algorithm) {
        case Algorithm::sliding_window:
            return within(r[0], 0, kMaxCount) && within(r[1], 0, 2 * length + kClockSlack) &&
                   within(r[2], 0, 2 * length + kClockSlack);
        case Algorithm::token_bucket:
            return within(r[0], 0, kMost) && within(r[1], 0, static_cast<int64_t>(w.quota)) &&
                   within(r[2], 0, length + kClockSlack);
        case Algorithm::sliding_counter:
        case Algorithm::fixed_window:
            return within(r[0], -length - kClockSlack, length - 1) && within(r[1], 0, kMaxCount) &&
                   within(r[2], 0, kMaxCount);
    }
    return false;
}

}  // namespace

std::string_view redis_script_digest() {
    static const std::string digest = [] {
        const std::string_view text = redis_script();
        unsigned char sha1[SHA_DIGEST_LENGTH];
        SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sha1);
        std::string hex;
        append_hex(hex, sha1);
        return hex;
    }();
    return digest;
}

Result<Decision> decode_redis_reply(const Limit& limit, uint64_t cost, std::span<const int64_t> reply) {
    const size_t count = limit.windows.size();
    if (reply.size() != decision_size(count) || (reply[0] != 0 && reply[0] != 1)) {
        return fail(Fault::store_protocol, "rate_limit: the script's reply has another form");
    }
    Decision d;
    d.admitted = reply[0] == 1;
    d.count = static_cast<uint8_t>(count);
    bool refused = false;
    for (size_t i = 0; i < count; ++i) {
        const Window& w = limit.windows[i];
        const auto three = reply.subspan(1 + 3 * i).first<3>();
        if (!plausible(w, limit.algorithm, three)) {
            return fail(Fault::store_protocol, "rate_limit: the script's reply is out of bounds");
        }
        d.windows[i] = outcome_from(w, limit.algorithm, d.admitted ? 0 : cost, three);
        refused = refused || d.windows[i].retry_after > Micros::zero() || cost > w.capacity(limit.algorithm);
    }
    if (!d.admitted && !refused) return fail(Fault::store_protocol, "rate_limit: the script refused what fits");
    conclude(limit, cost, d);
    return d;
}

}  // namespace portico::policy::rate_limit
