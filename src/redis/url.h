// Where a store is, as the configuration writes it:
//
//     redis://[[user]:password@]host[:6379][/db]              rediss:// the same over TLS
//     redis+sentinel://[…@]host[:26379],host…/master[/db]      rediss+sentinel://
//     redis+cluster://[…@]host[:6379],host…                    rediss+cluster://
//
// User and password may be percent-encoded; an IPv6 address stands in brackets. Knows no socket.
#pragma once

#include <cstdint>
#include <expected>
#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace portico::redis {

struct HostPort {
    std::string host;  // a name, or an address without brackets
    uint16_t port = 0;
    // "host:port", an IPv6 address in brackets
    std::string text() const;
    auto operator<=>(const HostPort&) const = default;
};

enum class Topology : uint8_t { single, sentinel, cluster };

struct Url {
    Topology topology = Topology::single;
    bool tls = false;
    std::string user;  // empty: the default user
    std::string password;
    std::vector<HostPort> hosts;  // the server; the sentinels; some of the cluster's nodes. Never empty
    std::string master;           // the name that the sentinels know it by
    uint32_t database = 0;

    // @returns the fault in plain words otherwise, which never hold the password
    static std::expected<Url, std::string> parse(std::string_view text);
    // For logs: without user and password.
    std::string text() const;
    bool operator==(const Url&) const = default;
};

}  // namespace portico::redis
