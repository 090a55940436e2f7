#include "edge/eviction.h"

#include <algorithm>

namespace portico::edge {

Eviction::Member* Eviction::next() {
    if (Member* lingering = lingering_.pop_front()) return lingering;
    for (; most_ > 0; --most_) {
        for (IntrusiveList<Host, Bucket>& hosts = by_count_[most_]; !hosts.empty();) {
            Host& host = hosts.front();
            if (Member* const found = host.unused_.empty() ? host.waiting_.pop_front() : host.unused_.pop_front()) return found;
            // All of its connections are being served: it comes back with the first that waits.
            hosts.pop_front();
        }
    }
    return nullptr;
}

void Eviction::stand_by_count(Host& host) {
    while (by_count_.size() <= host.connections_) by_count_.emplace_back();
    by_count_[host.connections_].push_back(host);
    most_ = std::max(most_, host.connections_);
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
    if (connections == 0) static_cast<ListHook<Bucket>&>(host).unlink();
    else if (host.stands_by_count()) stand_by_count(host);
}

}  // namespace portico::edge
