#include "upstream/service.h"

#include <algorithm>

namespace portico::upstream {

void Service::update(const ResolvedService& resolved, PoolLimits limits) {
    std::vector<std::shared_ptr<Endpoint>> fresh;
    for (const ResolvedEndpoint& r : resolved) {
        for (const SocketAddress& address : r.addresses) {
            const auto same = [&](const std::shared_ptr<Endpoint>& e) {
                return e != nullptr && e->address() == address && e->authority() == r.authority && e->tls().same_as(r.tls);
            };
            if (std::ranges::any_of(fresh, same)) continue;
            const auto kept = std::ranges::find_if(endpoints_, same);
            if (kept != endpoints_.end()) {
                (*kept)->renew(limits, r.tls);
                fresh.push_back(std::move(*kept));
            } else {
                fresh.push_back(std::make_shared<Endpoint>(loop_, address, r.authority, limits, meter_, r.tls));
            }
        }
    }
    for (const auto& gone : endpoints_) {
        if (gone != nullptr) gone->drain();
    }
    endpoints_ = std::move(fresh);
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
    endpoints_.clear();
}

}  // namespace portico::upstream
