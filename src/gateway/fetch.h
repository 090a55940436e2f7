// One document from a URL that is no configured service: an issuer's keys. Goes over the same upstream client as everything else,
// with an endpoint of its own that is gone afterwards. One worker's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/context.h"
#include "upstream/call.h"

namespace portico::gateway {

// http(s)://host[:port][/path][?query], nothing else: no user, no fragment.
struct FetchUrl {
    bool tls = false;
    std::string host;  // name or address, without brackets, lower case
    uint16_t port = 80;
    std::string authority;
    std::string target;  // path and query, at least "/"

    static std::optional<FetchUrl> parse(std::string_view text);
    bool is_loopback() const;
};

// GET; the whole within `timeout`. Redirects are not followed: the answer is what it is.
// @param tls needed where the URL says https
// @errors upstream_unresolved and those of upstream::call
io::Task<Result<void>> fetch(Context& context, const FetchUrl& url, std::shared_ptr<const io::TlsClient> tls, Duration timeout,
                             uint32_t max_body, upstream::CallAnswer& answer);

}  // namespace portico::gateway
