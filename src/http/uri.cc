#include "http/uri.h"

#include <algorithm>

#include "base/address.h"
#include "base/text.h"
#include "http/characters.h"
#include "http/scan.h"

namespace portico::http {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_port(std::string_view text) {
    if (text.empty()) return true;  // RFC 3986 §3.2.3: *DIGIT
    uint32_t port = 0;
    for (const char c : text) {
        if (!is_digit(c)) return false;
        port = port * 10 + static_cast<uint32_t>(c - '0');
        if (port > 65535) return false;
    }
    return port != 0;
}

// Labels of unreserved characters between single dots; one dot may end the name.
bool is_registered_name(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.empty() || host.size() > 253) return false;
    char before = '.';
    for (const char c : host) {
        if (!is(kUnreservedChar, c) || (c == '.' && before == '.')) return false;
        before = c;
    }
    return before != '.';
}

// Splits host[:port]; the host keeps its brackets. @returns false where the two cannot be told apart
bool split_authority(std::string_view authority, std::string_view& host, std::string_view& port) {
    size_t end = authority.find(':');
    if (authority.starts_with('[')) {
        end = authority.find(']');
        if (end == std::string_view::npos) return false;
        ++end;
        if (end < authority.size() && authority[end] != ':') return false;
    }
    host = authority.substr(0, end);
    port = end < authority.size() ? authority.substr(end + 1) : std::string_view{};
    return true;
}

Result<Target> absolute_form(std::string_view target) {
    Target out;
    out.form = TargetForm::absolute;
    const size_t colon = target.find("://");
    if (colon == std::string_view::npos) return fail(Fault::bad_target, "neither a path nor a URI");
    const std::string_view scheme = target.substr(0, colon);
    if (iequals(scheme, "http")) {
        out.scheme = "http";
    } else if (iequals(scheme, "https")) {
        out.scheme = "https";
    } else {
        return fail(Fault::bad_target, "scheme other than http and https");
    }
    const std::string_view rest = target.substr(colon + 3);
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    out.authority = rest.substr(0, end);
    if (!is_valid_authority(out.authority)) return fail(Fault::bad_target, "authority of the target");
    out.path = rest.substr(end);
    return out;
}

}  // namespace

Result<Target> parse_target(std::string_view target, Method method) {
    if (target.empty()) return fail(Fault::bad_target, "empty target");
    if (!is_target(target.data(), target.data() + target.size())) return fail(Fault::bad_target, "byte that no target may hold");
    Target out;
    if (method == Method::connect) {
        const size_t colon = target.rfind(':');
        if (!is_valid_authority(target) || colon == std::string_view::npos || colon + 1 == target.size() ||
            target.ends_with(']')) {
            return fail(Fault::bad_target, "CONNECT wants host:port");
        }
        out.form = TargetForm::authority;
        out.authority = target;
        return out;
    }
    if (target == "*") {
        if (method != Method::options) return fail(Fault::bad_target, "* is for OPTIONS");
        out.form = TargetForm::asterisk;
        out.path = target;
        return out;
    }
    if (target.front() == '/') {
        out.path = target;
    } else {
        auto absolute = absolute_form(target);
        if (!absolute) return fail(std::move(absolute).error());
        out = *absolute;
    }
    const size_t mark = out.path.find('?');
    if (mark != std::string_view::npos) {
        out.has_query = true;
        out.query = out.path.substr(mark + 1);
        out.path = out.path.substr(0, mark);
    }
    if (out.path.empty()) out.path = "/";
    return out;
}

bool is_valid_authority(std::string_view authority) {
    std::string_view host, port;
    if (!split_authority(authority, host, port) || !is_port(port)) return false;
    if (!host.starts_with('[')) return is_registered_name(host);
    const std::string_view literal = host.substr(1, host.size() - 2);
    return literal.find(':') != std::string_view::npos && IpAddress::parse(literal).has_value();
}

std::string_view port_of(std::string_view authority) {
    std::string_view host, port;
    return split_authority(authority, host, port) ? port : std::string_view();
}

bool is_same_authority(std::string_view a, std::string_view b, std::string_view scheme) {
    const auto without_default = [&](std::string_view authority) {
        std::string_view host, port;
        if (!split_authority(authority, host, port)) return authority;
        const auto digits = port.find_first_not_of('0');
        const std::string_view number = digits == std::string_view::npos ? port : port.substr(digits);
        return port.empty() || number == (scheme == "https" ? "443" : "80") ? host : authority;
    };
    return iequals(without_default(a), without_default(b));
}

std::string_view host_of(std::string_view authority, Arena& arena) {
    std::string_view host, port;
    split_authority(authority, host, port);
    if (host.ends_with('.')) host.remove_suffix(1);
    bool upper = false;
    for (const char c : host) upper |= c >= 'A' && c <= 'Z';
    if (!upper) return host;
    const std::span<char> lower = arena.chars(host.size());
    std::ranges::transform(host, lower.begin(), ascii_lower);
    return {lower.data(), lower.size()};
}

}  // namespace portico::http
