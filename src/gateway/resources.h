// What the process keeps for its policies across reloads: counters of limits, keys of issuers. Each is found by kind and
// identity and lives as long as a snapshot (or a worker's part of one) holds it: a reload builds the new snapshot before the old
// one goes, so what both name is kept. Any thread; used when a snapshot is built, never by a request.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace portico::gateway {

class Resources {
  public:
    // The resource of that kind and identity, made where there is none. @requires one T for each kind
    template <class T, class Make>
    std::shared_ptr<T> get(const std::string& kind, const std::string& identity, Make&& make) {
        const std::lock_guard lock(mutex_);
        std::weak_ptr<void>& slot = held_[{kind, identity}];
        if (auto there = std::static_pointer_cast<T>(slot.lock())) return there;
        std::erase_if(held_, [&](const auto& e) { return &e.second != &slot && e.second.expired(); });
        std::shared_ptr<T> made = make();
        held_[{kind, identity}] = made;
        return made;
    }

  private:
    std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, std::weak_ptr<void>> held_;
};

}  // namespace portico::gateway
