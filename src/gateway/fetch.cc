#include "gateway/fetch.h"

#include <algorithm>
#include <span>

#include "base/text.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

// Of a name: each is an endpoint that is made for this fetch alone.
constexpr size_t kMostAddresses = 64;

}  // namespace

std::optional<FetchUrl> FetchUrl::parse(std::string_view text) {
    FetchUrl url;
    url.tls = text.starts_with("https://");
    if (!url.tls && !text.starts_with("http://")) return std::nullopt;
    text.remove_prefix(url.tls ? 8 : 7);
    const size_t end = std::min(text.find_first_of("/?#"), text.size());
    url.authority = to_lower(text.substr(0, end));
    url.target = text.substr(end);
    if (url.target.empty() || url.target[0] == '?') url.target.insert(0, 1, '/');
    for (const char c : url.target) {
        if (c <= ' ' || c == '#' || c == 0x7F) return std::nullopt;
    }
    if (!http::is_valid_authority(url.authority)) return std::nullopt;
    std::string_view host = url.authority;
    url.port = url.tls ? 443 : 80;
    const size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && (host.front() != '[' || host.find(']') < colon)) {
        const auto port = parse_decimal<uint16_t>(host.substr(colon + 1));
        if (!port || *port == 0) return std::nullopt;
        url.port = *port;
        host = host.substr(0, colon);
    }
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    if (host.empty()) return std::nullopt;
    url.host = host;
    return url;
}

bool FetchUrl::is_loopback() const {
    if (host == "localhost") return true;
    const auto ip = IpAddress::parse(host);
    return ip && (ip->is_v4() ? ip->bytes[12] == 127 : *ip == *IpAddress::parse("::1"));
}

io::Task<Result<void>> fetch(Context& context, const FetchUrl& url, std::shared_ptr<const io::TlsClient> tls, Duration timeout,
                             uint32_t max_body, upstream::CallAnswer& answer) {
    const Time deadline = context.loop.precise_now() + timeout;
    if (url.tls && tls == nullptr) co_return fail(Fault::upstream_tls, "no TLS for " + url.authority);
    if (!context.resolve) co_return fail(Fault::upstream_unresolved, url.host);
    auto addresses = co_await context.resolve(url.host, deadline);
    if (!addresses) co_return fail(std::move(addresses).error());
    upstream::ResolvedEndpoint endpoint{url.authority, {}};
    if (url.tls) endpoint.tls = {std::move(tls), url.host};
    for (const IpAddress& ip : std::span(*addresses).first(std::min(addresses->size(), kMostAddresses))) endpoint.addresses.push_back({ip, url.port});
    upstream::Service service(context.loop, url.authority);
    upstream::PoolLimits limits;
    limits.max_idle = 0;
    service.update({endpoint}, limits);
    http::FieldList fields;
    fields.add("Accept", "application/json");
    upstream::CallRequest request;
    request.target = url.target;
    request.fields = &fields;
    request.max_body = max_body;
    request.timeouts.connect = request.timeouts.first_byte = request.timeouts.idle = timeout;
    request.timeouts.total = deadline - context.loop.precise_now();
    auto done = co_await upstream::call(context.loop, service, request, answer);
    service.drain();
    co_return done;
}

}  // namespace portico::gateway
