// Names to addresses, asynchronously, with their time to live. Layer: io; knows nothing of services, keeps no answers.
// One Resolver a process, on the control thread's loop. c-ares runs on a thread of the Resolver's own: it reads files
// (/etc/hosts, /etc/resolv.conf) while it works, and a thread serves every Backend alike. Everything below is for the
// loop's thread only.
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
    std::vector<SocketAddress> servers;  // empty: those of system_file
    // The first try at a server; the second, and last, waits twice as long. A lookup whose only server is silent thus
    // ends after three times this, with n servers after 3n times.
    Duration timeout = std::chrono::seconds(2);
    // Servers, search domains and options of the system. Read again when it has changed.
    std::string system_file = "/etc/resolv.conf";
};

struct DnsAnswer {
    // Never empty; sorted, each once, IPv4 before IPv6: the same answer compares equal.
    std::vector<IpAddress> addresses;
    // The smallest of the records, aliases included; zero where there is none (/etc/hosts, a literal).
    Duration ttl{};
};

class Resolver {
  public:
    using Callback = std::function<void(Result<DnsAnswer>)>;

    // @requires the loop outlives the Resolver  @errors io
    static Result<std::unique_ptr<Resolver>> make(Loop& loop, const DnsOptions& options);
    // Cancels what is under way (its callbacks are destroyed here, uncalled) and waits for the thread, which waits for
    // nobody.
    virtual ~Resolver() = default;
    // Looks `name` up (A and AAAA, /etc/hosts first). The callback runs on the loop's thread, never from inside this
    // call; it may destroy the Resolver. Where only one family could be had, the answer is that.
    // @errors upstream_unresolved
    virtual void resolve(const std::string& name, Callback callback) = 0;
    // New servers for the lookups that follow; those under way are still answered by the old ones.
    virtual void configure(const DnsOptions& options) = 0;
};

}  // namespace portico::io
