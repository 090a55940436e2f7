// What one worker keeps for a policy `jwt` of one snapshot: its view of each issuer's keys, who fetches them, and the tokens that were verified.
#pragma once

#include <memory>
#include <vector>

#include "gateway/policy.h"
#include "observe/metrics.h"
#include "policy/jwt/key_fetcher.h"
#include "policy/jwt/token_cache.h"
#include "policy/jwt/verifier.h"

namespace portico::policy::jwt {

struct State final : gateway::WorkerState {
    State(uint64_t seed, observe::Counter postponed_cell) : cache({}, seed), postponed(postponed_cell) {}

    struct Source {
        KeyView view;
        std::unique_ptr<KeyFetcher> fetcher{};  // where they are remote
        const std::shared_ptr<const KeySet>& keys() const { return view.keys(); }
    };
    VerifierContext context;
    TokenCache cache;
    std::vector<Source> sources;  // by issuer
    observe::Counter postponed;
};

}  // namespace portico::policy::jwt
