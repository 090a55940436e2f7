// Who may come from where: lists of CIDR blocks. Pure.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "base/address.h"

namespace portico::policy::ip_access {

struct AddressRules {
    std::vector<Cidr> allow;  // empty: everybody who is not denied
    std::vector<Cidr> deny;   // wins over allow
    bool unix_allowed = false;  // `unix` stands in allow

    // @param ip none: the client came by a unix socket, or a trusted proxy named no address that can be read. Nobody knows whether
    // it is one of those denied, so only `unix` admits it
    bool admits(const std::optional<IpAddress>& ip) const {
        if (!ip) return unix_allowed;
        const auto holds = [&](const Cidr& c) { return c.contains(*ip); };
        if (std::ranges::any_of(deny, holds)) return false;
        return (allow.empty() && !unix_allowed) || std::ranges::any_of(allow, holds);
    }
};

}  // namespace portico::policy::ip_access
