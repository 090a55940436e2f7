// Keys that are fetched, as the whole process knows them: one for each source, whichever policies and snapshots name it. It
// holds the last good keys, decides who may fetch and when, and wakes who waits. It fetches nothing itself (key_fetcher.h does).
// Any thread; asked by requests only when something has changed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/text_table.h"
#include "observe/metrics.h"
#include "policy/jwt/settings.h"

namespace portico::policy::jwt {

class RemoteKeys {
  public:
    struct Timing {
        Duration cooldown;  // between two fetches for keys that are not known
        Duration stale;     // how long keys serve after their last good fetch
    };
    explicit RemoteKeys(Timing timing) : timing_(timing) {}

    // Keys and the generation that they are of. No keys: before the first good fetch, and once they are older than they may be. An
    // empty set: the issuer has withdrawn all of them.
    struct Held {
        std::shared_ptr<const KeySet> keys;
        uint64_t generation = 0;
    };
    // Both as they are at one moment: read one after the other, keys could be lost between them.
    Held held() const;
    // Moves on whenever the keys change, and when they grow older than they may be. A worker asks held() only then.
    uint64_t generation(Time now) {
        if (now >= Time(Duration(serve_until_.load(std::memory_order_relaxed)))) let_go(now);
        return generation_.load(std::memory_order_acquire);
    }

    // Whether the keys are to be fetched now because they are due, and nobody does. @returns true to the one who must then call
    // end_fetch, fail_fetch or abandon_fetch
    bool begin_due_fetch(Time now);
    // The same because a token names a key that is not known: not within the cooldown, not for a name that was looked for in vain.
    bool begin_fetch_for(std::string_view key_id, Time now);
    // The same because a token was not signed by the key that it names: the issuer may have another one under that name by now. The
    // cooldown is the same one.
    bool begin_fetch_again(Time now);
    // Neither of the two begins a fetch any more: for `explain`, whose keys have just come.
    void rest();
    // How long neither of the two may begin a fetch from now on.
    Duration cooling(Time now) const;
    // Whether somebody is fetching: a request may wait for that.
    bool fetching() const;
    // What a good answer came to.
    enum class Fetched : uint8_t {
        taken,
        taken_again,  // the fetch before this one failed
        doubted,      // a set without keys: the old ones serve until the next fetch, which is due in a second
        withdrawn,    // such a set again, a second later or more: no key is believed any more
        still_withdrawn,
    };
    // @param keys an empty set only where there are keys: to withdraw them
    // @param fresh_for how long the answer holds
    Fetched end_fetch(KeySet keys, Duration fresh_for, Time now);
    // @param why  for logs
    void fail_fetch(Time now, std::string why = {});
    // Why the last fetch failed; empty after one that did not, and before the first.
    std::string trouble() const;
    void abandon_fetch();
    // When begin_due_fetch is worth a call.
    Time due() const;

    // Calls `wake` once, from any thread, when the fetch that is under way ends.
    // @returns what leave() takes; 0 where no fetch is under way, and `wake` is never called
    uint64_t await_end(std::function<void()> wake);
    // Who waits no longer is forgotten at once.
    void leave(uint64_t ticket);
    size_t waiting() const;

    // Which keys the last set that was read holds beside its usable ones. @returns those of them that the set before had not: worth a
    // line. `shown` are the samples of the metrics, kept until the next call.
    std::vector<PassedOverKey> note_passed_over(const std::vector<PassedOverKey>& keys, std::vector<std::shared_ptr<const observe::Asked>> shown);

    struct Counts {
        uint64_t fetches = 0, failures = 0;
    };
    Counts counts() const;
    // Since when the keys have been there; none before the first good fetch.
    std::optional<Time> fetched_at() const;

  private:
    Fetched without_keys(Time now);
    void take(KeySet keys, Time now);
    void let_go(Time now);
    void let_go_locked();
    void end(std::unique_lock<std::mutex>& lock);

    const Timing timing_;
    mutable std::mutex mutex_;
    std::atomic<uint64_t> generation_{0};
    std::atomic<int64_t> serve_until_{Time::max().time_since_epoch().count()};  // what held() has; of a Time
    std::shared_ptr<const KeySet> keys_;
    TextMap<Time> unknown_;  // looked for in vain, until when
    std::unordered_map<uint64_t, std::function<void()>> waiting_;
    uint64_t last_ticket_ = 0;
    Counts counts_;
    Time due_{};
    Time may_fetch_at_{};  // for unknown keys
    std::optional<Time> fetched_at_;
    std::optional<Time> doubted_at_;  // since when good answers hold no key
    Duration retry_ = std::chrono::seconds(1);
    bool fetching_ = false;
    bool failed_ = false;  // the last fetch
    std::string why_;      // it failed
    std::vector<PassedOverKey> passed_over_;
    std::vector<std::shared_ptr<const observe::Asked>> shown_;
    std::string looked_for_;  // the key whose absence began this fetch
};

// One worker's view of an issuer's keys: of a source, or fixed ones.
class KeyView {
  public:
    explicit KeyView(std::shared_ptr<const KeySet> fixed) : held_{std::move(fixed), 0} {}
    explicit KeyView(std::shared_ptr<RemoteKeys> source) : source_(std::move(source)), held_(source_->held()) {}

    uint64_t generation() const { return held_.generation; }
    // Takes up what has changed. @returns the generation of keys()
    uint64_t bring(Time now) {
        if (source_ != nullptr && source_->generation(now) != held_.generation) held_ = source_->held();
        return held_.generation;
    }
    const std::shared_ptr<const KeySet>& keys() const { return held_.keys; }

  private:
    std::shared_ptr<RemoteKeys> source_;
    RemoteKeys::Held held_;
};

}  // namespace portico::policy::jwt
