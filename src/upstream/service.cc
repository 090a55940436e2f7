#include "upstream/service.h"

#include <algorithm>

namespace portico::upstream {

std::vector<std::shared_ptr<Endpoint>> Service::endpoints_of(const ResolvedService& resolved, PoolLimits limits, const Service& before) const {
    std::vector<std::shared_ptr<Endpoint>> all;
    for (const ResolvedEndpoint& r : resolved) {
        for (const SocketAddress& address : r.addresses) {
            const auto same = [&](const std::shared_ptr<Endpoint>& e) {
                return e->address() == address && e->authority() == r.authority && e->tls().same_as(r.tls);
            };
            if (std::ranges::any_of(all, same)) continue;
            if (const auto kept = std::ranges::find_if(before.endpoints_, same); kept != before.endpoints_.end()) {
                (*kept)->renew(limits, r.tls);
                all.push_back(*kept);
            } else {
                all.push_back(std::make_shared<Endpoint>(loop_, address, r.authority, limits, meter_, r.tls));
            }
        }
    }
    return all;
}

void Service::update(const ResolvedService& resolved, PoolLimits limits) {
    auto fresh = endpoints_of(resolved, limits, *this);
    fresh.swap(endpoints_);
    drain_missing(fresh);
}

void Service::succeed(const Service& before, const ResolvedService& resolved, PoolLimits limits) {
    endpoints_ = endpoints_of(resolved, limits, before);
    next_ = before.next_;
    drain_missing(before.endpoints_);
}

void Service::drain_missing(const std::vector<std::shared_ptr<Endpoint>>& before) const {
    for (const auto& e : before) {
        if (std::ranges::find(endpoints_, e) == endpoints_.end()) e->drain();
    }
}

std::shared_ptr<Endpoint> Service::pick(const std::vector<const Endpoint*>& tried) {
    const size_t n = endpoints_.size();
    if (n == 0) return nullptr;
    if (n == 1) return endpoints_.front();
    const size_t start = next_++ % n;
    const Time now = loop_.now();
    const std::shared_ptr<Endpoint>* second = nullptr;
    for (size_t i = 0; i < n; ++i) {
        const auto& e = endpoints_[(start + i) % n];
        if (std::ranges::find(tried, e.get()) != tried.end()) continue;
        if (!e->avoided(now)) return e;
        if (second == nullptr) second = &e;
    }
    return second != nullptr ? *second : endpoints_[start];
}

void Service::drain() {
    for (const auto& e : endpoints_) e->drain();
}

}  // namespace portico::upstream
