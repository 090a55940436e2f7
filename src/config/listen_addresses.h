// Which listeners may stand beside each other (LANGUAGE.md §10).
#pragma once

#include "config/fault.h"
#include "config/model.h"

namespace portico::config {

// Two that would get the same connections are a fault. `[::]:80` is IPv6 alone where an IPv4 listener of that port stands beside it: its
// `ipv6_only` is set.
void settle_listen_addresses(Config& config, FaultList& faults);

}  // namespace portico::config
