#include "config/listen_addresses.h"

#include <algorithm>

namespace portico::config {
namespace {

std::string written(const ListenAddress& a) { return a.every_family ? ":" + std::to_string(a.port) : a.text(); }

void say(const ListenerConfig& one, const ListenerConfig& other, const char* path, FaultList& faults) {
    const std::string first = written(other.address), second = written(one.address);
    const std::string line = " (line " + std::to_string(other.mark.line) + ")";
    if (first == second) return faults.error(one.mark, path, "duplicate-address", "two listeners have the address " + first);
    // Of one that means both families the other takes one.
    const ListenerConfig& narrow = one.address.every_family ? other : one;
    const std::string port = ":" + std::to_string(one.address.port);
    const bool families = one.address.every_family || other.address.every_family;
    faults.error(one.mark, path, "duplicate-address", second + " and " + first + line + " would get the same connections",
                 !families ? "leave one out" : narrow.address.ip.is_v4() ? "write [::]" + port + " for IPv6 alone" : "write 0.0.0.0" + port + " for IPv4 alone");
}

}  // namespace

void settle_listen_addresses(Config& config, FaultList& faults) {
    std::vector<ListenerConfig*> all;
    for (ListenerConfig& l : config.listeners) all.push_back(&l);
    if (config.admin) all.push_back(&*config.admin);
    std::erase_if(all, [](const ListenerConfig* l) { return l->address.port == 0; });  // each gets a port of its own
    for (ListenerConfig* six : all) {
        if (six->address.ip != IpAddress() || six->address.every_family) continue;
        six->address.ipv6_only =
            std::ranges::any_of(all, [&](const ListenerConfig* four) { return four->address.ip.is_v4() && four->address.port == six->address.port; });
    }
    for (size_t i = 0; i < all.size(); ++i) {
        const auto before = std::ranges::find_if(all.begin(), all.begin() + static_cast<ptrdiff_t>(i), [&](const ListenerConfig* o) { return o->address.overlaps(all[i]->address); });
        if (before != all.begin() + static_cast<ptrdiff_t>(i)) say(*all[i], **before, config.admin && all[i] == &*config.admin ? "admin" : "listeners", faults);
    }
}

}  // namespace portico::config
