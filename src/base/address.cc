#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace portico {
namespace {
constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
}

IpAddress IpAddress::of_host() const {
    IpAddress host = *this;
    if (!is_v4()) std::fill(host.bytes.begin() + 8, host.bytes.end(), uint8_t{0});
    return host;
}

bool IpAddress::is_v4() const { return std::memcmp(bytes.data(), kMapped, sizeof kMapped) == 0; }

std::string IpAddress::text() const {
    char buffer[INET6_ADDRSTRLEN];
    if (is_v4()) return inet_ntop(AF_INET, bytes.data() + 12, buffer, sizeof buffer);
    return inet_ntop(AF_INET6, bytes.data(), buffer, sizeof buffer);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
    char buffer[INET6_ADDRSTRLEN];
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = 0;
    if (std::strlen(buffer) != text.size()) return std::nullopt;
    IpAddress ip;
    std::memcpy(ip.bytes.data(), kMapped, sizeof kMapped);
    if (inet_pton(AF_INET, buffer, ip.bytes.data() + 12) == 1) return ip;
    if (inet_pton(AF_INET6, buffer, ip.bytes.data()) == 1) return ip;
    return std::nullopt;
}

IpAddress IpAddress::v4(uint32_t host_order) {
    IpAddress ip;
    std::memcpy(ip.bytes.data(), kMapped, sizeof kMapped);
    const uint32_t net = htonl(host_order);
    std::memcpy(ip.bytes.data() + 12, &net, 4);
    return ip;
}

std::string SocketAddress::text() const {
    return (ip.is_v4() ? ip.text() : "[" + ip.text() + "]") + ":" + std::to_string(port);
}

std::string ListenAddress::described() const { return text() + (ipv6_only ? " (IPv6 alone)" : ""); }

bool ListenAddress::overlaps(const ListenAddress& other) const {
    if (port != other.port) return false;
    if (ip == other.ip) return true;
    const auto holds = [](const ListenAddress& all, const IpAddress& one) {
        if (all.ip == IpAddress::v4(0)) return one.is_v4();
        return all.ip == IpAddress() && (!all.ipv6_only || !one.is_v4());
    };
    return holds(*this, other.ip) || holds(other, ip);
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_decimal<uint16_t>(text.substr(colon + 1));
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto ip = IpAddress::parse(host);
    if (!port || !ip || bracketed == (host.find(':') == std::string_view::npos)) return std::nullopt;
    return SocketAddress{*ip, *port};
}

std::string comparable_host(std::string_view host) {
    const auto ip = IpAddress::parse(host);
    if (!ip && host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
    const bool local = ip ? *ip == IpAddress() || *ip == IpAddress::v4(0) || *ip == IpAddress::v4(0x7F000001) || *ip == *IpAddress::parse("::1")
                          : host == "localhost" || host.ends_with(".localhost");
    if (local) return "localhost";
    return ip ? ip->text() : std::string(host);
}

SocketAddress SocketAddress::from(const sockaddr* address) {
    SocketAddress r;
    if (address->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, address, sizeof in);
        r.ip = IpAddress::v4(ntohl(in.sin_addr.s_addr));
        r.port = ntohs(in.sin_port);
    } else if (address->sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, address, sizeof in);
        std::memcpy(r.ip.bytes.data(), &in.sin6_addr, 16);
        r.port = ntohs(in.sin6_port);
    }
    return r;
}

uint32_t SocketAddress::to(sockaddr_storage& out) const {
    std::memset(&out, 0, sizeof out);
    if (ip.is_v4()) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, ip.bytes.data() + 12, 4);
        std::memcpy(&out, &in, sizeof in);
        return sizeof in;
    }
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, ip.bytes.data(), 16);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
}

namespace {

// An address and a prefix length, whatever bits stand beyond it.
std::optional<Cidr> parse_block(std::string_view text) {
    const size_t slash = text.find('/');
    const auto ip = IpAddress::parse(text.substr(0, slash));
    if (!ip) return std::nullopt;
    const unsigned offset = text.substr(0, slash).find(':') == std::string_view::npos ? 96 : 0;
    unsigned bits = 128;
    if (slash != std::string_view::npos) {
        const auto n = parse_decimal<unsigned>(text.substr(slash + 1));
        if (!n || *n > 128 - offset) return std::nullopt;
        bits = *n + offset;
    }
    // IPv4 addresses as IPv6 writes them begin at bit 96: what is shorter holds more than those.
    if (ip->is_v4() && bits < 96) return std::nullopt;
    return Cidr{*ip, static_cast<uint8_t>(bits)};
}

IpAddress masked(IpAddress ip, unsigned bits) {
    for (unsigned i = bits; i < 128; ++i) ip.bytes[i / 8] &= static_cast<uint8_t>(~(0x80u >> (i % 8)));
    return ip;
}

}  // namespace

std::optional<Cidr> Cidr::parse(std::string_view text) {
    const auto block = parse_block(text);
    if (!block || masked(block->network, block->bits) != block->network) return std::nullopt;
    return block;
}

std::optional<std::string> Cidr::network_of(std::string_view text) {
    const auto block = parse_block(text);
    if (!block) return std::nullopt;
    return masked(block->network, block->bits).text() + std::string(text.substr(std::min(text.find('/'), text.size())));
}

bool Cidr::contains(const IpAddress& ip) const {
    // A short IPv6 prefix would hold the place where IPv4 addresses are mapped to.
    if (bits < 96 && ip.is_v4()) return false;
    const size_t whole = bits / 8;
    if (std::memcmp(network.bytes.data(), ip.bytes.data(), whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const auto mask = static_cast<uint8_t>(0xff << (8 - bits % 8));
    return (network.bytes[whole] & mask) == (ip.bytes[whole] & mask);
}

}  // namespace portico
