#include "upstream/service.h"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace portico::upstream {

namespace {

constexpr size_t kMostTrouble = 300;  // bytes of what is said of names; a service may have thousands

// Endpoints by their address: a service may have thousands, and each change of a name goes through all of them.
class ByAddress {
  public:
    void add(const std::shared_ptr<Endpoint>& endpoint) { endpoints_[endpoint->address()].push_back(endpoint); }
    std::shared_ptr<Endpoint> find(const SocketAddress& address, const ResolvedEndpoint& of) const {
        const auto found = endpoints_.find(address);
        if (found == endpoints_.end()) return nullptr;
        const auto same = std::ranges::find_if(found->second, [&](const auto& e) { return e->authority() == of.authority && e->tls().same_as(of.tls); });
        return same == found->second.end() ? nullptr : *same;
    }

  private:
    std::map<SocketAddress, std::vector<std::shared_ptr<Endpoint>>> endpoints_;
};

}  // namespace

std::vector<std::shared_ptr<Endpoint>> Service::endpoints_of(const ResolvedService& resolved, PoolLimits limits, const Service& before) const {
    ByAddress known, taken;
    for (const auto& e : before.endpoints_) known.add(e);
    std::vector<std::shared_ptr<Endpoint>> all;
    for (const ResolvedEndpoint& r : resolved) {
        for (const SocketAddress& address : r.addresses) {
            if (taken.find(address, r) != nullptr) continue;
            std::shared_ptr<Endpoint> endpoint = known.find(address, r);
            if (endpoint != nullptr) endpoint->renew(limits, r.tls);
            else endpoint = std::make_shared<Endpoint>(loop_, address, r.authority, limits, meter_, r.tls);
            taken.add(endpoint);
            all.push_back(std::move(endpoint));
        }
    }
    return all;
}

void Service::update(const ResolvedService& resolved, PoolLimits limits) {
    auto fresh = endpoints_of(resolved, limits, *this);
    note_unresolved(resolved);
    fresh.swap(endpoints_);
    drain_missing(fresh);
}

void Service::succeed(const Service& before, const ResolvedService& resolved, PoolLimits limits) {
    endpoints_ = endpoints_of(resolved, limits, before);
    note_unresolved(resolved);
    next_ = before.next_;
    drain_missing(before.endpoints_);
}

void Service::note_unresolved(const ResolvedService& resolved) {
    unresolved_.clear();
    for (const ResolvedEndpoint& r : resolved) {
        if (!r.addresses.empty() || unresolved_.size() > kMostTrouble) continue;
        unresolved_ += (unresolved_.empty() ? "" : ", ") + (r.trouble.empty() ? r.authority + " is not resolved yet" : r.trouble);
    }
}

std::string Service::why_unresolved() const { return "service " + name_ + ": " + (unresolved_.empty() ? "it has no endpoints" : unresolved_); }

void Service::drain_missing(const std::vector<std::shared_ptr<Endpoint>>& before) const {
    std::unordered_set<const Endpoint*> stay;
    for (const auto& e : endpoints_) stay.insert(e.get());
    for (const auto& e : before) {
        if (!stay.contains(e.get())) e->drain();
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
