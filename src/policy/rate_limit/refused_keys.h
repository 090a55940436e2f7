// Keys of which a store has said that they are refused until a moment: until then they are refused without asking again, so that
// a flood over the limit costs the store nothing. One worker's; bounded; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/keyed_hash.h"
#include "policy/rate_limit/limit.h"

namespace portico::policy::rate_limit {

class RefusedKeys {
  public:
    static constexpr size_t kMax = 4096;
    // A client chooses the length of some keys: of longer ones the store is asked each time.
    static constexpr size_t kLongestKey = 256;
    // A full table is swept so often, not for every newcomer.
    static constexpr Duration kSweepEvery = std::chrono::milliseconds(100);

    // `seed`: random, and secret to clients.
    explicit RefusedKeys(HashKey seed) : keys_(0, SeededHash{seed}) {}

    // @returns the refusal with what is left of its wait, for the same limit and a cost that is not lower
    std::optional<Decision> find(const Limit& limit, std::string_view key, uint64_t cost, Time now) const;
    // A span of time in which the store decided: between the question and its answer.
    struct Decided {
        Time after, before;
    };
    // @requires a refusal
    void keep(const Limit& limit, std::string_view key, uint64_t cost, const Decision& decision, Decided decided);
    // The store has let something of that key pass since: what it said before is less than what it would say now.
    void forget(std::string_view key);
    size_t size() const { return keys_.size(); }

  private:
    struct Entry {
        const Limit* limit;
        uint64_t cost;
        Time until;   // no later than when the store would let it pass: nothing is refused too early
        Time passes;  // no earlier than that: whoever waits until then passes
        Decision decision;
    };
    std::unordered_map<std::string, Entry, SeededHash, std::equal_to<>> keys_;
    Time next_sweep_{};
};

}  // namespace portico::policy::rate_limit
