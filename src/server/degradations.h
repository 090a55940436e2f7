// What is served without something that it should have, and why, as workers tell it: an issuer whose keys were never fetched. Read by the
// control thread for /ready. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace portico::server {

class Degradations {
  public:
    // @param owner  whose trouble it is: once nobody holds it any more, nothing is said of it
    // @param why    empty: it is well again
    void tell(const std::shared_ptr<const void>& owner, std::string what, std::string why) {
        const std::lock_guard lock(mutex_);
        if (why.empty()) troubles_.erase(owner.get());
        else troubles_.insert_or_assign(owner.get(), Trouble{owner, std::move(what) + ": " + why});
    }
    std::vector<std::string> all() const {
        const std::lock_guard lock(mutex_);
        std::erase_if(troubles_, [](const auto& t) { return t.second.owner.expired(); });
        std::vector<std::string> texts;
        for (const auto& [owner, trouble] : troubles_) texts.push_back(trouble.text);
        return texts;
    }

  private:
    struct Trouble {
        std::weak_ptr<const void> owner;
        std::string text;
    };
    mutable std::mutex mutex_;
    mutable std::map<const void*, Trouble> troubles_;
};

}  // namespace portico::server
