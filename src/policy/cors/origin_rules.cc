#include "policy/cors/origin_rules.h"

#include <algorithm>

#include "base/address.h"
#include "base/text.h"

namespace portico::policy::cors {
namespace {

bool is_label_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

// Labels with single dots between them.
bool is_domain(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos) return false;
    return std::ranges::all_of(text, [](char c) { return c == '.' || is_label_character(c); });
}

bool is_scheme(std::string_view text) {
    return !text.empty() && text[0] >= 'a' && text[0] <= 'z' &&
           std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'; });
}

struct Parts {
    std::string scheme, host, port;
    std::string text() const { return scheme + "://" + host + (port.empty() ? "" : ":" + port); }
};

// A host in the form that browsers send: a domain, or an address (IPv6 in brackets, in its short form).
bool normalise_host(std::string& host) {
    if (!host.starts_with('[')) return is_domain(host);
    const auto ip = host.ends_with(']') ? IpAddress::parse(std::string_view(host).substr(1, host.size() - 2)) : std::nullopt;
    if (ip) host = "[" + ip->text() + "]";
    return ip.has_value();
}

std::optional<OriginFault> take_apart(std::string_view text, Parts& parts) {
    const std::string lower = to_lower(text);
    const size_t colon = lower.find("://");
    if (colon == std::string::npos) {
        const bool local = lower.starts_with("localhost") || lower.starts_with("127.");
        return OriginFault{"an origin has a scheme, found \"" + std::string(text) + "\"",
                           "did you mean " + std::string(local ? "http://" : "https://") + lower + "?"};
    }
    parts.scheme = lower.substr(0, colon);
    const std::string rest = lower.substr(colon + 3);
    const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    std::string authority = rest.substr(0, end);
    if (end < rest.size()) {
        return OriginFault{"an origin ends behind its host and port, found \"" + std::string(text) + "\"",
                           "did you mean " + parts.scheme + "://" + authority + "?"};
    }
    const size_t port_at = authority.rfind(':');
    if (port_at != std::string::npos && authority.find(']', port_at) == std::string::npos) {
        parts.port = authority.substr(port_at + 1);
        authority.resize(port_at);
        const auto port = parse_decimal<uint16_t>(parts.port);
        if (!port || *port == 0) {
            return OriginFault{"\"" + parts.port + "\" is not a port, in \"" + std::string(text) + "\"", parts.port == "*" ? "list each port" : ""};
        }
        parts.port = std::to_string(*port);
        // Browsers leave the default port out.
        if ((parts.scheme == "https" && *port == 443) || (parts.scheme == "http" && *port == 80)) parts.port.clear();
    }
    parts.host = authority;
    if (!is_scheme(parts.scheme)) return OriginFault{"\"" + parts.scheme + "\" is not a scheme, in \"" + std::string(text) + "\"", {}};
    return std::nullopt;
}

}  // namespace

bool OriginRules::Family::holds(std::string_view origin) const {
    return origin.size() > front.size() + back.size() && origin.starts_with(front) && origin.ends_with(back) &&
           is_domain(origin.substr(front.size(), origin.size() - front.size() - back.size()));
}

std::optional<OriginFault> OriginRules::add(std::string_view text) {
    if (text == "*") {
        any_ = true;
        return std::nullopt;
    }
    if (text == "null") {
        null_ = true;
        return std::nullopt;
    }
    Parts parts;
    if (auto fault = take_apart(text, parts)) return fault;
    if (!parts.host.starts_with("*.")) {
        if (!normalise_host(parts.host)) {
            return OriginFault{"\"" + parts.host + "\" is not a host, in \"" + std::string(text) + "\"",
                               parts.host.find('*') != std::string::npos ? "a star stands for the first labels: https://*.example.com" : ""};
        }
        const std::string whole = parts.text();
        const auto at = std::ranges::lower_bound(exact_, whole);
        if (at == exact_.end() || *at != whole) exact_.insert(at, whole);
        return std::nullopt;
    }
    const std::string domain = parts.host.substr(2);
    if (!is_domain(domain)) return OriginFault{"\"" + parts.host + "\" is not a host, in \"" + std::string(text) + "\"", {}};
    if (domain.find('.') == std::string::npos && domain != "localhost") {
        return OriginFault{"\"" + std::string(text) + "\" would take everybody's domains below ." + domain, "name the domain: https://*.example." + domain};
    }
    families_.push_back({parts.scheme + "://", "." + domain + (parts.port.empty() ? "" : ":" + parts.port)});
    return std::nullopt;
}

bool OriginRules::admits(std::string_view origin) const {
    if (origin == "null") return null_ || any_;
    if (any_) return true;
    if (std::ranges::binary_search(exact_, origin, {}, [](const auto& s) { return std::string_view(s); })) return true;
    return std::ranges::any_of(families_, [&](const Family& f) { return f.holds(origin); });
}

}  // namespace portico::policy::cors
