#include "cli/explain_request.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "base/utf8.h"

namespace portico::cli {

std::optional<std::string> slip_of_headers(const std::vector<std::string>& headers) {
    for (const std::string& header : headers) {
        if (header.find(':') != std::string::npos && !header.starts_with(':')) continue;
        const std::string first(header, 0, header.find(' '));  // what stands behind it may be a credential
        return "-H wants \"Name: value\", and \"" + printable(first, '?') + "\" has no colon behind a name";
    }
    return std::nullopt;
}

std::string request_bytes(const std::string& method, const std::string& url, const std::vector<std::string>& headers) {
    std::string_view rest = url;
    std::string host;
    if (rest.starts_with("http://") || rest.starts_with("https://")) {
        rest = rest.substr(rest.find("//") + 2);
        const size_t slash = std::min(rest.find_first_of("/?"), rest.size());
        host = rest.substr(0, slash);
        rest = rest.substr(slash);
    }
    std::string target(rest);
    if (!target.starts_with('/') && target != "*") target.insert(0, 1, '/');
    std::string text = method + " " + target + " HTTP/1.1\r\n";
    const bool has_host = std::ranges::any_of(headers, [](const std::string& h) { return iequals(std::string_view(h).substr(0, 5), "host:"); });
    if (!has_host) text += "Host: " + (host.empty() ? std::string("localhost") : host) + "\r\n";
    for (const std::string& h : headers) text += h + "\r\n";
    return text + "\r\n";
}

}  // namespace portico::cli
