// Names to addresses, asynchronously, with their time to live (c-ares on the loop). One Resolver a process, on the control
// thread's loop; what it finds is posted to the workers. Knows nothing of services.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "io/loop.h"

namespace portico::io {

struct DnsOptions {
    std::vector<SocketAddress> servers;  // empty: the system's (/etc/resolv.conf)
    Duration timeout = std::chrono::seconds(2);  // one query to one server; two tries
};

struct DnsAnswer {
    std::vector<IpAddress> addresses;  // sorted, each once; IPv4 before IPv6
    Duration ttl{};                    // the smallest of the records; zero for /etc/hosts
};

class Resolver {
  public:
    using Callback = std::function<void(Result<DnsAnswer>)>;

    // @errors io
    static Result<std::unique_ptr<Resolver>> make(Loop& loop, const DnsOptions& options);
    virtual ~Resolver() = default;
    // Looks `name` up (A and AAAA). The callback runs on the loop's thread, never from inside this call; not at all once the
    // Resolver is destroyed. @errors upstream_unresolved
    virtual void resolve(const std::string& name, Callback callback) = 0;
    // New servers for the queries that follow.
    virtual void configure(const DnsOptions& options) = 0;
};

}  // namespace portico::io
