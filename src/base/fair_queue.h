// What waits for something that is scarce, by whose it is: turns go from one to the next, and where there is no more room, whoever has
// most waiting gives way. So one who asks a thousand times waits for himself, and delays another by one piece of work at a time. Pure;
// one thread, or under a lock. Costs grow with the logarithm of those who wait, but for a push into a full queue and for erase_if, which
// look at each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace portico {

template <class Key, class Item>
class FairQueue {
  public:
    // @param most that wait at a time
    explicit FairQueue(size_t most) : most_(most) {}

    // @returns what has no place any more, where one had to go: the youngest of whoever has most; `item` itself where nobody has more
    // than its own would be
    std::optional<Item> push(const Key& key, Item item) {
        std::optional<Item> displaced;
        if (size_ >= most_) {
            const auto own = shares_.find(key);
            const size_t mine = own == shares_.end() ? 0 : own->second.size();
            const auto fullest = std::ranges::max_element(shares_, {}, [](const auto& share) { return share.second.size(); });
            if (fullest == shares_.end() || fullest->second.size() <= mine + 1) return item;
            displaced = std::move(fullest->second.back());
            fullest->second.pop_back();
            --size_;  // it keeps one at least: it had more than this one would have
        }
        auto [share, fresh] = shares_.try_emplace(key);
        if (fresh) turns_.push_back(key);
        share->second.push_back(std::move(item));
        ++size_;
        return displaced;
    }
    // The oldest of whoever's turn it is.
    std::optional<Item> pop() {
        if (turns_.empty()) return std::nullopt;
        const Key key = std::move(turns_.front());
        turns_.pop_front();
        const auto share = shares_.find(key);
        std::optional<Item> item(std::move(share->second.front()));
        share->second.pop_front();
        --size_;
        if (share->second.empty()) shares_.erase(share);
        else turns_.push_back(key);
        return item;
    }
    // Takes out what `wanted` does not want to wait any longer.
    template <class F>
    void erase_if(F wanted) {
        for (auto share = shares_.begin(); share != shares_.end();) {
            size_ -= std::erase_if(share->second, wanted);
            const auto next = std::next(share);
            if (share->second.empty()) forget(share);
            share = next;
        }
    }
    void clear() {
        shares_.clear();
        turns_.clear();
        size_ = 0;
    }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

  private:
    using Shares = std::map<Key, std::deque<Item>>;
    void forget(typename Shares::iterator share) {
        std::erase(turns_, share->first);
        shares_.erase(share);
    }

    const size_t most_;
    size_t size_ = 0;
    Shares shares_;         // none is empty
    std::deque<Key> turns_;  // each key of shares_ once
};

}  // namespace portico
