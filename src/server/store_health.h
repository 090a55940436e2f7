// What all workers together know of the stores, for the operator: when the first worker has lost a store, why, and when the last one has
// found it again. Told by workers when something changes, read by the control thread for /ready. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace portico::server {

class StoreHealth {
  public:
    // A worker has lost the store. @returns a line for stderr where it is the first one
    std::optional<std::string> lost(const std::string& store, std::string_view why);
    struct News {
        std::optional<std::string> line;  // for stderr, where nobody has said this reason
        bool later = false;               // it is not said yet, for another one was a moment ago: to be told again at `from`
        Time from{};
    };
    // There is a newer reason, or one that was to be told again. Of several, one is said in kBetween. @requires a worker has lost it
    News still_lost(const std::string& store, std::string_view why, Time now);
    // A worker that had lost it has found it again. @returns a line where it is the last one
    std::optional<std::string> found(const std::string& store);
    // A worker that had lost it does not use it any more.
    void forget(const std::string& store) { (void)found(store); }
    // Why workers are without it: empty where none has said so.
    std::string why(const std::string& store) const;

    static constexpr Duration kBetween = std::chrono::minutes(1);

  private:
    struct Lost {
        int workers = 0;
        std::string why;
        std::string said;      // the reason that stands on stderr
        Time from = Time::min();  // before this none follows it
    };
    mutable std::mutex mutex_;
    std::map<std::string, Lost> lost_;
};

}  // namespace portico::server
