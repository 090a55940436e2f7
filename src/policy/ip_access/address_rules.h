// Who may come from where: lists of CIDR blocks. Pure.
#pragma once

#include <algorithm>
#include <vector>

#include "base/address.h"

namespace portico::policy::ip_access {

struct AddressRules {
    std::vector<Cidr> allow;  // empty: everybody who is not denied
    std::vector<Cidr> deny;   // wins over allow

    bool admits(const IpAddress& ip) const {
        const auto holds = [&](const Cidr& c) { return c.contains(ip); };
        if (std::ranges::any_of(deny, holds)) return false;
        return allow.empty() || std::ranges::any_of(allow, holds);
    }
};

}  // namespace portico::policy::ip_access
