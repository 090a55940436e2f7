#include "edge/eviction.h"

namespace portico::edge {

Eviction::Member* Eviction::next() {
    if (Member* lingering = lingering_.pop_front()) return lingering;
    for (uint32_t most = most_; most > 0; --most) {
        Member* found = nullptr;
        by_count_[most].for_each_while([&](Host& host) {
            found = host.unused_.empty() ? host.waiting_.pop_front() : host.unused_.pop_front();
            return found == nullptr;
        });
        if (found != nullptr) return found;
    }
    return nullptr;
}

Eviction::Host& Eviction::enter(const IpAddress& client) {
    const IpAddress address = client.of_host();
    Host& host = hosts_[address];
    host.eviction_ = this;
    host.address_ = address;
    count(host, host.connections_ + 1);
    return host;
}

void Eviction::leave(Host& host) {
    count(host, host.connections_ - 1);
    if (host.connections_ == 0) hosts_.erase(IpAddress(host.address_));
}

void Eviction::count(Host& host, uint32_t connections) {
    host.connections_ = connections;
    while (by_count_.size() <= connections) by_count_.emplace_back();
    if (connections > 0) by_count_[connections].push_back(host);
    else static_cast<ListHook<Bucket>&>(host).unlink();
    most_ = std::max(most_, connections);
    while (most_ > 0 && by_count_[most_].empty()) --most_;
}

}  // namespace portico::edge
