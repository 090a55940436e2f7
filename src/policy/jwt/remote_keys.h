// Keys that are fetched, as the whole process knows them: one for each source, whichever policies and snapshots name it. It
// holds the last good keys, decides who may fetch and when, and wakes who waits. It fetches nothing itself (key_fetcher.h does).
// Any thread; asked by requests only when something has changed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "policy/jwt/settings.h"

namespace portico::policy::jwt {

class RemoteKeys {
  public:
    struct Timing {
        Duration cooldown, refresh, stale;
    };
    explicit RemoteKeys(Timing timing) : timing_(timing) {}

    // Moves on whenever the keys change. A worker asks current() only then.
    uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
    // nullptr before the first good fetch, and once the keys are older than they may be.
    std::shared_ptr<const KeySet> current() const;

    // Whether the keys are to be fetched now because they are due, and nobody does. @returns true to the one who must then call
    // end_fetch or abandon_fetch
    bool begin_due_fetch(Time now);
    // The same because a token names a key that is not known: not within the cooldown, not for a name that was looked for in vain.
    bool begin_fetch_for(std::string_view key_id, Time now);
    // Whether somebody is fetching: a request may wait for that.
    bool fetching() const;
    // @param fresh_for how long the answer holds
    // @returns true where the fetch before this one failed
    bool end_fetch(KeySet keys, Duration fresh_for, Time now);
    void fail_fetch(Time now);
    void abandon_fetch();
    // When begin_due_fetch is worth a call.
    Time due() const;

    // Calls `wake` once, from any thread, when the fetch that is under way ends. @returns false where none is
    bool await_end(std::function<void()> wake);

    struct Counts {
        uint64_t fetches = 0, failures = 0;
    };
    Counts counts() const;
    // Since when the keys have been there; none before the first good fetch.
    std::optional<Time> fetched_at() const;

  private:
    void end(std::unique_lock<std::mutex>& lock);

    const Timing timing_;
    mutable std::mutex mutex_;
    std::atomic<uint64_t> generation_{0};
    std::shared_ptr<const KeySet> keys_;
    std::unordered_map<std::string, Time> unknown_;  // looked for in vain, until when
    std::vector<std::function<void()>> waiting_;
    Counts counts_;
    Time due_{};
    Time may_fetch_at_{};  // for unknown keys
    std::optional<Time> fetched_at_;
    Duration retry_ = std::chrono::seconds(1);
    bool fetching_ = false;
    bool failed_ = false;  // the last fetch
    std::string looked_for_;  // the key whose absence began this fetch
};

}  // namespace portico::policy::jwt
