#include "base/held.h"

namespace portico {
namespace {

// Of every thread that ever held something. Pushed to, never taken from.
std::atomic<HeldMemory*> all{nullptr};

}  // namespace

std::string_view word_of(Holding what) {
    switch (what) {
        case Holding::request_bodies: return "request_bodies";
        case Holding::response_bodies: return "response_bodies";
        case Holding::documents: return "documents";
        case Holding::codings: return "codings";
        case Holding::made: return "made";
        case Holding::count_: break;
    }
    return "";
}

HeldMemory& HeldMemory::make_here() {
    mine_ = new HeldMemory;
    mine_->next_ = all.load(std::memory_order_relaxed);
    while (!all.compare_exchange_weak(mine_->next_, mine_, std::memory_order_release, std::memory_order_relaxed)) {
    }
    return *mine_;
}

HeldMemory::Host& HeldMemory::enter(const IpAddress& host) {
    Host& entered = hosts_[host];
    entered.address = host;
    ++entered.holders;
    return entered;
}

void HeldMemory::forget_unused(Host& host) {
    if (host.bytes == 0 && host.holders == 0) hosts_.erase(IpAddress(host.address));
}

uint64_t HeldMemory::total(Holding what) {
    uint64_t sum = 0;
    for (const HeldMemory* m = all.load(std::memory_order_acquire); m != nullptr; m = m->next_) {
        sum += m->kinds_[static_cast<size_t>(what)].now();
    }
    return sum;
}

}  // namespace portico
