#include "redis/url.h"

#include <algorithm>
#include <optional>

#include "base/address.h"
#include "base/text.h"

namespace portico::redis {
namespace {

using Fault = std::unexpected<std::string>;

struct Scheme {
    std::string_view name;
    Topology topology;
    bool tls;
    uint16_t port;
};
constexpr Scheme kSchemes[] = {
    {"redis", Topology::single, false, 6379},
    {"rediss", Topology::single, true, 6379},
    {"redis+sentinel", Topology::sentinel, false, 26379},
    {"rediss+sentinel", Topology::sentinel, true, 26379},
    {"redis+cluster", Topology::cluster, false, 6379},
    {"rediss+cluster", Topology::cluster, true, 6379},
};

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

bool is_name(std::string_view host) {
    return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
        const char l = ascii_lower(c);
        return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || l == '-' || l == '.' || l == '_';
    });
}

std::expected<HostPort, std::string> parse_host(std::string_view text, uint16_t port) {
    HostPort out{{}, port};
    std::string_view after;
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == std::string_view::npos) return Fault("'" + std::string(text) + "' lacks the closing ']'");
        out.host = text.substr(1, end - 1);
        after = text.substr(end + 1);
        const auto ip = IpAddress::parse(out.host);
        if (!ip || out.host.find(':') == std::string::npos) return Fault("'" + out.host + "' is not an IPv6 address");
    } else {
        const size_t colon = std::min(text.find(':'), text.size());
        if (text.find(':', std::min(colon + 1, text.size())) != std::string_view::npos) {
            return Fault("more than one ':' in a host: an IPv6 address stands in brackets, as in redis://[::1]:6379");
        }
        out.host = text.substr(0, colon);
        after = text.substr(colon);
        if (out.host.empty()) return Fault("a host is missing");
        if (!is_name(out.host)) return Fault("'" + out.host + "' is not a host name");
    }
    if (after.empty()) return out;
    const auto number = after[0] == ':' ? parse_decimal<uint16_t>(after.substr(1)) : std::nullopt;
    if (!number || *number == 0) return Fault("after '" + out.host + "' a port from 1 to 65535 was expected");
    out.port = *number;
    return out;
}

// What stands before the '@'. Its text is never part of a message.
std::expected<void, std::string> parse_user(std::string_view text, Url& url) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return Fault("before '@' stands user:password, or :password");
    const auto user = percent_decode(text.substr(0, colon)), password = percent_decode(text.substr(colon + 1));
    if (!user) return Fault("a '%' in the user's name is not followed by two hex digits; write %25 for a '%'");
    if (!password) return Fault("a '%' in the password is not followed by two hex digits; write %25 for a '%'");
    if (password->empty()) return Fault("the password is empty");
    url.user = *user;
    url.password = *password;
    return {};
}

std::expected<void, std::string> parse_database(std::string_view text, Url& url) {
    if (text.empty()) return {};
    const auto number = parse_decimal<uint32_t>(text);
    if (!number || *number > 65535) return Fault("'" + std::string(text) + "' is not a database: a number was expected");
    url.database = *number;
    return {};
}

std::expected<void, std::string> parse_path(std::string_view path, Url& url) {
    switch (url.topology) {
        case Topology::single: return parse_database(path, url);
        case Topology::cluster:
            if (!path.empty() && path != "0") return Fault("a cluster has one database only: nothing may follow its hosts");
            return {};
        case Topology::sentinel: break;
    }
    const size_t slash = std::min(path.find('/'), path.size());
    const auto master = percent_decode(path.substr(0, slash));
    if (!master || master->empty()) {
        return Fault("the master's name is missing: redis+sentinel://host:26379,host:26379/mymaster");
    }
    url.master = *master;
    return parse_database(path.substr(std::min(slash + 1, path.size())), url);
}

}  // namespace

std::string HostPort::text() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::expected<Url, std::string> Url::parse(std::string_view text) {
    const size_t colon = text.find("://");
    if (colon == std::string_view::npos) return Fault("a store's address begins with redis:// or rediss://");
    const std::string name = to_lower(text.substr(0, colon));
    const auto* const scheme = std::ranges::find(kSchemes, std::string_view(name), &Scheme::name);
    if (scheme == std::end(kSchemes)) {
        return Fault("'" + name + "' is not one of redis, rediss, redis+sentinel, redis+cluster (or rediss+…)");
    }
    Url url;
    url.topology = scheme->topology;
    url.tls = scheme->tls;

    // The last '@' ends the password: one inside of it is likelier than one in a host, which may hold none.
    std::string_view rest = text.substr(colon + 3);
    if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
        if (auto r = parse_user(rest.substr(0, at), url); !r) return Fault(std::move(r).error());
        rest = rest.substr(at + 1);
    }
    if (rest.find_first_of("?#") != std::string_view::npos) {
        return Fault("'?' and '#' have no meaning here; in a password they are written %3F and %23, and its '@' %40");
    }
    const size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view hosts = rest.substr(0, slash);
    for (size_t at = 0; at <= hosts.size();) {
        const size_t comma = std::min(hosts.find(',', at), hosts.size());
        auto host = parse_host(hosts.substr(at, comma - at), scheme->port);
        if (!host) return Fault(std::move(host).error());
        url.hosts.push_back(std::move(*host));
        at = comma + 1;
    }
    if (url.topology == Topology::single && url.hosts.size() > 1) {
        return Fault("several hosts need redis+sentinel:// or redis+cluster://");
    }
    if (auto r = parse_path(rest.substr(std::min(slash + 1, rest.size())), url); !r) return Fault(std::move(r).error());
    return url;
}

std::string Url::text() const {
    const auto* const scheme = std::ranges::find_if(
        kSchemes, [this](const Scheme& s) { return s.topology == topology && s.tls == tls; });
    std::string out(scheme->name);
    out += "://";
    for (const HostPort& host : hosts) {
        if (&host != &hosts.front()) out += ',';
        out += host.text();
    }
    if (!master.empty()) out += "/" + master;
    if (database != 0) out += "/" + std::to_string(database);
    return out;
}

}  // namespace portico::redis
