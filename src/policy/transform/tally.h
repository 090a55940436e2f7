// What one worker counts of one transform.
#pragma once

#include "gateway/exchange.h"
#include "gateway/policy.h"

namespace portico::policy::transform {

struct Tally final : gateway::WorkerState {
    observe::Counter mismatches;

    void add_mismatches(gateway::Exchange& x, uint64_t count) const {
        if (count > 0) x.context.shard.add(mismatches, count);
    }
};

}  // namespace portico::policy::transform
