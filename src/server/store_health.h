// What all workers together know of the stores, for the operator: when the first worker has lost a store, why, and when the last one has
// found it again. Told by workers when something changes, read by the control thread for /ready. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace portico::server {

class StoreHealth {
  public:
    // A worker has lost the store. @returns a line for stderr where it is the first one
    std::optional<std::string> lost(const std::string& store, std::string_view why);
    // There is a newer reason. @requires a worker has lost it
    void still_lost(const std::string& store, std::string_view why);
    // A worker that had lost it has found it again. @returns a line where it is the last one
    std::optional<std::string> found(const std::string& store);
    // A worker that had lost it does not use it any more.
    void forget(const std::string& store) { (void)found(store); }
    // Why workers are without it: empty where none has said so.
    std::string why(const std::string& store) const;

  private:
    struct Lost {
        int workers = 0;
        std::string why;
    };
    mutable std::mutex mutex_;
    std::map<std::string, Lost> lost_;
};

}  // namespace portico::server
