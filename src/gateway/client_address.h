// Who the client is where proxies stand in front: what a trusted one says of it, and the address that follows from that
// (LANGUAGE.md §6). Pure: header fields and addresses in, an address out.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "http/fields.h"

namespace portico::gateway {

// What stands for a client without an address: in X-Forwarded-For (RFC 7239 §6.2), in the log and in a limit's key.
inline constexpr std::string_view kNoAddress = "unknown";

// Which header of a trusted proxy names the client. One is asked: another one may be the client's own, passed on.
struct ClientSource {
    enum class Form : uint8_t {
        chain,      // X-Forwarded-For: a list, each proxy's peer at its end
        forwarded,  // RFC 7239, which says proto and host as well
        address,    // one address, such as X-Real-IP
    };
    explicit ClientSource(std::string_view header = "X-Forwarded-For");
    Form form;
    std::string name;
};

// What a trusted proxy says. Views of the fields.
struct ForwardingFields {
    // One proxy's word of whom it was asked by. Only Forwarded says proto and host with it.
    struct Hop {
        std::string_view address;  // as it was written
        std::string_view proto{}, host{};
    };
    std::vector<Hop> chain;  // the client's end first; empty: it says nothing of addresses
    std::string_view proto;
    std::string_view host;
    std::string_view port;
};
// Of X-Forwarded-Proto, -Host and -Port too, but where Forwarded is asked.
ForwardingFields read_forwarding(const http::FieldList& fields, const ClientSource& source);

struct FoundClient {
    // None: it was said, but in no form that can be read ("unknown", `for=_x`, a zone), or behind more than kMostHops trusted proxies.
    std::optional<IpAddress> address;
    std::string passed;                // what goes before the peer in X-Forwarded-For; empty: nothing
    // How the client asked, as the trusted proxy that is nearest to it says: what stands before that in a Forwarded is the client's own.
    std::string_view proto{}, host{};
};
// No request passes as many proxies: who writes such a chain only asks for work.
inline constexpr size_t kMostHops = 100;
// From the right: past every trusted proxy to the first address that is none, or to the last that was named.
FoundClient find_client(const ForwardingFields& said, const IpAddress& peer, std::span<const Cidr> trusted);

bool is_trusted(std::span<const Cidr> trusted, const IpAddress& ip);

}  // namespace portico::gateway
