#include "gateway/client_address.h"

#include <algorithm>

#include "base/text.h"

namespace portico::gateway {
namespace {

using http::FieldName;

std::string_view unquoted(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return text;
    return text.substr(1, text.size() - 2);
}

// An address as proxies write it: bare, in brackets, with a port.
std::optional<IpAddress> address_in(std::string_view text) {
    text = unquoted(text);
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == std::string_view::npos || (end + 1 < text.size() && text[end + 1] != ':')) return std::nullopt;
        return IpAddress::parse(text.substr(1, end - 1));
    }
    if (const size_t colon = text.find(':'); colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
        text = text.substr(0, colon);
    }
    return IpAddress::parse(text);
}

// RFC 7239: for=…;proto=…;host=…, one element a proxy. An element that does not say once whom it is for stands in the chain as
// one that nobody can read: were it left out, what the client wrote before it would count as the proxy's word.
void read_forwarded(std::string_view value, ForwardingFields& into) {
    for_each_element(value, [&](std::string_view element) {
        std::string_view who;
        size_t named = 0;
        while (!element.empty()) {
            const size_t end = std::min(element.find(';'), element.size());
            const std::string_view pair = trim_ows(element.substr(0, end));
            element.remove_prefix(std::min(end + 1, element.size()));
            const size_t eq = pair.find('=');
            if (eq == std::string_view::npos) continue;
            const std::string_view name = pair.substr(0, eq), v = pair.substr(eq + 1);
            if (iequals(name, "for")) {
                who = v;
                ++named;
            } else if (iequals(name, "proto")) {
                into.proto = unquoted(v);
            } else if (iequals(name, "host")) {
                into.host = unquoted(v);
            }
        }
        into.chain.push_back(named == 1 ? who : std::string_view{});
    });
}

}  // namespace

ClientSource::ClientSource(std::string_view header)
    : form(http::is_same_name(header, "X-Forwarded-For") ? Form::chain
           : http::is_same_name(header, "Forwarded")     ? Form::forwarded
                                                         : Form::address),
      name(header) {}

ForwardingFields read_forwarding(const http::FieldList& fields, const ClientSource& source) {
    ForwardingFields f;
    size_t addresses = 0;
    for (const http::Field& field : fields) {
        if (source.form == ClientSource::Form::forwarded) {
            if (field.id == FieldName::forwarded) read_forwarded(field.value, f);
            continue;
        }
        if (field.id == FieldName::x_forwarded_proto) f.proto = field.value;
        else if (field.id == FieldName::x_forwarded_host) f.host = field.value;
        else if (field.id == FieldName::x_forwarded_port) f.port = field.value;
        if (source.form == ClientSource::Form::chain) {
            if (field.id == FieldName::x_forwarded_for) for_each_element(field.value, [&](std::string_view e) { f.chain.push_back(e); });
        } else if (iequals(field.name, source.name)) {
            // Of two, one may be the client's own: neither can be believed.
            f.chain.assign(1, ++addresses == 1 ? field.value : std::string_view{});
        }
    }
    return f;
}

FoundClient find_client(const ForwardingFields& said, const IpAddress& peer, std::span<const Cidr> trusted) {
    FoundClient found{peer, {}};
    std::vector<std::string> hops;  // the nearest first
    for (size_t i = said.chain.size(); i > 0; --i) {
        const bool too_far = hops.size() == kMostHops;
        found.address = too_far ? std::nullopt : address_in(said.chain[i - 1]);
        hops.push_back(found.address ? found.address->text() : std::string(kNoAddress));
        if (!found.address || !is_trusted(trusted, *found.address)) break;
    }
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) found.passed.append(found.passed.empty() ? "" : ", ").append(*hop);
    return found;
}

bool is_trusted(std::span<const Cidr> trusted, const IpAddress& ip) {
    return std::ranges::any_of(trusted, [&](const Cidr& c) { return c.contains(ip); });
}

}  // namespace portico::gateway
