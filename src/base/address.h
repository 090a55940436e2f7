// IP addresses, ports and CIDR blocks as values. IPv4 is kept as an IPv4-mapped IPv6 address, so that one comparison
// serves both families. No I/O.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;
struct sockaddr_storage;

namespace portico {

struct IpAddress {
    std::array<uint8_t, 16> bytes{};

    bool is_v4() const;
    // Whom shares are counted by: an IPv4 address, or the /64 of an IPv6 address, all of which one host may use (RFC 4291 §2.5.4).
    IpAddress of_host() const;
    // Dotted quad, or RFC 5952 text for IPv6.
    std::string text() const;
    // @returns none for anything but a whole IPv4 or IPv6 literal (no brackets, no zone, no port)
    static std::optional<IpAddress> parse(std::string_view text);
    static IpAddress v4(uint32_t host_order);
    bool operator==(const IpAddress&) const = default;
    auto operator<=>(const IpAddress&) const = default;
};

// Hosts of which these texts are equal are one to whoever connects to them: other spellings of an address, a name with and without its
// last dot, and the names of this machine ("localhost" and below it, 127.0.0.1, ::1, "every address": 0.0.0.0 and ::).
// @param host a name in lower case, or an address without brackets
std::string comparable_host(std::string_view host);

struct SocketAddress {
    IpAddress ip;
    uint16_t port = 0;

    // "127.0.0.1:80", "[::1]:80"
    std::string text() const;
    // @returns none unless the text is `IPv4:port` or `[IPv6]:port`
    static std::optional<SocketAddress> parse(std::string_view text);
    static SocketAddress from(const sockaddr* address);
    // Writes the address for the kernel. @returns its length
    uint32_t to(sockaddr_storage& out) const;
    bool operator==(const SocketAddress&) const = default;
    auto operator<=>(const SocketAddress&) const = default;
};

// Where to listen.
struct ListenAddress : SocketAddress {
    bool every_family = false;  // written as ":80": of both families, or of IPv4 alone where the machine has no IPv6
    bool ipv6_only = false;     // [::] without the connections of IPv4 that it would get as well

    // "0.0.0.0:80", "[::]:80", "[::]:80 (IPv6 alone)"
    std::string described() const;
    // Whether some connections could come in by both. Two that are equal overlap, as do those that the other's "every address" holds.
    bool overlaps(const ListenAddress& other) const;
    bool operator==(const ListenAddress&) const = default;
    auto operator<=>(const ListenAddress&) const = default;
};

struct Cidr {
    IpAddress network;
    uint8_t bits = 128;  // prefix length in the 128-bit form: an IPv4 /8 is 104

    // "10.0.0.0/8", "2001:db8::/32", or one address. A prefix counts in the notation that it stands behind: `::ffff:10.0.0.0/104` is
    // 10.0.0.0/8.
    // @returns none also where bits beyond the prefix are set (10.0.0.1/8): most likely a slip
    static std::optional<Cidr> parse(std::string_view text);
    // The block that `text` would be without its bits beyond the prefix: 10.0.0.0/8 for 10.0.0.1/8.
    // @returns none where the text is no address and prefix length at all
    static std::optional<std::string> network_of(std::string_view text);
    // The families are told apart: `::/0` holds no IPv4 address. An IPv4-mapped address is the IPv4 address that it maps.
    bool contains(const IpAddress& ip) const;
    bool operator==(const Cidr&) const = default;
};

}  // namespace portico
